"""`seeme export`: every row, in two formats that an import and a spreadsheet take."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from seeme import Client

from .conftest import seeme


def export(service, model_id, *options):
    """Export to standard output."""
    return seeme("export", "--model", model_id, *options, data=service.folder)


EVIL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "'=quoted",
    "'tis",
    '=HYPERLINK("http://x")',
    "plain, with comma",
    'a "b"\nc',
    "\n=1",
    "  =1+1",
    "\u00a0+1",
    "\uff1d1+1",
    "\uff20SUM",
    "' -1",
]


@pytest.fixture
def filled(service, make_model):
    """A model with labels that a spreadsheet would run, truths, votes and a correction."""
    model_id = make_model()
    client = Client(service.url, service.admin_key)
    for n, label in enumerate(EVIL):
        client.log_prediction(model_id, id=f"e{n}", label=label, confidence=0.5, features={"a": "=1", "b": -1})
    client.log_label("e0", "cat", model_id=model_id)
    client.log_feedback("e0", "rating", model_id=model_id, rating=1)
    client.log_feedback("e1", "correction", model_id=model_id, correct_label="=cmd()", notes="-note")
    return model_id


def test_json_lines_have_every_row_oldest_first(service, make_model):
    """More rows than a page has; the end says how many."""
    done = export(service, make_model(2500))
    assert done.code == 0
    rows = [json.loads(line) for line in done.lines]
    assert [row["id"] for row in rows] == [f"p{n:04}" for n in range(2500)]
    assert done.err == "2500 predictions exported\n"


def test_a_csv_runs_nothing(service, filled):
    """No cell begins with what a spreadsheet takes for a formula, and none is lost."""
    done = export(service, filled, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert len(rows) == len(EVIL)
    for row in rows:
        for name, cell in row.items():
            assert not cell.startswith(("\t", "\r", "\n")), (name, cell)
            assert not cell.lstrip().startswith(("=", "+", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")), (name, cell)
            assert not cell.lstrip().startswith("-") or float(cell)
    assert rows[0]["label"] == "'=1+1"
    assert rows[0]["confidence"] == "0.5"
    assert json.loads(rows[0]["features"]) == {"a": "=1", "b": -1}
    feedback = list(csv.DictReader(io.StringIO(export(service, filled, "--kind", "feedback", "--format", "csv").out)))
    assert [row["notes"] for row in feedback] == ["", "'-note"]


@pytest.mark.parametrize(
    ("kind", "format"), [("predictions", "jsonl"), ("predictions", "csv"), ("labels", "jsonl"), ("feedback", "csv")]
)
def test_what_was_exported_can_be_imported(service, filled, make_model, tmp_path, kind, format):
    """Into another model the rows come back as they were, texts letter for letter."""
    other = make_model()
    path = tmp_path / f"rows.{format}"
    assert (
        seeme(
            "export", "--model", filled, "--kind", kind, "--format", format, "--output", path, data=service.folder
        ).code
        == 0
    )
    path.write_text(path.read_text(encoding="utf-8").replace(filled, other), encoding="utf-8")
    if kind != "predictions":
        parents = tmp_path / "parents.jsonl"
        parents.write_text(export(service, filled).out.replace(filled, other))
        assert seeme("import", parents, data=service.folder).code == 0
    done = seeme("import", path, "--kind", kind, data=service.folder)
    assert done.code == 0, done.err
    volatile = {"received_at", "updated_at", "model_id", "truth"}
    pictures = []
    for model_id in (filled, other):
        rows = [json.loads(line) for line in export(service, model_id, "--kind", kind).lines]
        pictures.append([{name: part for name, part in row.items() if name not in volatile} for row in rows])
    assert pictures[0] == pictures[1]


def test_a_reader_that_has_enough_ends_the_export(service, make_model):
    """`seeme export | head` closes cleanly, with no traceback."""
    model_id = make_model(3000)
    command = f"{sys.executable} -m seeme export --model {model_id} --data {service.folder} | head -n 1"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment, timeout=60)
    assert json.loads(ended.stdout)["id"] == "p0000"
    assert ended.stderr == ""


def test_a_file_that_exists_is_not_overwritten(service, make_model, tmp_path):
    """The message names it, and it stays as it was."""
    path = tmp_path / "mine.jsonl"
    path.write_text("mine")
    refused = export(service, make_model(1), "--output", path)
    assert (refused.code, refused.err) == (1, f"seeme: {path} exists; name a file that doesn't\n")
    assert path.read_text() == "mine"


def test_an_export_that_fails_leaves_no_file(service, tmp_path):
    """An unknown model is one line, and no half file is left that the next try would stumble over."""
    path = tmp_path / "rows.jsonl"
    refused = export(service, "unknown", "--output", path)
    assert (refused.code, refused.err) == (1, "seeme: there is no model unknown\n")
    assert not path.exists()


def test_an_export_needs_no_service(live, tmp_path):
    """It reads the data folder itself; without one it says so."""
    Client(live.url, live.admin_key).create_model("M", id="m")
    Client(live.url, live.admin_key).log_prediction("m", id="p1", label="cat")
    live.stop()
    assert json.loads(export(live, "m").out)["id"] == "p1"
    refused = seeme("export", "--model", "m", data=tmp_path / "nothing")
    assert refused.code == 1
    assert "there is no database at" in refused.err


def test_an_empty_model_exports_a_header_alone(service, make_model):
    """CSV has its header even without rows, JSONL nothing."""
    model_id = make_model()
    assert export(service, model_id).out == ""
    assert export(service, model_id, "--format", "csv").out.startswith("id,model_id,version_id,")
