"""The commands of the command line, a file per kind; `cli.py` reads the arguments."""
