"""Where people want their parcels."""
