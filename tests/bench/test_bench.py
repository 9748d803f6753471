"""The benchmark itself works: a quick run measures every section and prints its table."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_a_quick_run_measures_every_section(tmp_path: Path) -> None:
    """Every section has its line and its raw rounds, every answer was 2xx, and all of it was stored."""
    command = [sys.executable, "-m", "tests.bench", "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    for words in (
        "single predictions / floor",
        "single ratings / floor",
        "batches of 100: events/s",
        "page of 50 at 20,000 predictions",
        "12 weeks of metrics at 20,000 predictions",
        "a version of 20,000 items",
        "export of 20,000 items as yolo",
        "ready after the start",
        "idle resident memory",
        "`from seeme import Client`",
        "PostgreSQL",
        "sampling inside intake",
        "SQLite: items leased to two of 50 reviewers",
        "PostgreSQL, two nodes: items leased to two of 50 reviewers",
        "accuracy, rule 50 % + random 5 %",
        "results of an A/B test of 20,000 predictions",
        "A/B, feedback_score 0.8 to 0.83",
    ):
        assert f"| {words}" in done.stdout
    raw = json.loads((tmp_path / "raw.json").read_text())
    for section in ("singles", "feedback", "batches"):
        assert {"service"} <= {one["subject"] for one in raw[section]}
        assert all(one["events"] > 0 and one["refused"] == one["broken"] == 0 for one in raw[section])
    assert all(one["stored"] >= one["answered"] > 0 for one in raw["counts"])
    assert list(tmp_path.iterdir()) == [tmp_path / "raw.json"]
