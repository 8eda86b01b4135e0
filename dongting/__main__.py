"""`python -m dongting`."""

from dongting.cli import main

main()
