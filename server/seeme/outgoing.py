"""What the client sends: the user's values as plain JSON, events with their ids, inputs as bytes."""

import hashlib
import math
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO, NamedTuple, TypeAlias, TypedDict
from urllib.parse import quote

import msgspec

from seeme.clock import from_micros, now
from seeme.errors import invalid
from seeme.ids import uuid7
from seeme.records.feedback import NewFeedback
from seeme.records.predictions import NewLabel, NewPrediction
from seeme.results import Record

Input: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
When: TypeAlias = str | date | datetime

SHAPES: dict[str, Any] = {"predictions": NewPrediction, "labels": NewLabel, "feedback": NewFeedback}


class PredictionFields(TypedDict, total=False):
    """The optional fields of a prediction, as `NewPrediction` of `seeme.records` declares them."""

    id: str | None
    version_id: str | None
    created_at: When | None
    label: str | None
    confidence: float | None
    scores: Mapping[str, float] | None
    value: float | None
    detections: list[Any] | None
    image_size: tuple[int, int] | None
    latency_ms: float | None
    error: str | None
    input_url: str | None
    input_hash: str | None
    input_id: str | None
    features: Mapping[str, Any] | None
    attributions: Mapping[str, float] | None
    attributes: Mapping[str, Any] | None
    subject: str | None
    ab_test_id: str | None
    unit: str | None


class Event(NamedTuple):
    """A prediction, label or feedback ready to be sent, and sent again, with the same bytes."""

    kind: str
    id: str
    model_id: str | None
    body: bytes
    input: bytes | None = None

    @property
    def size(self) -> int:
        """Return the bytes it takes while it waits."""
        return len(self.body) + len(self.input or b"")

    def item(self) -> dict[str, Any]:
        """Return what will be sent, as plain data that could be logged again."""
        return msgspec.json.decode(self.body)  # type: ignore[no-any-return]


def event(kind: str, fields: Mapping[str, Any], *, queued: bool = False, path: str = "$") -> Event:
    """Return the event with these fields, of which None means: not given.

    A `queued` event is checked here, at the line that made it, and gets its time here when its id is made here too.
    With an id of the caller's it stays as it was written: a rerun must send the same content to count as a replay.

    Raises:
        Invalid: naming the field that can't be sent.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    source = given.pop("input", None)
    data = None if source is None else input_bytes(source)
    at = now()
    if queued and "id" not in given:
        given.setdefault("created_at", from_micros(at))
    given.setdefault("id", uuid7(at))
    if data is not None and "input_hash" not in given:
        given["input_hash"] = hashlib.sha256(data).hexdigest()
    if isinstance(given.get("created_at"), date):
        given["created_at"] = when(given["created_at"], f"{path}.created_at", whole_day=False)
    item = plain(given, path)
    if queued:
        check(item, SHAPES[kind], path)
    return Event(kind, str(item["id"]), item.get("model_id"), msgspec.json.encode(item), data)


def check(item: dict[str, Any], shape: Any, path: str) -> None:
    """Check an event against its shape.

    Raises:
        Invalid: with the path of the first wrong field.
    """
    try:
        msgspec.convert(item, shape)
    except msgspec.ValidationError as error:
        message, _, inner = str(error).partition(" - at ")
        raise invalid(path + inner.strip("`").removeprefix("$"), message) from None


def plain(value: Any, path: str = "$") -> Any:
    """Return a value as JSON's own types; numpy's and torch's scalars and arrays become numbers and lists.

    Raises:
        Invalid: for NaN, infinities and what has no place in JSON, with the path to it.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise invalid(path, f"expected a finite number (got {value}; leave out what isn't known)")
        return float(value)
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(name): plain(part, f"{path}.{name}") for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, f"{path}[{at}]") for at, part in enumerate(value)]
    if isinstance(value, date):
        return when(value, path)
    if hasattr(value, "tolist"):
        return plain(value.tolist(), path)
    raise invalid(path, f"expected a value that JSON has (got {type(value).__name__})")


def _text(value: str, path: str) -> str:
    text = str.__str__(value)  # numpy's and enums' strings are subclasses of str
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise invalid(path, f"expected text that UTF-8 can hold (got {text[error.start]!r} alone)") from None
    return text


def when(value: When, path: str, *, whole_day: bool = True) -> str:
    """Return a time as RFC 3339 text in UTC; a date alone stays one, or becomes its first moment (not `whole_day`).

    Raises:
        Invalid: for a datetime without a time zone, which names no moment.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, datetime):
        if whole_day:
            return value.isoformat()
        value = datetime.combine(value, time(), UTC)
    if value.utcoffset() is None:
        raise invalid(path, f"expected a datetime with a time zone, such as datetime.now(UTC) (got {value!r})")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def input_bytes(source: Input) -> bytes:
    """Return the bytes of an input given as path, bytes or open binary file."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return file.read()
    data = source.read()
    if not isinstance(data, bytes):
        raise TypeError("an input is a path, bytes or a file opened in binary mode ('rb')")
    return data


def segment(value: str, name: str) -> str:
    """Return an id as a part of a path.

    Raises:
        Invalid: when it can't be one, as when None was passed.
    """
    if not isinstance(value, str) or value in ("", ".", ".."):
        raise invalid(f"$.{name}", f"expected an id (got {value!r})")
    return quote(value, safe="~:")


def query(**parts: Any) -> tuple[tuple[str, str], ...]:
    """Return the parts that were given as a query."""
    texts = {name: when(value, name) if isinstance(value, date) else value for name, value in parts.items()}
    return tuple((name, str(text)) for name, text in texts.items() if text is not None)
