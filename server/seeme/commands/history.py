"""`seeme import`: predictions, labels and feedback of earlier times from JSONL or CSV, through the running service."""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from seeme import outgoing
from seeme.batching import deliver
from seeme.client import Client
from seeme.commands.progress import Progress
from seeme.errors import RequestError, SeeMeError, SetupError
from seeme.mistakes import explained, printable
from seeme.outgoing import SHAPES, Event

ONE = {"predictions": "prediction", "labels": "label", "feedback": "feedback"}
# What an export has and an import can't set: told by the service, or by the rows of another kind.
READ_ONLY = {
    "predictions": {"received_at", "has_input", "truth", "arm"},
    "labels": {"status"},
    "feedback": {"received_at", "updated_at", "status", "status_reason", "review", "reviewed_by", "reviewed_at"}
    | {"predicted_label", "predicted_value", "input_url", "has_input"},
}
JSON_CELLS = {"scores", "detections", "image_size", "features", "attributions", "attributes", "boxes", "box"}
QUOTED = re.compile(r"'+\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # as exports defuse formulas
CHUNK = 1000
SHOWN_FAILURES = 20
PATIENCE = 60.0  # seconds that an outage may last


def load(client: Client, path: Path, kind: str, model_id: str | None, *, format: str | None = None) -> int:
    """Send a file's events; return how many lines failed, each named on standard error.

    A row without an id gets one made from its content and its place, so that an import that was broken off can be
    started again: what is stored already is found unchanged.
    """
    format = format or {".csv": "csv", ".tsv": "csv"}.get(path.suffix.lower(), "jsonl")
    if not path.is_file():
        raise SetupError(f"there is no file {path}")
    progress = Progress(f"Importing {path.name}", path.stat().st_size)
    failed: list[str] = []
    stored: Counter[str] = Counter()
    with path.open("rb") as file:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        rows = _csv_rows(file, delimiter) if format == "csv" else _json_rows(file)
        chunk: list[tuple[int, Event]] = []
        for line, found in rows:
            try:
                chunk.append((line, _event(kind, found, model_id, line)))
            except (ValueError, RequestError) as error:
                failed.append(f"line {line}: {error}")
            if len(chunk) == CHUNK:
                stored += _send(client, chunk, failed)
                progress.show(file.tell())
                chunk = []
        stored += _send(client, chunk, failed)
    progress.end(_summary(kind, stored, len(failed)))
    for text in failed[:SHOWN_FAILURES]:
        print(printable(text), file=sys.stderr)
    if len(failed) > SHOWN_FAILURES:
        print(f"... and {len(failed) - SHOWN_FAILURES} more", file=sys.stderr)
    return len(failed)


def _summary(kind: str, stored: Counter[str], failed: int) -> str:
    total, known, waiting = stored.total(), stored["unchanged"], stored["orphan"]
    return (
        f"{total} {ONE[kind] if total == 1 else kind}: {total - known - waiting} new, {known} already there, "
        f"{waiting} waiting for their prediction; {failed} line{'' if failed == 1 else 's'} failed"
    )


def _json_rows(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except RecursionError:
                yield number, ValueError("is nested too deeply")
            except ValueError as error:
                yield number, error


def _csv_rows(file: BinaryIO, delimiter: str) -> Iterator[tuple[int, Any]]:
    """Yield a CSV's rows as dicts: empty cells are left out, JSON arrays and objects in cells are read as such."""
    reader = csv.DictReader(_texts(file), delimiter=delimiter)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, ValueError(str(error))
            continue
        if row is None:
            return
        if None in row:
            yield reader.line_num, ValueError("has more cells than the header")
            continue
        try:
            yield reader.line_num, {name: _of_cell(name, text) for name, text in row.items() if text}
        except (ValueError, RecursionError) as error:
            yield reader.line_num, ValueError(str(error))


def _texts(file: BinaryIO) -> Iterator[str]:
    """Yield lines as text; what isn't UTF-8 becomes a lone surrogate, which is then refused with its line's number."""
    for n, line in enumerate(file):
        yield line.removeprefix(b"\xef\xbb\xbf" if n == 0 else b"").decode("utf-8", "surrogateescape")


def _of_cell(name: str, text: str) -> Any:
    if name in JSON_CELLS:
        return json.loads(text)
    return text[1:] if QUOTED.match(text) else text


def _event(kind: str, found: Any, model_id: str | None, line: int) -> Event:
    """Return a row as an event that fits its shape, texts of a CSV turned into numbers.

    Raises:
        ValueError: when it isn't a row of fields.
        Invalid: naming every wrong field, as the service does.
    """
    if isinstance(found, ValueError):
        raise found
    if not isinstance(found, dict):
        raise ValueError("isn't an object")
    found = {name: part for name, part in found.items() if part is not None and name not in READ_ONLY[kind]}
    if model_id is not None:
        found.setdefault("model_id", model_id)
    if "unit" not in found:  # an export tells of no unit, so it can't count for its test again
        found.pop("ab_test_id", None)
    if "id" not in found:
        content = json.dumps(found, sort_keys=True, default=str).encode()
        found["id"] = "import-" + blake2b(b"%d:" % line + content, digest_size=12).hexdigest()

    def convert(fields: Any) -> Any:
        return msgspec.convert(fields, SHAPES[kind], strict=False)

    try:
        return outgoing.event(kind, msgspec.to_builtins(convert(found)))
    except msgspec.ValidationError as error:
        raise explained(str(error), SHAPES[kind], found, convert) from None
    except UnicodeEncodeError:
        raise ValueError("holds text that isn't Unicode (UTF-8)") from None


def _send(client: Client, chunk: list[tuple[int, Event]], failed: list[str]) -> Counter[str]:
    """Send a chunk; add the lines that the service refused to `failed`, and count the others by what became of them.

    Raises:
        SeeMeError: when the service can't be reached, or can't store: the same import can then be started again.
    """
    stored: Counter[str] = Counter()
    answers = deliver(client._transport, [event for _, event in chunk], PATIENCE)
    for (line, _), answer in zip(chunk, answers, strict=True):
        if isinstance(answer, RequestError):
            failed.append(f"line {line}: {answer}")
        elif isinstance(answer, SeeMeError):
            raise answer
        else:
            stored[answer.status] += 1
    return stored
