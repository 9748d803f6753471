"""`python -m widget`: serve the gallery."""

import argparse
import signal
import sys
import threading

from .server import running


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m widget", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8767, help="port to listen on (%(default)s)")
    options = parser.parse_args()
    stopped = threading.Event()
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, lambda *_: stopped.set())
    try:
        with running(options.host, options.port) as url:
            print(f"The gallery is at {url}")
            stopped.wait()
    except OSError as error:
        print(f"widget: can't listen at {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
