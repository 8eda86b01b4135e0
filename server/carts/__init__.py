"""What people have put aside to buy together."""
