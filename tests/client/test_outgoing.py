"""Tests of how the user's values become JSON."""

import enum
import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from seeme.errors import Invalid
from seeme.ids import uuid7
from seeme.outgoing import PredictionFields, event, input_bytes, plain, query, segment, when
from seeme.records.predictions import NewPrediction
from seeme.results import Record


class Color(str, enum.Enum):  # noqa: UP042 (the older way, whose str() is another text)
    """A text that is an enum too."""

    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("cat"), "cat"),
        (np.array([[1.0, 2.0]]), [[1.0, 2.0]]),
        ({"a": np.int8(1), 2: (1, 2)}, {"a": 1, "2": [1, 2]}),
        (Color.RED, "red"),
        (Record({"a": None, "b": {"c": 1}}), {"a": None, "b": {"c": 1}}),
        (datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2024-01-01T00:00:00Z"),
        (date(2024, 1, 1), "2024-01-01"),
        ("Zürich 🐈", "Zürich 🐈"),
        (None, None),
    ],
)
def test_values_become_json_of_the_same_meaning(value: Any, expected: Any) -> None:
    """numpy's and enums' too, though the client doesn't know numpy."""
    assert json.loads(msgspec.json.encode(plain(value))) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [float("nan")]}, r"expected a finite number .* at \$\.a\[0\]"),
        (np.array([1.0, np.inf]), r"finite number .* at \$\[1\]"),
        ({"a": Decimal(1)}, r"\(got Decimal\) at \$\.a"),
        ({"a": {1, 2}}, r"\(got set\) at \$\.a"),
        ("\ud800", r"UTF-8 can hold \(got '\\ud800' alone\)"),
        (datetime(2024, 1, 1), "with a time zone"),
    ],
)
def test_what_json_cannot_say_is_refused_where_it_stands(value: Any, message: str) -> None:
    """Before it is sent, with its path; NaN would have become null without a word."""
    with pytest.raises(Invalid, match=message):
        plain(value)


def test_the_fields_of_a_prediction_are_those_of_the_record() -> None:
    """The typed arguments must not fall behind."""
    assert {*PredictionFields.__annotations__, "model_id"} == set(NewPrediction.__struct_fields__)


def test_an_event_gets_an_id_that_sorts_by_time() -> None:
    """UUIDv7, made here, so that a retry carries the same."""
    first, second = event("predictions", {"model_id": "m"}), event("predictions", {"model_id": "m"})
    assert first.item()["id"] == first.id != second.id
    assert first.id[:8] <= second.id[:8]
    assert first.id[14] == uuid7(0)[14] == "7"


def test_none_means_not_given() -> None:
    """So arguments can be passed on as they are."""
    assert event("predictions", {"model_id": "m", "id": "p", "label": None}).item() == {"model_id": "m", "id": "p"}


def test_an_input_adds_its_hash() -> None:
    """The service checks the upload against it; a hash of the caller's is kept."""
    made = event("predictions", {"model_id": "m", "input": b"bytes"})
    assert made.item()["input_hash"] == hashlib.sha256(b"bytes").hexdigest()
    assert made.input == b"bytes"
    assert event("predictions", {"input": b"bytes", "input_hash": "ab"}).item()["input_hash"] == "ab"


def test_an_input_is_a_path_bytes_or_a_file(tmp_path: Path) -> None:
    """A text file isn't one."""
    path = tmp_path / "image"
    path.write_bytes(b"bytes")
    for source in (path, str(path), b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), io.BytesIO(b"bytes")):
        assert input_bytes(source) == b"bytes"
    with pytest.raises(TypeError, match="binary"):
        input_bytes(io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        input_bytes("nowhere.png")


def test_times_are_utc_text() -> None:
    """A date alone stays a day in queries, and is its first moment for an event; text goes as it is."""
    assert when(datetime(2024, 1, 1, 12, tzinfo=UTC), "$") == "2024-01-01T12:00:00Z"
    assert when("2024-01-01", "$") == "2024-01-01"
    assert query(start_date=date(2024, 1, 31), limit=5, label=None) == (("start_date", "2024-01-31"), ("limit", "5"))
    assert event("labels", {"created_at": date(2024, 1, 31)}).item()["created_at"] == "2024-01-31T00:00:00Z"


def test_ids_are_quoted_in_paths() -> None:
    """What isn't an id can't lead elsewhere."""
    assert segment("a~b:c", "id") == "a~b:c"
    assert segment("a/../b?c", "id") == "a%2F..%2Fb%3Fc"
    for wrong in (None, "", ".", "..", 3):
        with pytest.raises(Invalid, match=r"expected an id .* at \$\.model_id"):
            segment(wrong, "model_id")  # type: ignore[arg-type]
