"""The limits of single values: every text, id, number and time that crosses a border is one of these."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct

ID_PATTERN = r"^(?!\.{1,2}$)[A-Za-z0-9._~:-]{1,128}$(?!\n)"
SHA256_PATTERN = r"^[0-9a-f]{64}$(?!\n)"

Id = Annotated[
    str,
    Meta(
        pattern=ID_PATTERN,
        max_length=128,
        description="1 to 128 characters of A-Z a-z 0-9 . _ ~ : - (but not '.' or '..')",
    ),
]
Label = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Note = Annotated[str, Meta(min_length=1, max_length=4000)]
Subject = Annotated[
    str, Meta(min_length=1, max_length=256, description="An opaque id of the end user; stored as a keyed hash only")
]
Unit = Annotated[
    str,
    Meta(min_length=1, max_length=256, description="What is assigned to an arm, as a user is; stored as a keyed hash"),
]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s\x00-\x1f\x7f]+$(?!\n)", max_length=2048)]
Sha256 = Annotated[str, Meta(pattern=SHA256_PATTERN, max_length=64)]
Probability = Annotated[float, Meta(ge=0, le=1)]
# Regression sums are exact integers of 1e-6 units; 1e12 keeps every square within four 32-bit limbs.
Value = Annotated[float, Meta(ge=-1e12, le=1e12)]
Pixels = Annotated[float, Meta(ge=-1e9, le=1e9)]
Extent = Annotated[float, Meta(gt=0, le=1e9)]
Box = tuple[Pixels, Pixels, Extent, Extent]
Milliseconds = Annotated[float, Meta(ge=0, le=1e9)]
Index = Annotated[int, Meta(ge=0, lt=1000)]
Side = Annotated[int, Meta(ge=1, le=1_000_000)]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset; stored as microseconds UTC")]
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Scalar = Integer | float | Annotated[str, Meta(max_length=1000)] | bool | None
Key = Annotated[str, Meta(min_length=1, max_length=100)]
Task = Literal["classification", "detection", "regression"]


class Wire(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The base of everything that comes in: unknown fields are refused, absent ones keep their default."""


class View(Struct, frozen=True, kw_only=True):
    """The base of everything that goes out: every field is always there, unknown ones as null."""


Item = TypeVar("Item")


class Page(View, Generic[Item], frozen=True, kw_only=True):
    """One page of a list; `next_cursor` is null on the last one."""

    items: list[Item]
    next_cursor: str | None = None
