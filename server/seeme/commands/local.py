"""How a command on this machine finds the service that runs on a data folder, and talks to it."""

import getpass
import json
import os
from pathlib import Path

from seeme.client import Client
from seeme.errors import SetupError

FILE = "running.json"


def announce(data: Path, url: str, key: str) -> None:
    """Leave the address and the local key of a running service in its data folder, for its owner's eyes only."""
    path = data / FILE
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": url, "key": key, "process": os.getpid()}, file)


def withdraw(data: Path) -> None:
    """Take this process's announcement back; one of another process, which holds the data folder, stays."""
    path = data / FILE
    try:
        own = json.loads(path.read_text())["process"] == os.getpid()
    except (OSError, ValueError, KeyError):
        return
    if own:
        path.unlink(missing_ok=True)


def client(data: Path) -> Client:
    """Return a client with every right at the service that runs on a data folder.

    Where SEEME_API_KEY is set, that key and SEEME_BASE_URL are used instead: the service may be on another machine.

    Raises:
        SetupError: no service runs there.
    """
    if os.environ.get("SEEME_API_KEY"):
        return Client()
    try:
        found = json.loads((data / FILE).read_text())
        os.kill(found["process"], 0)
    except (OSError, ValueError, KeyError):
        raise SetupError(
            f"no service runs on {data}. Start it with `seeme serve --data {data}`, name the folder of one that runs "
            "with --data, or a service elsewhere with SEEME_BASE_URL and SEEME_API_KEY."
        ) from None
    return Client(found["url"], found["key"])


def user() -> str | None:
    """Return the name of who works at this machine; None where that isn't known, or where a key says who it is."""
    if os.environ.get("SEEME_API_KEY"):
        return None
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        return None
