"""Decisions about flash, without I/O."""
