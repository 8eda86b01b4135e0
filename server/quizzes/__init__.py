"""Questions of a teacher to those who learn, in a lesson and after it."""
