"""Halls, booths and the clips that stand there."""
