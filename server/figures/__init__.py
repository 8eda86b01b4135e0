"""Figures: what a host sees of his broadcast and his sale in numbers, counted from records."""
