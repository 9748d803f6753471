"""What every test may ask for: a fake clock, and a real service on a fresh folder."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from seeme.records.models import ConfigPatch, Model, NewModel
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings

NOON = 1_763_640_000_000_000  # 2025-11-20T12:00Z


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: int = NOON) -> None:
        self.at = at

    def __call__(self) -> int:
        """Return the time."""
        return self.at

    def forward(self, microseconds: int) -> None:
        """Move the clock."""
        self.at += microseconds


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings for a fresh folder."""
    return Settings(data=tmp_path / "data")


@pytest.fixture
async def services(settings: Settings, clock: FakeClock) -> AsyncIterator[Services]:
    """A real service floor on a real SQLite file."""
    async with Services.open(settings, clock) as services:
        yield services


@pytest.fixture
def someone() -> Identity:
    """A program with every right."""
    return Identity("sk_test", "secret", "Ada", frozenset({"ingest", "read", "review", "admin"}))


@pytest.fixture
def visitor() -> Identity:
    """A page's publishable key."""
    return Identity("pk_test", "publishable", "page", frozenset({"feedback"}), frozenset(), frozenset({"*"}))


@pytest.fixture
async def model(services: Services) -> Model:
    """A classification model that keeps its inputs."""
    new = NewModel(name="Digits", id="digits", labels=["0", "1"], config=ConfigPatch(log_inputs=True))
    return (await services.models.create(new))[0]


class Live:
    """A real service in a process of its own, on a free port."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment
        self.process: subprocess.Popen[str] | None = None

    @property
    def admin_key(self) -> str:
        """The key that commands on this machine use; it has every right and changes with each start."""
        return str(json.loads((self.folder / "running.json").read_text())["key"])

    def start(self) -> "Live":
        """Start the service and wait until it takes requests."""
        command = [sys.executable, "-m", "seeme", "serve", "--data", str(self.folder), "--port", str(self.port)]
        environment = {**os.environ, **self.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
        with (self.folder.parent / "serve.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, text=True)
        self.wait_ready()
        return self

    def wait_ready(self, seconds: float = 20) -> None:
        """Wait until the service answers and its local key is there."""
        assert self.process is not None
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}: {self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=1):
                    if (self.folder / "running.json").exists():
                        return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"serve wasn't ready in {seconds} s: {self.log()}")

    def log(self) -> str:
        """Return what the service has printed."""
        return (self.folder.parent / "serve.log").read_text()

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        (self.folder / "running.json").unlink(missing_ok=True)

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=30)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A running service on a fresh folder: `.url`, `.admin_key`, `.kill()`, `.start()`, `.stop()`."""
    service = Live(tmp_path / "data").start()
    try:
        yield service
    finally:
        service.stop()
