"""How the client calls the service: one connection, and the few forms that its requests and answers have."""

import os
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from seeme import outgoing
from seeme.batching import current, upload
from seeme.errors import ConnectionFailed, ServiceError, SetupError, invalid
from seeme.outgoing import plain, query, segment
from seeme.records.feedback import Accepted
from seeme.results import Record, Records
from seeme.transport import Request, Transport

DEFAULT_BASE_URL = "http://127.0.0.1:8765"


class Calls:
    """A connection to one service, with the requests that all methods of the client are made of."""

    def __init__(self, base_url: str | None = None, api_key: str | None = None, timeout: float = 30.0) -> None:
        url = base_url or os.environ.get("SEEME_BASE_URL") or DEFAULT_BASE_URL
        key = (api_key or os.environ.get("SEEME_API_KEY") or "").strip()
        if not key:
            raise SetupError("no API key: set the environment variable SEEME_API_KEY, or pass api_key=...")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise SetupError("the API key has characters that no key has; check SEEME_API_KEY or api_key=...")
        if not timeout > 0:
            raise SetupError(f"timeout must be above 0 seconds (got {timeout})")
        self._transport = Transport(url, key, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.base_url!r})"

    def close(self) -> None:
        """Close the idle connections; the client can still be used."""
        self._transport.close()

    def _do(
        self,
        method: str,
        path: str,
        shape: Any = None,
        where: tuple[tuple[str, str], ...] = (),
        body: dict[str, Any] | None = None,
        repeatable: bool = True,
    ) -> Record:
        data = None if body is None else to_json({name: part for name, part in body.items() if part is not None})
        answer = self._transport.call(Request(method, path, where, data, repeatable=repeatable)).json()
        return record(answer, shape) if shape else Record({})

    def _list(self, path: str, shape: Any, limit: int | None, **filters: Any) -> Records:
        """Return a list that asks for its pages when they are read."""
        if limit is not None and limit < 1:
            raise invalid("$.limit", f"expected a number above 0, or None for all (got {limit})")

        def fetch(cursor: str | None, count: int) -> tuple[list[Record], str | None]:
            where = query(**filters, limit=count, cursor=cursor)
            return page(self._transport.call(Request("GET", path, where)).json(), shape)

        return Records(fetch, limit)

    def _whole(self, path: str, shape: Any, where: tuple[tuple[str, str], ...] = ()) -> Records:
        """Return a list that comes as one page."""
        return Records(lambda *_: page(self._transport.call(Request("GET", path, where)).json(), shape), None)

    def _log(self, kind: str, fields: Mapping[str, Any]) -> Record:
        """Send one event, or hand it to the open batch."""
        batch = current(self._transport)
        event = outgoing.event(kind, fields, queued=batch is not None)
        queued = batch.add(event) if batch else None
        if queued is not None:
            return queued
        try:
            answer = self._transport.call(Request("POST", f"/v1/{kind}", body=event.body)).json()
        except (ConnectionFailed, ServiceError) as error:
            error.add_note(f"whether it was stored isn't known; the same call with id={event.id!r} stores it once")
            raise
        upload(self._transport, event, self._transport.timeout)
        return record(answer, Accepted)


def record(document: Any, shape: Any) -> Record:
    """Return an answer as a record; raises ServiceError where it is none."""
    if not isinstance(document, dict):
        raise ServiceError("the answer isn't an object (is base_url a SeeMe service?)")
    return Record(document, shape)


def page(document: Any, shape: Any) -> tuple[list[Record], str | None]:
    """Return a page of an answer as records, and the cursor of the next one."""
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise ServiceError("the answer isn't a list (is base_url a SeeMe service?)")
    return [Record(item, shape) for item in document["items"]], document.get("next_cursor")


def to_json(body: dict[str, Any]) -> bytes:
    """Return a body as the bytes of its JSON."""
    return msgspec.json.encode(plain(body))


def model_path(model_id: str, *parts: str) -> str:
    """Return the path of a model, or of something of it."""
    return "/".join(("/v1/models", segment(model_id, "model_id"), *parts))


def ab_test_path(ab_test_id: str, *parts: str) -> str:
    """Return the path of an A/B test, or of something of it."""
    return "/".join(("/v1/ab-tests", segment(ab_test_id, "ab_test_id"), *parts))


def dataset_path(dataset_id: str, *parts: str) -> str:
    """Return the path of a dataset, or of something of it."""
    return "/".join(("/v1/datasets", segment(dataset_id, "dataset_id"), *parts))


def prediction_path(prediction_id: str, *parts: str) -> str:
    """Return the path of a prediction, or of something of it."""
    return "/".join(("/v1/predictions", segment(prediction_id, "prediction_id"), *parts))


def feedback_path(feedback_id: str, *parts: str) -> str:
    """Return the path of a feedback, or of something of it."""
    return "/".join(("/v1/feedback", segment(feedback_id, "feedback_id"), *parts))


def review_path(review_id: str, *parts: str) -> str:
    """Return the path of a review item, or of something of it."""
    return "/".join(("/v1/review", segment(review_id, "review_id"), *parts))
