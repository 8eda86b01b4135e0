"""Clips: short pieces of broadcasts, one for each moment and whatever a host cuts himself."""
