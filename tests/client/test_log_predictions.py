"""Tests of many predictions in one call: an answer for each, and a name for each that failed."""

from typing import Any

import pytest

from seeme.client import BatchFailed, Client
from seeme.errors import Invalid, ServiceError, Unauthorized

PNG = b"\x89PNG\r\n\x1a\n..."


def test_many_predictions_go_a_thousand_at_a_time(stub: Any, client: Client) -> None:
    """And the answers come in the order of the list."""
    results = client.log_predictions(({"label": "cat", "id": f"p{n}"} for n in range(2500)), model_id="m")
    assert [len(seen.items) for seen in stub.seen] == [1000, 1000, 500]
    assert [result.id for result in results] == stub.ids("predictions") == [f"p{n}" for n in range(2500)]


def test_no_predictions_are_no_call(stub: Any, client: Client) -> None:
    """An empty list is stored already."""
    assert client.log_predictions([]) == []
    assert not stub.seen


def test_large_predictions_go_in_smaller_groups(stub: Any, client: Client) -> None:
    """No body is larger than the service takes."""
    client.log_predictions([{"model_id": "m", "features": {"x": "y" * 200_000}}] * 50)
    assert [len(seen.items) for seen in stub.seen] == [20, 20, 10]
    assert max(len(seen.body) for seen in stub.seen) < 4 * 1024 * 1024


def test_a_service_with_a_smaller_limit_gets_halves(stub: Any, client: Client) -> None:
    """Until one event alone is too large."""

    def turn(connection: Any, seen: Any) -> bool:
        answer = stub.reply(413) if len(seen.items) > 2 else stub.well
        return bool(answer(connection, seen))

    stub.default = turn
    ids = [f"p{n}" for n in range(5)]
    assert [result.id for result in client.log_predictions([{"id": id} for id in ids], "m")] == ids
    stub.default = stub.reply(413, {"detail": "too large"})
    with pytest.raises(BatchFailed, match="too large"):
        client.log_predictions([{"id": "p"}], "m")


def test_refused_predictions_are_named_and_the_others_stored(stub: Any, client: Client) -> None:
    """With index, id, error and content, ready to be mended."""
    stub.plan(stub.refusing("p1", "p3"))
    with pytest.raises(BatchFailed, match=r"2 could not be stored: predictions p1: the label isn't") as raised:
        client.log_predictions([{"id": f"p{n}", "label": "cat"} for n in range(5)], "m")
    first, second = raised.value.failures
    assert (first.index, first.id, second.index, second.id) == (1, "p1", 3, "p3")
    assert isinstance(first.error, Invalid)
    assert first.item == {"model_id": "m", "id": "p1", "label": "cat"}
    assert [result and result.id for result in raised.value.results] == ["p0", None, "p2", None, "p4"]


def test_a_request_that_fails_ends_the_trying(stub: Any, client: Client) -> None:
    """What was stored before it stays told apart from what wasn't."""
    stub.plan(stub.well, stub.reply(401))
    with pytest.raises(BatchFailed) as raised:
        client.log_predictions([{"label": "cat"}] * 2500, "m")
    assert [failure.index for failure in raised.value.failures] == list(range(1000, 2500))
    assert {type(failure.error) for failure in raised.value.failures} == {Unauthorized}
    assert len(stub.seen) == 2


def test_items_that_are_put_off_go_again_alone(stub: Any, client: Client) -> None:
    """Those that were taken don't."""
    stub.plan(stub.refusing("p1", status=503))
    client.log_predictions([{"id": f"p{n}"} for n in range(3)], "m")
    assert stub.ids("predictions") == ["p0", "p1", "p2", "p1"]


def test_an_answer_that_does_not_fit_is_a_failure(stub: Any, client: Client) -> None:
    """Two events, one result: nobody knows whose."""
    stub.plan(stub.reply(207, {"items": [{"id": "p", "model_id": "m", "status": "created"}]}))
    with pytest.raises(BatchFailed) as raised:
        client.log_predictions([{}, {}], "m")
    assert isinstance(raised.value.failures[0].error, ServiceError)


def test_a_wrong_value_in_a_list_is_found_before_anything_is_sent(stub: Any, client: Client) -> None:
    """With the place in the list."""
    with pytest.raises(Invalid, match=r"at \$\[1\]\.confidence"):
        client.log_predictions([{"confidence": 0.5}, {"confidence": float("nan")}], "m")
    assert not stub.seen


def test_inputs_of_a_list_are_uploaded_after_it(stub: Any, client: Client) -> None:
    """One that fails is named, with the prediction stored."""
    stub.plan(stub.well, stub.well, stub.reply(415, {"detail": "not an image"}))
    with pytest.raises(BatchFailed, match="not an image") as raised:
        client.log_predictions([{"id": "a", "input": PNG}, {"id": "b", "input": b"text"}, {"id": "c"}], "m")
    assert [seen.path for seen in stub.seen[1:]] == ["/v1/predictions/a/input", "/v1/predictions/b/input"]
    assert [failure.id for failure in raised.value.failures] == ["b"]
    assert "its input isn't" in raised.value.failures[0].error.__notes__[0]
