"""The teacher's desk: his courses, and how they are learned from."""
