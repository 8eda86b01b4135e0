"""How good learners find a lesson."""
