"""Every record comes back from JSON as it was, takes only the fields it has, and is what its JSON Schema says."""

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
import pytest
from generated import JSON, as_json, values_of
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from shapes import BODIES, INCOMING, PAGES, RECORDS, name_of

from seeme.records.feedback import NewFeedback
from seeme.records.queries import from_cursor, to_cursor
from seeme.records.types import Id, Time, Wire

SHAPES = [*RECORDS, *PAGES, NewFeedback]
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_time(text: object) -> bool:
    """Say whether a text is a time with an offset, as the description of the API has it."""
    return not isinstance(text, str) or msgspec.convert(text, Time).tzinfo is not None


def changed(draw: Any, value: Any) -> Any:
    """Return JSON with something else somewhere in it, or with a part missing."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(value)))
        rest = {other: inner for other, inner in value.items() if other != name}
        return rest if draw(st.integers(0, 4)) == 0 else rest | {name: changed(draw, value[name])}
    if isinstance(value, list) and value and draw(st.booleans()):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], changed(draw, value[at]), *value[at + 1 :]]
    # 1.0 is an integer to JSON Schema alone: that it is refused is a rule beside the schema.
    return draw(JSON.filter(lambda other: not isinstance(other, float) or not other.is_integer()))


@pytest.mark.parametrize("record", SHAPES, ids=name_of)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_a_record_comes_back_from_json_as_it_was(record: Any, data: st.DataObject) -> None:
    """Encoding loses nothing, and what we send we would take."""
    value = data.draw(values_of(record))
    assert msgspec.json.decode(msgspec.json.encode(value), type=record) == value


@pytest.mark.parametrize("record", SHAPES, ids=name_of)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_a_record_is_as_its_schema_says(record: Any, data: st.DataObject) -> None:
    """The schema in the API's description takes every value that the type can have."""
    document = as_json(data.draw(values_of(record)))
    assert [error.message for error in _validator(record).iter_errors(document)] == []


@pytest.mark.parametrize("record", BODIES, ids=name_of)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_what_the_schema_refuses_is_refused(record: Any, data: st.DataObject) -> None:
    """Of values with something wrong somewhere, schema and type take the same ones."""
    document = changed(data.draw, as_json(data.draw(values_of(record))))
    try:
        msgspec.json.decode(msgspec.json.encode(document), type=record)
        taken = True
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, ValueError) and not isinstance(error.__cause__, msgspec.MsgspecError):
            return  # a rule about several fields, which only the class has
        taken = False
    assert _validator(record).is_valid(document) == taken


@pytest.mark.parametrize("record", INCOMING, ids=name_of)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_a_field_that_is_not_known_is_refused(record: type[Wire], data: st.DataObject) -> None:
    """Also when it is null, and wherever a field is a record itself."""
    document = as_json(data.draw(values_of(record)))
    for name in ("zzz", "Id", "__class__", ""):
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.convert(document | {name: None}, record)


@pytest.mark.parametrize("record", INCOMING, ids=name_of)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_a_field_that_is_needed_is_asked_for(record: type[Wire], data: st.DataObject) -> None:
    """By its name."""
    document = as_json(data.draw(values_of(record)))
    for field in msgspec.structs.fields(record):
        if field.required:
            rest = {name: value for name, value in document.items() if name != field.name}
            with pytest.raises(msgspec.ValidationError, match=f"missing required field `{field.name}`"):
                msgspec.convert(rest, record)


@given(at=st.integers(-(2**63), 2**63 - 1), id=values_of(Id))
def test_a_cursor_leads_back_to_its_place(at: int, id: str) -> None:
    """And is safe in a URL."""
    cursor = to_cursor(at, id)
    assert from_cursor(cursor) == (at, id)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(at=st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)))
def test_a_time_needs_an_offset(at: datetime) -> None:
    """Without one nobody knows which moment is meant."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(at.isoformat(), Time)


@lru_cache
def _validator(record: Any) -> Draft202012Validator:
    return Draft202012Validator(msgspec.json.schema(record), format_checker=FORMATS)
