"""Deciding about much of what is in quarantine at once."""

from typing import Annotated, Literal

from msgspec import Meta

from seeme.records.types import Id, View, Wire

Cause = Literal["burst", "duplicate", "token", "misfit"]


class QuarantineChoice(Wire, frozen=True, kw_only=True):
    """Which feedback is meant: some by their ids, or those of one cause, the oldest 1,000 at a time."""

    ids: Annotated[list[Id], Meta(min_length=1, max_length=1000)] | None = None
    reason: Cause | None = None

    def __post_init__(self) -> None:
        if (self.ids is None) == (self.reason is None):
            raise ValueError("choose by exactly one of `ids` and `reason`")


class Decided(View, frozen=True, kw_only=True):
    """What became of one feedback; `detail` says why it was refused."""

    id: str
    status: Literal["released", "deleted", "refused"]
    detail: str | None = None


class DecidedAll(View, frozen=True, kw_only=True):
    """How many were released or deleted, and how many are left in quarantine: of the reason, or of the model.

    `items` has one result per id, in order; it is null where a reason was given.
    """

    done: int
    left: int
    items: list[Decided] | None
