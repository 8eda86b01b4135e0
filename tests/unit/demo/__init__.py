"""The demo without I/O."""
