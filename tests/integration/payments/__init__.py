"""Providers as the shop sees them, each with a gateway on the other side."""
