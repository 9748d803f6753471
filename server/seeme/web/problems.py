"""Errors as RFC 9457 problem details: one shape for everything that goes wrong."""

import math
from http import HTTPStatus

import msgspec

from seeme.errors import SeeMeError
from seeme.records.types import View
from seeme.web.reply import Header, Send, reply

MEDIA_TYPE = b"application/problem+json"
_NEEDS_RETRY_AFTER = frozenset({429, 503})


class ProblemField(View, frozen=True, kw_only=True):
    """One wrong field."""

    path: str
    message: str


class Problem(View, frozen=True, kw_only=True):
    """What went wrong; `type` is about:blank because the status says all there is to tell apart."""

    status: int
    title: str
    detail: str
    errors: tuple[ProblemField, ...] = ()
    type: str = "about:blank"


def problem(error: SeeMeError) -> Problem:
    """Return an error as a problem."""
    return Problem(
        status=error.status,
        title=HTTPStatus(error.status).phrase,
        detail=error.message,
        errors=tuple(ProblemField(path=path, message=message) for path, message in error.errors),
    )


def problem_headers(error: SeeMeError) -> list[Header]:
    """Return the headers that an error's answer carries beside its body."""
    headers: list[Header] = []
    if error.retry_after is not None or error.status in _NEEDS_RETRY_AFTER:
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after or 1))).encode()))
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="seeme"'))
    return headers


async def send_problem(send: Send, error: SeeMeError, extra: tuple[Header, ...] = ()) -> None:
    """Answer with an error."""
    body = msgspec.json.encode(problem(error))
    await reply(send, error.status, body, MEDIA_TYPE, (*problem_headers(error), *extra))
