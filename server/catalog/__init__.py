"""Products and the merchants who sell them."""
