"""Filling the gaps of a replay from what its host's own browser recorded."""
