"""Decoding JSON and query strings into records; what is wrong is named with its path and what was expected.

The fast path is msgspec's decoder alone. Everything else here runs only when something is wrong.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import parse_qsl

import msgspec

from seeme.errors import BadRequest, FieldError, Invalid, RequestError, invalid
from seeme.mistakes import MOST, Said, child, explained

T = TypeVar("T")

MAX_DEPTH = 32
MAX_PARAMETERS = 40
# Where something is, from the inside out: as text it would cost the square of the depth.
Place: TypeAlias = "tuple[Place, str | int] | None"
_NUL = b"\\u0000"
# A body above it (a batch, or one event as large as a batch may be) is searched for its first mistake only.
_SEARCHED = 256 * 1024


class JsonDecoder(Generic[T]):
    """Decodes JSON bodies of one type; when it isn't the `whole`, the texts in it are left to the next decoder."""

    def __init__(self, kind: Any, *, whole: bool = True) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        self._kind = kind
        self._whole = whole

    def __call__(self, body: bytes, most: int = MOST) -> T:
        """Return the decoded body; of what is wrong at most `most` fields are named.

        Raises:
            BadRequest: when it isn't JSON.
            Invalid: when it is JSON, but not what was expected; `errors` names each wrong field.
        """
        try:
            return self._decoded(body)
        except (RequestError, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise self._explain(error, body, most) from None

    def _decoded(self, body: bytes) -> T:
        value: T = self._decode(body)
        if _NUL in body and self._whole:
            _refuse_bad_text(body)
        return value

    def _explain(self, error: Exception, body: bytes, most: int) -> RequestError:
        if isinstance(error, msgspec.ValidationError):
            return self._explain_all(str(error), body, most)
        if isinstance(error, RecursionError):
            return _too_deep()
        try:
            _refuse_bad_text(body)
        except RequestError as better:
            return self._explain_all(better.errors[0], body, most) if better.errors else better
        return BadRequest(str(error) if str(error).startswith("JSON") else f"JSON is malformed: {error}")

    def _explain_all(self, said: Said, body: bytes, most: int) -> Invalid:
        try:
            tree = json.loads(body, parse_int=_verbatim, parse_float=_verbatim, parse_constant=_verbatim)
        except (ValueError, RecursionError):  # what follows the mistake is no JSON, or deep: the first one is all
            tree = None
        return explained(said, self._kind, tree, self._attempt, most if len(body) <= _SEARCHED else 1)

    def _attempt(self, tree: Any) -> None:
        body = msgspec.json.encode(tree)
        try:
            self._decoded(body)
        except msgspec.ValidationError:
            raise
        except msgspec.MsgspecError:
            _refuse_bad_text(body)


def _verbatim(number: str) -> msgspec.Raw:
    """Keep a number as it was sent: 1e999 must stay 1e999 to be found again."""
    return msgspec.Raw(number.encode())


def check_depth(body: bytes) -> None:
    """Refuse JSON nested deeper than 32 levels; only types that hold free JSON need it.

    Raises:
        BadRequest: when it is deeper.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    level, values = 0, [msgspec.json.decode(body)]
    while values:
        level += 1
        values = [inner for value in values for inner in _inside(value)]
        if level > MAX_DEPTH:
            raise _too_deep()


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _too_deep() -> BadRequest:
    return BadRequest(f"the JSON is nested deeper than {MAX_DEPTH} levels")


class _NotFinite(str):
    """NaN, Infinity or -Infinity, as Python's own parser met it."""

    __slots__ = ()


def _refuse_bad_text(body: bytes) -> None:
    """Name the first number or text that JSON can't hold, or that we don't take: NaN, a lone surrogate, NUL."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body isn't UTF-8 (byte {error.start})") from None
    try:
        tree = json.loads(text, parse_constant=_NotFinite, parse_int=len, parse_float=len)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        return
    for place, value in _texts(tree):
        if isinstance(value, _NotFinite):
            raise invalid(_path(place), f"must be a finite number (got {value})")
        if "\0" in value:
            raise invalid(_path(place), "must not hold NUL (U+0000)")
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise invalid(_path(place), "must not hold half of a surrogate pair")


def _texts(tree: Any) -> Iterator[tuple[Place, str]]:
    """Yield every text in a value, and every name, each with its place; without recursion."""
    stack: list[tuple[Place, Any]] = [(None, tree)]
    while stack:
        place, value = stack.pop()
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, dict):
            for name in value:
                yield (place, name), name
            stack += (((place, name), inner) for name, inner in reversed(value.items()))
        elif isinstance(value, list):
            stack += (((place, index), value[index]) for index in reversed(range(len(value))))


def _path(place: Place) -> str:
    steps = []
    while place is not None:
        place, step = place
        steps.append(step)
    path = "$"
    for step in reversed(steps):
        path = child(path, step) if isinstance(step, str) else f"{path}[{step}]"
    return path


class TextDecoder(Generic[T]):
    """Decodes what comes as text (a query string, the parts of a path) into a record."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def __call__(self, values: Mapping[str, str]) -> T:
        """Return the record.

        Raises:
            Invalid: for an unknown name, or a value of the wrong kind.
        """
        try:
            return self._converted(values)
        except msgspec.ValidationError as error:
            raise explained(str(error), self._kind, dict(values), self._converted) from None
        except Invalid as error:
            raise explained(error.errors[0], self._kind, dict(values), self._converted) from None

    def _converted(self, values: Mapping[str, str]) -> T:
        for name, value in values.items():
            if "\0" in value:
                raise invalid(child("$", name), "must not hold NUL (U+0000)")
        return msgspec.convert(values, self._kind, strict=False)  # type: ignore[no-any-return]


def parse_query(query: bytes) -> dict[str, str]:
    """Return the parameters of a query string.

    Raises:
        Invalid: when one is given twice.
        BadRequest: when it isn't UTF-8, or holds far too many.
    """
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise BadRequest("the query string isn't percent-encoded UTF-8, or has too many parameters") from None
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise Invalid(
            "a parameter is given twice", errors=tuple(FieldError(child("$", name), "is given twice") for name in twice)
        )
    return values
