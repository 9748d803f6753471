"""API keys: publishable ones for pages, secret ones for programs and people."""

from typing import Annotated, Literal

from msgspec import Meta, field

from seeme.records.types import Id, Name, Subject, Time, View, Wire

Scope = Literal["feedback", "ingest", "read", "review", "admin"]
Origin = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[A-Za-z0-9.\[\]:-]+|\*)$(?!\n)",
        max_length=300,
        description="Scheme, host and port, as browsers send it: https://shop.example.com; '*' is any",
    ),
]


class NewKey(Wire, frozen=True, kw_only=True):
    """A key to make. `models` and `origins` empty mean: all models; no browser page."""

    kind: Literal["publishable", "secret"]
    holder: Name
    scopes: list[Literal["ingest", "read", "review", "admin"]] = field(default_factory=list)
    models: Annotated[list[Id], Meta(max_length=1000)] = field(default_factory=list)
    origins: Annotated[list[Origin], Meta(max_length=100)] = field(default_factory=list)


class Key(View, frozen=True, kw_only=True):
    """A key without its secret; `holder` is the name that decisions made with it are signed with."""

    id: str
    kind: Literal["publishable", "secret"]
    holder: str
    scopes: list[Scope]
    models: list[str]
    origins: list[str]
    created_at: Time
    revoked_at: Time | None


class IssuedKey(Key, frozen=True, kw_only=True):
    """A new key with its text, which is shown this once."""

    key: str


class SignInCode(View, frozen=True, kw_only=True):
    """A one-time code for the pages, and until when it is good."""

    code: str
    url: str
    expires_at: Time


class NewErasure(Wire, frozen=True, kw_only=True):
    """A person whose rows are to be deleted, named as in the events' `subject`."""

    subject: Subject


class Erased(View, frozen=True, kw_only=True):
    """How many rows of a person were deleted."""

    predictions: int
    feedback: int
