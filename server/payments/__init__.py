"""Payments behind one interface; the local sandbox provider."""
