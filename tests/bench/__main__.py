"""The benchmark: `make bench`, or `python -m tests.bench [--quick] [SECTION ...]`.

It needs Linux (/proc) and wrk, talks to loopback alone, and stops by itself. The table goes to standard output, the raw
rounds to .bench/raw.json. A missed target stays in the table as a miss; it isn't a failure of the run.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .ab_reading import ab
from .estimation import estimation
from .experiments import experiments
from .exporting import exporting
from .postgres import postgres
from .process import ROOT
from .reading import reading
from .review import review
from .run import FULL, QUICK, Run, table
from .starting import starting
from .writing import batches, feedback, singles

SECTIONS: dict[str, Callable[[Run], None]] = {
    "singles": singles,
    "feedback": feedback,
    "batches": batches,
    "reading": reading,
    "exporting": exporting,
    "starting": starting,
    "postgres": postgres,
    "review": review,
    "estimation": estimation,
    "ab": ab,
    "experiments": experiments,
}


def main() -> int:
    """Run the named sections, all of them when none is named."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure the speed of the service, and whether its estimates are right.",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: one short round, few rows, no real figures")
    parser.add_argument("--output", type=Path, default=ROOT / ".bench", help="folder of raw.json (default .bench)")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default all")
    options = parser.parse_args()
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"there is no section {name}; sections are {', '.join(SECTIONS)}")
    if shutil.which("wrk") is None:
        print("wrk is missing: install it first (Debian: apt-get install wrk)", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    options.output.mkdir(parents=True, exist_ok=True)
    # Beside the repository, not in /tmp, which may be memory: an fsync there costs nothing and proves nothing.
    folder = Path(tempfile.mkdtemp(prefix="data-", dir=options.output))
    try:
        run = Run(QUICK if options.quick else FULL, folder)
        for name in options.sections or SECTIONS:
            SECTIONS[name](run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    run.raw["table"] = [row._asdict() for row in run.rows]
    (options.output / "raw.json").write_text(json.dumps(run.raw, indent=1) + "\n")
    if options.quick:
        print("A smoke run: it shows that the benchmark works, its figures mean nothing.\n")
    print(table(run))
    return 0


if __name__ == "__main__":
    sys.exit(main())
