"""What all forms of exchange share: names of files and ids, none of which are a stranger's text, and JSON lines."""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from seeme.records.datasets import DatasetItem, NewDatasetItem
from seeme.records.types import ID_PATTERN

COLUMNS = DatasetItem.__struct_fields__
# What an export has and an import can't set: it is made anew, or true of where it was exported alone.
READ_ONLY = frozenset({"split", "has_input", "source", "model_id", "prediction_id", "feedback_id", "pi"})
_ID = re.compile(ID_PATTERN)
SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "image/avif": ".avif",
}


def file_stem(id: str) -> str:
    """Return what an item's files are called: a hash, as an id may be no file name, or another one's on some systems.

    >>> file_stem("CON"), file_stem("a:b")
    ('ed0470902e896e359ce4562ec8ae78fb', 'afa482612f7597343c63bad69a7f8b02')
    """
    return blake2b(id.encode(), digest_size=16).hexdigest()


def given_id(text: str) -> str:
    """Return a name from elsewhere as an id: itself where it is one, else made from it.

    >>> given_id("a.png"), given_id("a b.png")
    ('a.png', 'import-e06e2d55575643521f67e4bc7950903e')
    """
    return text if _ID.match(text) else "import-" + blake2b(text.encode(), digest_size=16).hexdigest()


def of_line(found: Any) -> NewDatasetItem:
    """Return a decoded line of JSONL as an item.

    Raises:
        ValueError: it isn't an object, or (msgspec.ValidationError) not one with the fields of an item.
    """
    if not isinstance(found, Mapping):
        raise ValueError("isn't an object")
    fields = {name: value for name, value in found.items() if value is not None and name not in READ_ONLY}
    return msgspec.convert(fields, NewDatasetItem)
