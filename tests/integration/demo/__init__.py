"""The demo on real servers."""
