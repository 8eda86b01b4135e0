"""Decisions about catalog, without I/O."""
