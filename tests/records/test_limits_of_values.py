"""Every limit of a value, at its edges: the last one that is taken, and the first one that isn't."""

import json
import sys
from typing import Any

import msgspec
import pytest

from seeme.records import types
from seeme.records.feedback import Comment, Correction, Rating
from seeme.records.keys import NewKey, Origin
from seeme.records.models import ConfigPatch, Days, Labels
from seeme.records.predictions import NewLabel, NewPrediction
from seeme.records.tokens import PredictionToken

HASH = "0123456789abcdef" * 4
BIG = sys.float_info.max

# The type, what it takes, and what it doesn't.
LIMITS: list[tuple[str, Any, list[Any], list[Any]]] = [
    (
        "Id",
        types.Id,
        ["a", "a" * 128, "...", ".a", "-", "A.z_0~9:-"],
        ["", "a" * 129, ".", "..", "a b", "a/b", "a\n", "\n", "é", "a%", "a\0", 1, None],
    ),
    ("Label", types.Label, ["a", " ", "a" * 200, "é" * 200, "\U0001f600" * 200], ["", "a" * 201, 1]),
    ("Name", types.Name, ["a", "a" * 200], ["", "a" * 201]),
    ("Note", types.Note, ["a", "a" * 4000, "a\nb"], ["", "a" * 4001]),
    ("Subject", types.Subject, ["a", "a" * 256], ["", "a" * 257]),
    ("Key", types.Key, ["a", "a" * 100], ["", "a" * 101]),
    (
        "Url",
        types.Url,
        ["http://a", "https://a/b?c#d", "https://" + "a" * 2040],
        ["https://", "ftp://a", "//a", "javascript:alert(1)", "https://a b", "https://a\n", "https://" + "a" * 2041],
    ),
    ("Sha256", types.Sha256, [HASH], [HASH[1:], HASH + "0", HASH.upper(), HASH + "\n", "g" + HASH[1:]]),
    ("Probability", types.Probability, [0, 1, 0.5, 5e-324], [-5e-324, 1.0000000000000002, 2, "0.5", True]),
    ("Value", types.Value, [-1e12, 1e12, 0, 1e-300], [-1.0000000000001e12, 1.0000000000001e12, BIG, -BIG]),
    ("Milliseconds", types.Milliseconds, [0, 1e9], [-5e-324, 1.0000000000001e9]),
    ("Index", types.Index, [0, 999], [-1, 1000, 0.5, "0", True]),
    ("Side", types.Side, [1, 1_000_000], [0, -1, 1_000_001]),
    ("Days", Days, [1, 3650], [0, 3651]),
    ("Integer", types.Integer, [-(2**63), 2**63 - 1], [-(2**63) - 1, 2**63, 2**64]),
    ("Scalar", types.Scalar, [None, True, -(2**63), 0.5, "", "a" * 1000], ["a" * 1001, 2**64, [], {}]),
    (
        "Box",
        types.Box,
        [[-1e9, 1e9, 5e-324, 1e9], [0, 0, 1, 1]],
        [
            [0, 0, 0, 1],
            [0, 0, 1, 0],
            [0, 0, -1, 1],
            [-1.1e9, 0, 1, 1],
            [0, 0, 1, 1.1e9],
            [0, 0, 1],
            [0, 0, 1, 1, 1],
            [],
        ],
    ),
    (
        "Time",
        types.Time,
        ["2026-01-31T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-01-31T12:00:00+14:00"],
        [
            "2026-01-31T12:00:00",
            "2026-01-31",
            "2026-02-29T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00+24:00",
            "10000-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "",
            0,
        ],
    ),
    (
        "Origin",
        Origin,
        ["https://a", "http://localhost:8080", "https://[::1]:443", "*", "https://" + "a" * 292],
        ["https://a/", "a", "", "https://", "null", "https://a?b", "**", "https://a\n", "https://" + "a" * 293],
    ),
    ("PredictionToken", PredictionToken, ["a", "a.b.c", "a" * 4096], ["", "a" * 4097, 1]),
    ("Labels", Labels, [[], ["a"] * 1000], [["a"] * 1001, [""], ["a" * 201]]),
]


