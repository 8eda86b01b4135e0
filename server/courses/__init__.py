"""Courses and lessons, and how far each learner is."""
