"""`python -m digits`: serve the example for a service that runs already."""

import argparse
import signal
import sys
import threading

from seeme import Client
from seeme.errors import SeeMeError

from .example import start
from .setup import make_key, make_model


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m digits", description=__doc__)
    parser.add_argument("--service", default="http://127.0.0.1:8765", help="address of the service (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8766, help="port to listen on (%(default)s)")
    options = parser.parse_args()
    try:
        client = Client(options.service, timeout=5)
        make_model(client)
        key = make_key(client, options.host, options.port)
        server = start(client, options.service, key, options.host, options.port)
    except SeeMeError as error:
        print(f"digits: {error}", file=sys.stderr)
        return 1
    print(f"The digits are at {server.url}")
    stopped = threading.Event()
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, lambda *_: stopped.set())
    stopped.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
