"""Commands as people run them: a process each, beside a real service."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from live import Live

from seeme import Client


class Ended:
    """What a command printed, and how it ended."""

    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    @property
    def lines(self):
        """The lines of its standard output."""
        return self.out.splitlines()


def seeme(*arguments, data=None, **environment):
    """Run a command to its end."""
    command = [sys.executable, "-m", "seeme", *map(str, arguments)]
    if data is not None:
        command += ["--data", str(data)]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SEEME_")}
    environment = {**plain, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    return Ended(subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False))


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A running service that the tests of a file share."""
    live = Live(tmp_path_factory.mktemp("shared") / "data").start()
    try:
        yield live
    finally:
        live.stop()


@pytest.fixture
def make_model(service):
    """Return a function that makes a model with predictions, and gives its id."""

    def make(predictions=0, task="classification", **fields):
        client = Client(service.url, service.admin_key)
        model_id = client.create_model("M", task).id
        with client.batch():
            for n in range(predictions):
                client.log_prediction(
                    model_id, id=f"p{n:04}", label="cat", confidence=n / max(predictions, 1), **fields
                )
        return model_id

    return make


def write_lines(path: Path, *rows) -> Path:
    """Write JSON lines; texts are written as they are."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path
