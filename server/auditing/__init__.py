"""Auditing: does each piece of each sale stand in the books exactly once?"""
