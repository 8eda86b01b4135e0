"""Real servers and processes for tests, on free ports, with data in a temporary folder."""
