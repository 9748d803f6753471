"""One run of the benchmark: how much is measured, where it is kept, what came out."""

import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .process import Peak, Process, die_with_parent

CONNECTIONS = 64
_LUA = Path(__file__).with_name("load.lua")
_run_numbers = itertools.count(1)


class Plan(NamedTuple):
    """How much is measured: rounds of so many seconds, starts, stored predictions, reads, samples, simulated tests."""

    rounds: int
    seconds: int
    warm_up: int
    starts: int
    few: int
    many: int
    reads: int
    samples: int
    tests: int


FULL = Plan(
    rounds=5, seconds=8, warm_up=3, starts=5, few=10_000, many=1_000_000, reads=2_000, samples=2_000, tests=10_000
)
QUICK = Plan(rounds=1, seconds=1, warm_up=0, starts=1, few=2_000, many=20_000, reads=100, samples=100, tests=20)


class Row(NamedTuple):
    """One line of the table; `met` is None where nothing was aimed at."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None


class Load(NamedTuple):
    """What wrk and /proc said of one round."""

    events: int
    seconds: float
    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    memory_mb: float
    refused: int
    broken: int


class Run:
    """A run: its plan, its folder, its rows, and the raw rounds."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.rows: list[Row] = []
        self.raw: dict[str, Any] = {"machine": machine(folder), "plan": plan._asdict()}

    def say(self, words: str) -> None:
        """Tell whoever waits what is being done."""
        print(words, file=sys.stderr, flush=True)

    def add(self, what: str, value: str, target: str = "", met: bool | None = None) -> None:
        """Add a line to the table."""
        self.rows.append(Row(what, value, target, met))

    def keep(self, section: str, **values: Any) -> None:
        """Keep a raw measurement."""
        self.raw.setdefault(section, []).append(values)

    def load(
        self, process: Process, kind: str, *, key: str = "-", size: int = 1, known: int = 1, seconds: int = 0
    ) -> Load:
        """Let wrk load a process over 64 connections; it stops by itself."""
        seconds = seconds or self.plan.seconds
        prefix = f"{int(time.time()):08x}-{next(_run_numbers):04x}"
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(_LUA), process.url]
        command += ["--", key, kind, prefix, str(size), str(known)]
        before = process.cpu()
        with Peak(process) as peak:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds + 30, preexec_fn=die_with_parent
            )
        used = process.cpu() - before
        found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        if not found:
            raise RuntimeError(f"wrk failed: {done.stdout} {done.stderr}")
        result = json.loads(found[0].removeprefix("RESULT "))
        events, took = result["requests"] * size, result["microseconds"] / 1e6
        return Load(
            events=events,
            seconds=took,
            rate=events / took,
            cpu_us=used / max(1, events) * 1e6,
            p50_ms=result["p50"] / 1e3,
            p99_ms=result["p99"] / 1e3,
            memory_mb=peak.megabytes,
            refused=result["refused"],
            broken=result["broken"],
        )


def spread(values: Iterable[float], format: str = "{:,.0f}") -> str:
    """Return the median of values with their range."""
    numbers = sorted(values)
    middle = format.format(statistics.median(numbers))
    if len(numbers) == 1:
        return middle
    return f"{middle} ({format.format(numbers[0])}-{format.format(numbers[-1])})"


def machine(folder: Path) -> dict[str, Any]:
    """Return what the figures depend on: the processor, Python, and how long an fsync takes where the data lie."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": names[0].partition(":")[2].strip() if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "fsync_ms": round(_fsync_seconds(folder) * 1e3, 3),
    }


def _fsync_seconds(folder: Path) -> float:
    times = []
    path = folder / "fsync"
    with path.open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    path.unlink()
    return statistics.median(times)


def table(run: Run) -> str:
    """Return the rows as a Markdown table, with what it was measured on."""
    where = run.raw["machine"]
    lines = [
        f"{where['processor']}, {where['cores']} cores, Python {where['python']}, fsync {where['fsync_ms']} ms, "
        f"load before {where['load_before']:.2f}; {run.plan.rounds} rounds of {run.plan.seconds} s, "
        f"{CONNECTIONS} connections; median (range).",
        "",
        "| what | measured | target | |",
        "|---|---|---|---|",
    ]
    verdict = {None: "", True: "met", False: "**missed**"}
    lines += [f"| {row.what} | {row.value} | {row.target} | {verdict[row.met]} |" for row in run.rows]
    return "\n".join(lines)
