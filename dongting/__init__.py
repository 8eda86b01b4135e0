"""The command line: everything on one machine with one command."""
