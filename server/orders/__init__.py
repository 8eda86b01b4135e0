"""Orders: from hold to paid or given back."""
