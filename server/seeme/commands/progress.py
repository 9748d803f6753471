"""A progress bar on a terminal; elsewhere only the end is said."""

import sys


class Progress:
    """Shows how much of something is done, on standard error."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = max(total, 1)
        self._shown = -1

    def show(self, done: int) -> None:
        """Show that `done` of the total is done."""
        percent = min(100, done * 100 // self._total)
        if percent == self._shown or not sys.stderr.isatty():
            return
        self._shown = percent
        bar = "#" * (percent // 4)
        print(f"\r{self._what} [{bar:<25}] {percent:3d} %", end="", file=sys.stderr, flush=True)

    def end(self, text: str) -> None:
        """Replace the bar by a last line."""
        print(f"\r\033[K{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)
