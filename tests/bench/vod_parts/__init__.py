"""The parts of `make bench-vod`."""
