"""Decisions about payments, without I/O."""
