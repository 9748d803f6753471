"""Is a prediction token good, and for whom? A JWT of HS256 alone, signed with a live secret of the model."""

import re
from collections.abc import Mapping

import msgspec

from seeme.clock import SECOND
from seeme.records.tokens import MAX_TOKEN, Claims

LEEWAY = 60 * SECOND  # clocks differ
_claims = msgspec.json.Decoder(Claims)


class TokenRefused(Exception):
    """A token proves nothing; the text says why, without any part of the token."""


def check_token(token: str, secrets: Mapping[str, str], model_id: str, prediction_id: str, at: int) -> Claims:
    """Return what a token says, once all of it is good: `secrets` are the model's live ones by `kid`.

    Raises:
        TokenRefused: saying what is wrong, the first thing of: form, key, signature, claims, model, prediction, time.
    """
    claims = _verified(token, secrets)
    if claims.model != model_id:
        raise TokenRefused("for another model")
    if claims.prediction != prediction_id:
        raise TokenRefused("for another prediction")
    if claims.exp * SECOND + LEEWAY < at:
        raise TokenRefused("expired")
    if claims.nbf is not None and claims.nbf * SECOND - LEEWAY > at:
        raise TokenRefused("not good yet")
    return claims


def _verified(token: str, secrets: Mapping[str, str]) -> Claims:
    import jwt  # only here: it brings 10 MB of cryptography, and most services never see a token

    if len(token) > MAX_TOKEN:
        raise TokenRefused(f"longer than {MAX_TOKEN} characters")
    jws = jwt.PyJWS(algorithms=["HS256"])
    try:
        header = jws.get_unverified_header(token)
        if header.get("alg") != "HS256":
            raise TokenRefused("not signed with HS256")
        secret = secrets.get(header.get("kid", ""))
        if secret is None:
            raise TokenRefused("its `kid` is no live signing secret of the model")
        payload = jws.decode_complete(token, secret, algorithms=["HS256"])["payload"]
    except jwt.InvalidSignatureError:
        raise TokenRefused("the signature is wrong") from None
    except (jwt.InvalidTokenError, UnicodeError):
        raise TokenRefused("not a JWT") from None
    try:
        return _claims.decode(payload)
    except (msgspec.MsgspecError, UnicodeError) as error:
        # Which claim, never its value.
        wrong = [name for name in Claims.__struct_fields__ if re.search(rf"[`.]{name}`$", str(error))]
        raise TokenRefused(f"the claim `{wrong[0]}` is wrong" if wrong else "its claims are wrong") from None
