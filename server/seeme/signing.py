"""Prediction tokens, signed on your own server: a JWT (RFC 7519, HS256), by the standard library alone."""

import hmac
from base64 import urlsafe_b64encode

import msgspec

from seeme.clock import SECOND, now
from seeme.errors import invalid
from seeme.records.tokens import Claims

SHORTEST_SECRET = 32


def sign(
    *,
    secret: str,
    kid: str,
    model_id: str,
    prediction_id: str,
    subject: str | None = None,
    expires_in: float = 3600,
) -> str:
    """Return the token with which a page proves that this prediction was shown, to `subject` if one is named.

    Args:
        secret: a signing secret of the model, which stays on your server.
        kid: the id that was shown with the secret.
        model_id: the model.
        prediction_id: the one prediction that feedback may be about.
        subject: an opaque id of the end user, who then has one vote.
        expires_in: for how many seconds from now the token is good.

    Raises:
        Invalid: naming the argument that can't be signed.
    """
    if not isinstance(secret, str) or len(secret) < SHORTEST_SECRET:
        raise invalid("$.secret", "expected a signing secret of the model, as it was shown when it was made")
    if not isinstance(kid, str) or not kid:
        raise invalid("$.kid", "expected the `kid` that was shown with the secret")
    if not expires_in > 0:
        raise invalid("$.expires_in", f"expected a number of seconds above 0 (got {expires_in})")
    expires_at = now() // SECOND + int(expires_in)
    payload = {"model": model_id, "prediction": prediction_id, "scope": "feedback", "exp": expires_at, "sub": subject}
    try:
        msgspec.convert(payload, Claims)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        raise invalid(_ARGUMENTS.get(path.strip("`"), "$.expires_in"), message) from None
    given = {name: value for name, value in payload.items() if value is not None}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{_part(given)}"
    return f"{signed}.{_base64(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


_ARGUMENTS = {"$.model": "$.model_id", "$.prediction": "$.prediction_id", "$.sub": "$.subject"}


def _part(claims: dict[str, object]) -> str:
    return _base64(msgspec.json.encode(claims))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
