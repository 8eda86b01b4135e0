"""Transcoding: a pure plan, one decode for all renditions in a fenced child process, packaging."""
