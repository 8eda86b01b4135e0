"""What is said in a lesson, line by line."""
