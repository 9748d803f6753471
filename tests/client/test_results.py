"""Tests of what the client's calls return."""

import copy
import json
import math
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from seeme.records.metrics import PeriodMetrics
from seeme.records.models import Model
from seeme.records.predictions import Prediction
from seeme.results import Record, Records

STORED = {
    "id": "p1",
    "created_at": "2024-01-01T10:00:00.000001Z",
    "label": None,
    "confidence": None,
    "scores": {"cat": 1, "dog": 0.5},
    "image_size": [640, 480],
    "detections": [{"label": "cat", "box": [1, 2, 3, 4]}],
    "truth": {"id": "l1", "created_at": "2024-01-02T00:00:00Z", "label": "cat"},
    "from_the_future": {"deep": [{"er": 1}]},
}


@pytest.fixture
def prediction() -> Record:
    """A prediction as a newer service might send it."""
    return Record(STORED, Prediction)


def test_attribute_and_item_access_are_the_same_at_every_depth(prediction: Record) -> None:
    """`r.a.b` is `r["a"]["b"]`."""
    assert prediction.truth.label == prediction["truth"]["label"] == "cat"
    assert prediction.detections[0]["label"] == "cat"


def test_an_unknown_number_is_nan_so_that_format_strings_work(prediction: Record) -> None:
    """The documents print `{pred.confidence:.2%}`."""
    assert math.isnan(prediction.confidence)
    assert f"{prediction.confidence:.2%}" == "nan%"
    assert f"{Record({'accuracy': None}, PeriodMetrics).accuracy:.2%}" == "nan%"


def test_an_unknown_text_stays_none(prediction: Record) -> None:
    """Only numbers have a stand-in."""
    assert prediction.label is None


def test_a_time_is_an_aware_datetime(prediction: Record) -> None:
    """To the microsecond."""
    assert prediction.created_at == datetime(2024, 1, 1, 10, 0, 0, 1, UTC)


def test_values_have_their_declared_kinds(prediction: Record) -> None:
    """A box is a tuple of floats, a map a plain dict, a whole number where a float is declared a float."""
    assert prediction.detections[0].box == (1.0, 2.0, 3.0, 4.0)
    assert prediction.image_size == (640, 480)
    assert type(prediction.scores) is dict
    assert type(prediction.scores["cat"]) is float


def test_what_the_wire_leaves_out_has_its_default(prediction: Record) -> None:
    """A detection without a confidence has an unknown one."""
    assert math.isnan(prediction.detections[0].confidence)


def test_fields_and_values_of_a_newer_service_are_kept(prediction: Record) -> None:
    """An old client doesn't hide what it doesn't know."""
    assert prediction.from_the_future.deep[0].er == 1
    odd = Record({"created_at": "next week", "task": "segmentation", "config": "none", "labels": {"a": 1}}, Model)
    assert (odd.created_at, odd.task, odd.config, odd.labels.a) == ("next week", "segmentation", "none", 1)


def test_a_record_is_not_a_dict_but_can_become_one(prediction: Record) -> None:
    """`to_dict` is the plain JSON, for keeps."""
    assert not isinstance(prediction, dict)
    plain = prediction.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    plain["scores"]["cat"] = 7
    assert prediction.to_dict()["scores"]["cat"] == 1
    assert dict(prediction)["id"] == "p1"


def test_a_record_can_be_searched_like_a_mapping(prediction: Record) -> None:
    """`in`, `get`, `keys`, `values`, `items`, `len` and iteration are over the fields."""
    assert "label" in prediction
    assert "nope" not in prediction
    assert prediction.get("nope", 3) == 3
    assert list(prediction) == list(prediction.keys()) == [name for name, _ in prediction.items()]
    assert len(prediction) == len(prediction.values())
    assert "confidence" in dir(prediction)


