"""Benchmarks: programs that print a table and one JSON line last; results stand in docs/benchmarks.md."""
