"""The measured processes: started, asked for their CPU time and memory, stopped; they end with the benchmark."""

import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
_TICK = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to end this process with its parent, so that nothing outlives a benchmark that was killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def environment() -> dict[str, str]:
    """Return the environment of a measured process: our modules, and no SEEME_* that would change a default."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEEME_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its compiled files
    paths = [str(ROOT / "server"), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


class Process:
    """A server in a process of its own, on loopback."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, *(part.replace("PORT", str(self.port)) for part in command)]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Process":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    @property
    def id(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> float:
        """Start, and return the seconds until it answered /readyz with 200."""
        began = time.perf_counter()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=environment(), preexec_fn=die_with_parent
            )
        while not self._is_ready():
            if self._process.poll() is not None or time.perf_counter() - began > 60:
                raise RuntimeError(f"{self._command} isn't ready: {self._log.read_text()[-2000:]}")
            time.sleep(0.002)
        return time.perf_counter() - began

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop it, by force when it doesn't listen."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu(self) -> float:
        """Return the CPU seconds used so far by all threads, in user mode and in the kernel."""
        fields = Path(f"/proc/{self.id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory(self) -> float:
        """Return the resident memory in MB."""
        for line in Path(f"/proc/{self.id}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError("the process has ended")


class Service(Process):
    """`seeme serve` with all its defaults on a fresh folder, or on one that is there."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = ["-m", "seeme", "serve", "--data", str(folder), "--port", "PORT", *options]
        super().__init__(command, folder.with_suffix(".log"))
        self.folder = folder
        self.key = ""

    def start(self) -> float:
        """Start; make a key as its users have one, the first time."""
        (self.folder / "running.json").unlink(missing_ok=True)
        seconds = super().start()
        while not (self.folder / "running.json").exists():
            time.sleep(0.01)
        if not self.key:
            self.key = json.loads((self.folder / "running.json").read_text())["key"]
            body = {"kind": "secret", "holder": "benchmark", "scopes": ["ingest", "read", "review", "admin"]}
            self.key = self.call("POST", "/v1/keys", body)["key"]
        return seconds

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Send one request and return what came back; anything but 2xx is an exception."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text)


class Peak:
    """The most memory that a process had during a `with` block."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._done = threading.Event()
        self.megabytes = process.memory()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self.megabytes = max(self.megabytes, self._process.memory())

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
