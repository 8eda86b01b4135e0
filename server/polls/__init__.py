"""Polls: one question at a time to the whole room, one vote each."""
