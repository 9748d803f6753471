"""`python -m detection`: serve the example for a service that runs already, or log predictions alone."""

import argparse
import sys

import numpy as np
import uvicorn

from seeme import Client
from seeme.errors import SeeMeError

from .app import create_app
from .prediction import PICTURES, simulate
from .setup import make_key, make_model, origins


def main() -> int:
    """Serve until interrupted; with `--simulate`, log so many predictions with their pictures and end."""
    parser = argparse.ArgumentParser(prog="python -m detection", description=__doc__)
    parser.add_argument("--service", default="http://127.0.0.1:8765", help="address of the service (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8766, help="port to listen on (%(default)s)")
    parser.add_argument("--simulate", type=int, metavar="N", help="log predictions of N pictures, and serve nothing")
    options = parser.parse_args()
    try:
        client = Client(options.service, timeout=5)
        model_id = make_model(client)
        if options.simulate is not None:
            first = int(np.random.default_rng().integers(PICTURES - options.simulate))
            simulate(client, model_id, range(first, first + options.simulate))
            return 0
        key = make_key(client, origins(options.host, options.port))
    except SeeMeError as error:
        print(f"detection: {error}", file=sys.stderr)
        return 1
    print(f"The parts are at http://{options.host}:{options.port}", flush=True)
    app = create_app(client, model_id, options.service, key)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
