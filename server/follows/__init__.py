"""Following: who wants to hear of a room."""
