"""API keys: publishable ones for pages, secret ones for programs and people."""

from typing import Annotated, Literal

from msgspec import Meta

from seeme.records.types import Id, Name, Time, View, Wire

Scope = Literal["feedback", "ingest", "read", "review", "admin"]
Origin = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[A-Za-z0-9.\[\]:-]+|\*)$(?!\n)",
        max_length=300,
        description="Scheme, host and port, as browsers send it: https://shop.example.com; '*' is any",
    ),
]


class NewKey(Wire):
    """A key to make. `models` and `origins` empty mean: all models; no browser page."""

    kind: Literal["publishable", "secret"]
    holder: Name
    scopes: list[Literal["ingest", "read", "review", "admin"]] = []
    models: Annotated[list[Id], Meta(max_length=1000)] = []
    origins: Annotated[list[Origin], Meta(max_length=100)] = []


class Key(View):
    """A key without its secret; `holder` is the name that decisions made with it are signed with."""

    id: str
    kind: Literal["publishable", "secret"]
    holder: str
    scopes: list[Scope]
    models: list[str]
    origins: list[str]
    created_at: Time
    revoked_at: Time | None


class IssuedKey(Key):
    """A new key with its text, which is shown this once."""

    key: str


class SignInCode(View):
    """A one-time code for the pages, and until when it is good."""

    code: str
    url: str
    expires_at: Time
