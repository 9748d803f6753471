"""What a handler's signature says: what it takes from a request, and what it answers."""

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, get_args, get_origin

from msgspec import Struct

Item = TypeVar("Item")

FROM_SERVER = frozenset({"services", "caller", "counters"})


class Made(NamedTuple, Generic[Item]):
    """Something that was made (201), or was there already just like this (200)."""

    item: Item
    created: bool


class Signature(Struct, frozen=True):
    """The parameters of a handler by where they come from, and what it returns.

    `services`, `caller` and `counters` come from the server, `body` from JSON, `items` from JSON that holds one item
    or a batch, `entries` from JSON that holds a batch, `query` from the query string, `headers` from the headers that
    it names, `chunks` is an upload as it comes; all others are parts of the path.
    """

    names: frozenset[str]
    path: tuple[tuple[str, Any], ...]
    query: Any
    headers: Any
    body: Any
    item: Any
    entry: Any
    is_upload: bool
    returns: Any
    makes: bool
    media_type: str


def read_signature(handler: Callable[..., Any]) -> Signature:
    """Return what a handler's signature says."""
    signature = inspect.signature(handler)
    taken = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    returns, media_type = signature.return_annotation, "application/json"
    makes = get_origin(returns) is Made
    if get_origin(returns) is Annotated:
        returns, media_type = get_args(returns)
    if makes:
        (returns,) = get_args(returns)
    special = FROM_SERVER | {"query", "headers", "body", "items", "entries", "chunks"}
    return Signature(
        names=frozenset(taken),
        path=tuple((name, kind) for name, kind in taken.items() if name not in special),
        query=taken.get("query"),
        headers=taken.get("headers"),
        body=taken.get("body"),
        item=get_args(taken["items"])[0] if "items" in taken else None,
        entry=get_args(taken["entries"])[0] if "entries" in taken else None,
        is_upload=taken.get("chunks") == AsyncIterator[bytes],
        returns=returns,
        makes=makes,
        media_type=media_type,
    )
