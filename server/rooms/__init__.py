"""Rooms: the places that hosts own."""
