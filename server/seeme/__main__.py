"""`python -m seeme` is the command `seeme`."""

import sys

from seeme.cli import main

sys.exit(main())
