"""What learners ask about a lesson, and what its teacher answers."""
