"""`python -m mediafp`."""

from mediafp.cli import main

main()
