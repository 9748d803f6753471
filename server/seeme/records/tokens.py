"""Prediction tokens, by which a customer's own server vouches for feedback, and the secrets that sign them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from seeme.records.types import Id, Subject, Time, View

MAX_TOKEN = 4096
PredictionToken = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_TOKEN,
        description="A JWT (HS256) made by your server with a signing secret of the model; never stored",
    ),
]


class Claims(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a prediction token says: which prediction was shown and to whom (`sub`), good from `nbf` until `exp`.

    Claims that aren't named here are passed over, as RFC 7519 asks for.
    """

    model: Id
    prediction: Id
    scope: Literal["feedback"]
    exp: Annotated[float, Meta(ge=0, le=1e12)]
    nbf: Annotated[float, Meta(ge=0, le=1e12)] | None = None
    sub: Subject | None = None


class SigningSecret(View, frozen=True, kw_only=True):
    """A live signing secret of a model, without its text; tokens name it by `kid`."""

    kid: str
    created_at: Time


class IssuedSigningSecret(SigningSecret, frozen=True, kw_only=True):
    """A new signing secret with its text, which is shown this once."""

    secret: str
