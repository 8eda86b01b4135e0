"""Parts of the benchmark of flash orders."""
