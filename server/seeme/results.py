"""What the client's calls return: records with attribute and item access, and lists that page by themselves.

A record is built from the answer's JSON and the shape (a Struct of `seeme.records`) that the route declares. The shape
only says how to show a value; what a newer service adds is kept and shown as it came.
"""

import types
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from threading import RLock
from typing import Annotated, Any, NoReturn, TypeAlias, Union, get_args, get_origin, overload

import msgspec

NAN = float("nan")
Reader: TypeAlias = Callable[[Any], Any]


class Record:
    """One thing as the service showed it: `r.label` and `r["label"]` are the same, nested ones too.

    A number that isn't known is NaN (so format strings work), a time is an aware datetime, `to_dict()` is the plain
    JSON. Records are equal when their plain data are, can be copied and pickled, and can't be changed.
    """

    __slots__ = ("_data", "_shape", "_values")
    __hash__ = None  # type: ignore[assignment]  # like the dicts and lists inside
    _data: dict[str, Any]
    _shape: Any
    _values: dict[str, Any]

    def __init__(self, data: dict[str, Any], shape: Any = None) -> None:
        readers, defaults = _fields(shape)
        data = data | {name: value for name, value in defaults.items() if name not in data}
        values = {name: readers.get(name, _read_unknown)(value) for name, value in data.items()}
        for name, value in (("_data", data), ("_shape", shape), ("_values", values)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(self._missing(name), name=name, obj=self) from None

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise KeyError(self._missing(name)) from None

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a record can't be changed (tried to set {name!r}); change the thing through the client")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a record can't be changed (tried to delete {name!r})")

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record):
            return self._data == other._data
        return self._data == other if isinstance(other, dict) else NotImplemented

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __reduce__(self) -> tuple[type["Record"], tuple[dict[str, Any], Any]]:
        return Record, (self._data, self._shape)

    def __repr__(self) -> str:
        shown = [f"{name}={_show(value)}" for name, value in self._values.items() if self._data[name] is not None]
        return f"{getattr(self._shape, '__name__', 'Record')}({', '.join(shown)})"

    def get(self, name: str, default: Any = None) -> Any:
        """Return the field, or `default` when the record hasn't one of that name."""
        return self._values.get(name, default)

    def keys(self) -> Sequence[str]:
        """Return the names of the fields, so that `dict(record)` works."""
        return tuple(self._values)

    def values(self) -> Sequence[Any]:
        """Return the values of the fields."""
        return tuple(self._values.values())

    def items(self) -> Sequence[tuple[str, Any]]:
        """Return the fields as pairs of name and value."""
        return tuple(self._values.items())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON: unknown numbers as None, times as RFC 3339 text."""
        return _copy(self._data)  # type: ignore[no-any-return]

    def _missing(self, name: object) -> str:
        import difflib  # for mistakes alone; the client and an idle service do without

        kind = getattr(self._shape, "__name__", "record")
        near = difflib.get_close_matches(str(name), self._values, n=3)
        meant = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has {', '.join(self._values)}"
        return f"this {kind} has no {name!r}; {meant}"


Fetch: TypeAlias = Callable[[str | None, int], tuple[list[Record], str | None]]


class Records(Sequence[Record]):
    """A list of records, fetched page by page while it is read, up to `limit` (None: all there are).

    The first page is fetched at once, so that a wrong request fails where it is made. `len()`, negative indices and
    open slices fetch the rest; what was fetched is kept.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, fetch: Fetch, limit: int | None, page: int = 500) -> None:
        self._fetch, self._limit, self._page = fetch, limit, page
        self._found: list[Record] = []
        self._cursor: str | None = None
        self._done = False
        self._lock = RLock()
        self._more()

    def __iter__(self) -> Iterator[Record]:
        at = 0
        while self._reach(at + 1):
            yield self._found[at]
            at += 1

    def __len__(self) -> int:
        self._reach(None)
        return len(self._found)

    def __bool__(self) -> bool:
        return self._reach(1)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        first, end = (at.start or 0, at.stop) if isinstance(at, slice) else (at, at + 1)
        self._reach(None if end is None or end < 0 or first < 0 else end)
        return self._found[at]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Records | list) else NotImplemented

    def __repr__(self) -> str:
        rest = "" if self._done else ", and more to fetch"
        return f"<{len(self._found)} records{rest}: {self._found[:3]!r}{' ...' if len(self._found) > 3 else ''}>"

    def to_list(self) -> list[dict[str, Any]]:
        """Return all of it as plain data, ready for JSON."""
        return [record.to_dict() for record in self]

    def _reach(self, count: int | None) -> bool:
        """Fetch until `count` records are here (None: all); say whether there are as many."""
        with self._lock:
            while not self._done and (count is None or len(self._found) < count):
                self._more()
            return count is not None and len(self._found) >= count

    def _more(self) -> None:
        left = None if self._limit is None else self._limit - len(self._found)
        items, self._cursor = self._fetch(self._cursor, self._page if left is None else min(left, self._page))
        self._found += items if left is None else items[:left]
        self._done = self._cursor is None or len(self._found) == self._limit


def _show(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


@cache
def _fields(shape: Any) -> tuple[dict[str, Reader], dict[str, Any]]:
    """Return how each field of a shape is read, and the plain defaults of those that may be left out."""
    if shape is None:
        return {}, {}
    fields = msgspec.structs.fields(shape)
    made = {field.name: field.default_factory() for field in fields if field.default_factory is not msgspec.NODEFAULT}
    plain = {field.name: field.default for field in fields if field.default is not msgspec.NODEFAULT}
    return {field.name: _reader(field.type) for field in fields}, msgspec.to_builtins(plain | made)


@cache
def _reader(kind: Any) -> Reader:
    """Return the function that turns a JSON value of the declared type into what the user sees."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _reader(parts[0])
    if origin in (Union, types.UnionType):
        known = [part for part in parts if part is not type(None)]
        return _optional(_reader(known[0])) if len(known) == 1 else _read_unknown
    if kind is float:
        return _read_float
    if kind is datetime:
        return _read_time
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return lambda value: Record(value, kind) if isinstance(value, dict) else _read_unknown(value)
    if origin in (list, tuple):
        each = _reader(parts[0])
        return lambda value: origin(map(each, value)) if isinstance(value, list) else _read_unknown(value)
    if origin is dict:
        part = _reader(parts[1])
        return lambda value: {k: part(v) for k, v in value.items()} if isinstance(value, dict) else _read_unknown(value)
    return _read_unknown


def _optional(inner: Reader) -> Reader:
    # Of the optional values only a number has a stand-in that formats; all others stay None.
    return inner if inner is _read_float else lambda value: None if value is None else inner(value)


def _read_float(value: Any) -> Any:
    if value is None:
        return NAN
    return float(value) if type(value) is int else value


def _read_time(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def _read_unknown(value: Any) -> Any:
    if isinstance(value, dict):
        return Record(value)
    return list(map(_read_unknown, value)) if isinstance(value, list) else value