def _one(record: Any, field: str) -> Any:
    return next(each.type for each in msgspec.structs.fields(record) if each.name == field)


COUNTS: list[tuple[Any, str, int]] = [
    (NewPrediction, "scores", 1000),
    (NewPrediction, "features", 1000),
    (NewPrediction, "attributions", 1000),
    (NewPrediction, "attributes", 100),
]
DETECTION = {"label": "a", "box": [0, 0, 1, 1]}


@pytest.mark.parametrize(("kind", "taken", "refused"), [row[1:] for row in LIMITS], ids=[row[0] for row in LIMITS])
def test_a_limit_is_where_it_is_documented(kind: Any, taken: list[Any], refused: list[Any]) -> None:
    """In JSON, as it crosses the border."""
    assert [value for value in taken if not _is_taken(value, kind)] == []
    assert [value for value in refused if _is_taken(value, kind)] == []


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"])
@pytest.mark.parametrize("kind", [types.Probability, types.Value, types.Pixels, types.Extent, types.Scalar, float])
def test_a_number_is_finite(kind: Any, text: bytes) -> None:
    """JSON has no others, and none that is too large for a float is taken for one."""
    with pytest.raises(msgspec.MsgspecError):
        msgspec.json.decode(text, type=kind)


@pytest.mark.parametrize(("record", "field", "most"), COUNTS)
def test_an_object_has_so_many_names_and_no_more(record: Any, field: str, most: int) -> None:
    """Their number is limited as their length is."""
    kind = _one(record, field)
    assert len(msgspec.convert({str(number): 0.5 for number in range(most)}, kind)) == most
    for wrong in ({str(number): 0.5 for number in range(most + 1)}, {"": 0.5}, {"a" * 201: 0.5}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, kind)


def test_a_prediction_has_1000_detections_at_most() -> None:
    """As many as an index can name."""
    kind = _one(NewPrediction, "detections")
    assert len(msgspec.convert([DETECTION] * 1000, kind)) == 1000
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert([DETECTION] * 1001, kind)


@pytest.mark.parametrize(("field", "most"), [("models", 1000), ("origins", 100)])
def test_a_key_is_for_so_many_models_and_origins(field: str, most: int) -> None:
    """They are looked through at each request."""
    kind = _one(NewKey, field)
    value = "*" if field == "origins" else "m"
    assert len(msgspec.convert([value] * most, kind)) == most
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert([value] * (most + 1), kind)


@pytest.mark.parametrize("rating", [2, -2, 0.5, True, "1", None])
def test_a_rating_is_one_of_three(rating: Any) -> None:
    """Up, down, or taken back."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"prediction_id": "p", "feedback_type": "rating", "rating": rating}, Rating)


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (Correction, {}),
        (Correction, {"correct_label": "a", "correct_value": 1.0}),
        (Comment, {}),
        (NewLabel, {}),
        (NewLabel, {"label": "a", "value": 1.0}),
        (NewLabel, {"label": "a", "boxes": []}),
    ],
)
def test_fields_that_exclude_each_other_are_refused_together(record: Any, fields: dict[str, Any]) -> None:
    """And so is a body that says nothing; the sentence names the fields."""
    with pytest.raises(msgspec.ValidationError, match="`"):
        msgspec.convert({"prediction_id": "p", **fields}, record)


def test_a_setting_that_is_not_named_is_not_there() -> None:
    """A change leaves alone what it doesn't name; null isn't a value."""
    assert msgspec.to_builtins(msgspec.convert({"log_inputs": True}, ConfigPatch)) == {"log_inputs": True}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"log_inputs": None}, ConfigPatch)


def _is_taken(value: Any, kind: Any) -> bool:
    try:
        msgspec.json.decode(json.dumps(value), type=kind)
    except msgspec.ValidationError:
        return False
    return True
