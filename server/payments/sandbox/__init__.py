"""The sandbox provider: behaves like a real one, in which nobody pays real money."""
