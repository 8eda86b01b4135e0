"""Finding lessons by what is said in them."""
