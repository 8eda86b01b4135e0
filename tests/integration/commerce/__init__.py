"""Sales, orders and payments on a real MongoDB."""
