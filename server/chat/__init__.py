"""Chat, likes and who is there."""
