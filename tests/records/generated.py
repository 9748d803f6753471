"""Hypothesis strategies for records, made from their types: whatever a type allows, up to its limits."""

import re
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from seeme.records.datasets import NewDatasetItem
from seeme.records.feedback import Comment, Correction
from seeme.records.predictions import NewLabel
from seeme.records.quarantine import QuarantineChoice
from seeme.records.types import ID_PATTERN, SHA256_PATTERN

Strategy = st.SearchStrategy[Any]

LETTERS = st.characters(exclude_categories=["Cs"])  # JSON in UTF-8 has no half of a surrogate pair
# Whole minutes, as RFC 3339 has no seconds in an offset; no day at the very ends, which isn't there in other offsets.
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC) | OFFSETS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(LETTERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(LETTERS), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
# The forms that are met the most, made faster than from their patterns.
FORMS = {
    ID_PATTERN: st.text(string.ascii_letters + string.digits + "._~:-", min_size=1, max_size=128).filter(
        lambda text: text not in (".", "..")
    ),
    SHA256_PATTERN: st.text("0123456789abcdef", min_size=64, max_size=64),
}
# Exactly one of these fields is needed: the rules that only a class knows.
ONE_OF: dict[type, tuple[str, ...]] = {
    NewLabel: ("label", "value", "boxes"),
    NewDatasetItem: ("label", "value", "boxes"),
    Correction: ("correct_label", "correct_value"),
    Comment: ("notes",),
    QuarantineChoice: ("ids", "reason"),
}
MOST = 4  # elements of a list or an object, unless its limit is lower: the limits themselves are tested one by one


def texts(kind: inspect.StrType) -> Strategy:
    """Return texts of a length, or of a form."""
    if kind.pattern is None:
        return st.text(LETTERS, min_size=kind.min_length or 0, max_size=kind.max_length)
    if kind.pattern in FORMS:
        return FORMS[kind.pattern]
    pattern = re.compile(kind.pattern)
    length = kind.max_length or 10_000
    return st.from_regex(pattern, alphabet=LETTERS).filter(
        lambda text: bool(pattern.search(text)) and len(text) <= length
    )


def _whole(kind: inspect.IntType) -> Strategy:
    low = kind.ge if kind.ge is not None else -(2**63)
    high = kind.le if kind.le is not None else (kind.lt or 2**63) - 1
    return st.integers(low, high)


def _floats(kind: inspect.FloatType) -> Strategy:
    low = kind.ge if kind.ge is not None else kind.gt
    return st.floats(low, kind.le, exclude_min=kind.gt is not None, allow_nan=False, allow_infinity=False)


def _objects(kind: inspect.DictType) -> Strategy:
    return st.dictionaries(of(kind.key_type), of(kind.value_type), max_size=min(kind.max_length or MOST, MOST))


def _unions(kind: inspect.UnionType) -> Strategy:
    return st.one_of([of(one) for one in kind.types])


@st.composite
def _records(draw: Any, kind: inspect.StructType) -> Any:
    """Build a record from fields drawn one by one; absent ones keep their default."""
    group = ONE_OF.get(kind.cls, ())
    values = {
        field.name: draw(of(field.type))
        for field in kind.fields
        if field.name not in group and (field.required or draw(st.integers(0, 2)))
    }
    if group:
        one = draw(st.sampled_from([field for field in kind.fields if field.name in group]))
        values[one.name] = draw(of(one.type).filter(lambda value: value is not None))
    return kind.cls(**values)


STRATEGIES: dict[type, Callable[[Any], Strategy]] = {
    inspect.StrType: texts,
    inspect.IntType: _whole,
    inspect.FloatType: _floats,
    inspect.BoolType: lambda kind: st.booleans(),
    inspect.NoneType: lambda kind: st.none(),
    inspect.AnyType: lambda kind: JSON,
    inspect.DateTimeType: lambda kind: TIMES,
    inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    inspect.ListType: lambda kind: st.lists(
        of(kind.item_type), min_size=kind.min_length or 0, max_size=min(kind.max_length or MOST, MOST)
    ),
    inspect.DictType: _objects,
    inspect.VarTupleType: lambda kind: st.lists(of(kind.item_type), max_size=MOST).map(tuple),
    inspect.TupleType: lambda kind: st.tuples(*map(of, kind.item_types)),
    inspect.NamedTupleType: lambda kind: st.builds(kind.cls, *(of(field.type) for field in kind.fields)),
    inspect.UnionType: _unions,
    inspect.StructType: _records,
}


def of(kind: inspect.Type) -> Strategy:
    """Return values of a type."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return STRATEGIES[type(kind)](kind)


@lru_cache
def values_of(kind: Any) -> Strategy:
    """Return values of a type as it is written in Python."""
    return of(inspect.type_info(kind))


def as_json(value: Any) -> Any:
    """Return what a value is in JSON."""
    return msgspec.json.decode(msgspec.json.encode(value))
