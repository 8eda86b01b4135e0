"""Media nodes: what is on them, for operators."""
