"""Cards: products and lessons pinned in a stream; each span is a moment of the replay."""
