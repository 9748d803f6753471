"""How soon the service is there, what it takes while idle, and what `import seeme` costs."""

import statistics
import subprocess
import sys
import time

from .process import ROOT, Service, environment
from .run import Run, spread

_IMPORT = "import time; began = time.perf_counter(); from seeme import Client; print(time.perf_counter() - began)"
_SETTLED = 2.0


def starting(run: Run) -> None:
    """Start on a fresh folder several times, wait a little, and import the client several times."""
    starts, idle = [], []
    for number in range(run.plan.starts):
        run.say(f"starting, {number + 1} of {run.plan.starts}")
        service = Service(run.folder / f"starting-{number}")
        try:
            starts.append(service.start())
            time.sleep(_SETTLED)
            idle.append(service.memory())
        finally:
            service.stop()
        run.keep("starting", ready=starts[-1], idle_mb=idle[-1])
    imports = [_import() * 1e3 for _ in range(run.plan.starts)]
    run.keep("imports", milliseconds=imports)
    ready = statistics.median(starts)
    run.add("ready after the start on a fresh folder", f"{spread(starts, '{:.2f}')} s", "<= 0.7 s", ready <= 0.7)
    memory = statistics.median(idle)
    run.add("idle resident memory", f"{spread(idle)} MB", "<= 60 MB", memory <= 60)
    took = statistics.median(imports)
    run.add("`from seeme import Client`", f"{spread(imports)} ms", "<= 100 ms", took <= 100)


def _import() -> float:
    command = [sys.executable, "-c", _IMPORT]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(), cwd=ROOT)
    return float(done.stdout)
