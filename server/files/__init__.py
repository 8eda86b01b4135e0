"""Files: objects that anybody may read."""