def test_a_missing_field_names_its_neighbours(prediction: Record) -> None:
    """A typo is found at once."""
    with pytest.raises(AttributeError, match="this Prediction has no 'confidense'; did you mean 'confidence'"):
        _ = prediction.confidense
    with pytest.raises(KeyError, match="did you mean"):
        _ = prediction["lable"]
    with pytest.raises(AttributeError, match="it has x"):
        _ = Record({"x": 1}).qqqq
    assert not hasattr(prediction, "qqqq")


def test_records_with_the_same_data_are_equal(prediction: Record) -> None:
    """Unknown numbers too, though NaN isn't itself."""
    assert prediction == Record(STORED, Prediction)
    assert prediction != Record({**STORED, "id": "p2"}, Prediction)
    assert Record({"a": 1}) == {"a": 1}
    assert Record({"a": 1}) != 1


def test_a_record_can_be_copied_and_pickled(prediction: Record) -> None:
    """So it goes through processes and caches."""
    assert pickle.loads(pickle.dumps(prediction)) == prediction == copy.deepcopy(prediction) == copy.copy(prediction)


def test_a_record_refuses_changes(prediction: Record) -> None:
    """They would never reach the service."""
    with pytest.raises(AttributeError, match="can't be changed"):
        prediction.label = "cat"
    with pytest.raises(AttributeError, match="can't be changed"):
        del prediction.label


def test_the_repr_shows_what_is_known() -> None:
    """Short, with its kind, without what is empty."""
    record = Record({"id": "p", "label": None, "created_at": "2024-01-01T00:00:00Z", "more": {"x": 1}}, Prediction)
    assert repr(record) == "Prediction(id='p', created_at=2024-01-01T00:00:00+00:00, more=Record(x=1))"


class Source:
    """Pages of numbered records, which remembers what was asked of it."""

    def __init__(self, count: int) -> None:
        self.count, self.asked = count, list[int]()

    def __call__(self, cursor: str | None, limit: int) -> tuple[list[Record], str | None]:
        """Return a page."""
        self.asked.append(limit)
        start = int(cursor or 0)
        end = min(start + limit, self.count)
        return [Record({"n": n}) for n in range(start, end)], str(end) if end < self.count else None


def _numbers(records: Any) -> list[int]:
    return [record.n for record in records]


def test_a_list_fetches_pages_only_as_it_is_read() -> None:
    """The first page at once, the others when they are needed."""
    source = Source(25)
    records = Records(source, None, page=10)
    assert source.asked == [10]
    assert records[9].n == 9
    assert _numbers(records[:10]) == list(range(10))
    assert bool(records)
    assert source.asked == [10]
    assert records[10].n == 10
    assert source.asked == [10, 10]
    assert _numbers(records) == list(range(25)) == _numbers(records)
    assert source.asked == [10, 10, 10]


@pytest.mark.parametrize(("limit", "asked"), [(4, [4]), (10, [10]), (13, [10, 3]), (None, [10, 10, 10])])
def test_a_list_never_asks_for_more_than_its_limit(limit: int | None, asked: list[int]) -> None:
    """`limit` bounds the whole list, not a page."""
    source = Source(25)
    records = Records(source, limit, page=10)
    assert len(records) == min(limit or 25, 25)
    assert source.asked == asked


def test_a_list_ends_where_the_service_ends() -> None:
    """With an index error, as lists do."""
    records = Records(Source(3), 100)
    assert records[-1].n == 2
    assert _numbers(records[1:]) == [1, 2]
    with pytest.raises(IndexError):
        _ = records[3]
    assert not Records(Source(0), 100)


def test_lists_compare_and_become_plain() -> None:
    """With lists and with each other."""
    assert Records(Source(2), None) == [{"n": 0}, {"n": 1}] == Records(Source(2), None).to_list()
    assert Records(Source(2), None) == Records(Source(2), 2)
    assert Records(Source(0), None) == []
    assert Records(Source(2), None) != 2


def test_the_repr_of_a_list_fetches_nothing() -> None:
    """A debugger that shows it doesn't talk to the service."""
    source = Source(25)
    assert repr(Records(source, None, page=5)).startswith("<5 records, and more to fetch: [Record(n=0)")
    assert len(source.asked) == 1
