"""Clients to the outside that only the server and the workers need; no business words here."""
