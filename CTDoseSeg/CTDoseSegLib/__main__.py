"""`python -m CTDoseSegLib` is the command `ctdoseseg`; Slicer and the batch start it this way."""

import sys

from .cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
