"""Uploads: videos that come in pieces over weak lines, and go on where they stopped."""
