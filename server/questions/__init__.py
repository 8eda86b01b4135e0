"""Questions to the host: asked, answered, pinned."""
