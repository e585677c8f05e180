"""`python -m dspipe`: the command line."""

from dspipe.cli import main

main()
