"""`python -m examples.ab`: let simulated visitors use both classifiers, and print what the A/B test says of them."""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from seeme.client import Client, Record
from seeme.errors import SeeMeError, SetupError

from .held_out import compare
from .model import train
from .reading import Reader
from .setup import CHALLENGER, NOW, make_model, make_test
from .visitors import simulate


def main() -> int:
    """Run the visitors in waves, with the test's state after each, and end with the verdict."""
    parser = argparse.ArgumentParser(prog="python -m examples.ab", description=__doc__)
    parser.add_argument("--service", help="address of a service, with SEEME_API_KEY; else one is started for the run")
    parser.add_argument("--visitors", type=int, default=1200, help="how many in all (%(default)s)")
    parser.add_argument("--wave", type=int, default=200, help="how many between two looks (%(default)s)")
    options = parser.parse_args()
    test_id = f"readers-{uuid4().hex[:8]}"
    try:
        if options.service:
            run(Client(options.service), options.visitors, options.wave, test_id)
        else:
            with own_service() as client:
                run(client, options.visitors, options.wave, test_id)
    except SeeMeError as error:
        print(f"ab: {error}", file=sys.stderr)
        return 1
    return 0


def run(client: Client, visitors: int, wave: int, test_id: str) -> Record:
    """Run a new test with so many visitors, print what it says after each wave, and return the results."""
    digits = train()
    make_model(client)
    reader = Reader(client, digits, make_test(client, test_id))
    print(f"{NOW} (naive Bayes) against {CHALLENGER} (logistic regression), test {test_id}\n")
    for first in range(0, visitors, wave):
        last = min(first + wave, visitors)
        with client.batch():
            simulate(client, reader, digits, range(first, last))
        print(f"{last:6} visitors: {client.get_ab_test_results(test_id).verdict}", flush=True)
    client.stop_ab_test(test_id)
    results = client.get_ab_test_results(test_id)
    print("", compare(client, digits), "", table(results), results.verdict, *results.notes, sep="\n")
    return results


def table(results: Record) -> str:
    """Return the metrics as lines: each arm's value, the difference with its interval, and whether it is one."""
    rows = [f"{'':16}{results.model_a.name:>10}{results.model_b.name:>10}  difference (always-valid interval)"]
    for name, found in results.metrics.items():
        sign = "" if found.kind == "ratio" else "+"
        low, difference, high = (format(each, sign + ".3f") for each in (found.low, found.difference, found.high))
        between = f"{'times ' if found.kind == 'ratio' else ''}{difference} ({low} to {high})"
        rows.append(f"{name:16}{found.value_a:10.3f}{found.value_b:10.3f}  {found.reason or between}")
    return "\n".join(rows)


@contextmanager
def own_service() -> Iterator[Client]:
    """Run a service on a folder that is deleted afterwards, and give a client of it."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "seeme", "serve", "--data", folder, "--port", str(port)]
        # What the reader has set is for a service of theirs.
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("SEEME_")}
        surroundings["SEEME_LOG_LEVEL"] = "warning"
        service = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=surroundings)
        try:
            yield _client(service, Path(folder))
        finally:
            service.terminate()
            service.wait()


def _client(service: subprocess.Popen[bytes], folder: Path) -> Client:
    """Return a client of a service of ours, which leaves its address and key in its folder when it takes requests."""
    while service.poll() is None:
        try:
            found = json.loads((folder / "running.json").read_text())
        except (OSError, ValueError):
            time.sleep(0.05)
        else:
            return Client(found["url"], found["key"])
    raise SetupError(f"the service ended with {service.returncode}")


if __name__ == "__main__":
    sys.exit(main())
