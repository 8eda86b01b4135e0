"""Decisions about orders, without I/O."""
