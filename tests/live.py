"""A real service in a process of its own, for tests that kill it, fill its disk or open it in a browser."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


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

    def surroundings(self) -> dict[str, str]:
        """Return the environment of the service's process, and of commands beside it."""
        return {**os.environ, **self.environment, "PYTHONPATH": os.pathsep.join(sys.path)}

    def start(self, *before: str) -> "Live":
        """Start the service and wait until it takes requests; `before` is a command that runs it, such as strace."""
        self.spawn(*before)
        self.wait_ready()
        return self

    def spawn(self, *before: str) -> None:
        """Start the process, and don't wait."""
        command = [sys.executable, "-m", "seeme", "serve", "--data", str(self.folder), "--port", str(self.port)]
        with (self.folder.parent / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [*before, *command], stdout=log, stderr=log, env=self.surroundings(), text=True
            )

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
