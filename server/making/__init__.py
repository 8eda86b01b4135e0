"""Making: things that workers make from a source, claimed under a lease and redone when a worker dies."""
