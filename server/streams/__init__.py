"""Streams: one broadcast in a room each."""
