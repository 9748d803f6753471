"""Prediction tokens against PyJWT: what we sign it takes, and of what it signs we take the good ones alone."""

import base64
import hmac
import json

import jwt
import pytest

from seeme.errors import Invalid
from seeme.service.tokens import TokenRefused, check_token
from seeme.signing import sign

NOW = 1_763_640_000
SECRETS = {"k_one": "a" * 43, "k_two": "b" * 43}
CLAIMS = {"model": "digits", "prediction": "p1", "scope": "feedback", "exp": NOW + 60, "sub": "ann"}


@pytest.fixture
def at_noon(monkeypatch):
    """The clock of the signing server."""
    monkeypatch.setattr("seeme.signing.now", lambda: NOW * 1_000_000)


def made(secret=SECRETS["k_one"], kid="k_one", algorithm="HS256", without=(), **claims):
    """Return a token as another library makes it."""
    said = {name: value for name, value in {**CLAIMS, **claims}.items() if name not in without}
    return jwt.encode(said, secret, algorithm, headers=None if kid is None else {"kid": kid})


def check(token, at=NOW):
    """Return the claims of a token on p1 of `digits`."""
    return check_token(token, SECRETS, "digits", "p1", at * 1_000_000)


def test_what_we_sign_another_library_verifies(at_noon):
    """The header, the claims and the signature are those of RFC 7519."""
    names = {"model_id": "digits", "prediction_id": "p1"}
    token = sign(secret=SECRETS["k_one"], kid="k_one", subject="Zoë", expires_in=90, **names)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "kid": "k_one"}
    claims = jwt.decode(token, SECRETS["k_one"], ["HS256"], options={"verify_exp": False})
    assert claims == {**CLAIMS, "exp": NOW + 90, "sub": "Zoë"}
    assert check(token).sub == "Zoë"
    assert "sub" not in jwt.decode(
        sign(secret=SECRETS["k_one"], kid="k_one", **names), options={"verify_signature": False}
    )


@pytest.mark.parametrize("kid", SECRETS)
def test_a_token_of_either_live_secret_is_good(kid):
    """As long as two are live, both sign; other claims are passed over."""
    claims = check(made(SECRETS[kid], kid, iat=NOW, iss="shop"))
    assert (claims.model, claims.prediction, claims.sub) == ("digits", "p1", "ann")
    assert check(made(without=["sub"])).sub is None


def test_a_token_is_good_for_a_minute_beyond_its_time():
    """Clocks differ."""
    token = made(exp=NOW)
    assert check(token, NOW + 60)
    with pytest.raises(TokenRefused, match=r"^expired$"):
        check(token, NOW + 61)


def _raw(header, payload, secret=SECRETS["k_one"]):
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload)]
    signed = b".".join(parts)
    mac = base64.urlsafe_b64encode(hmac.digest(secret.encode(), signed, "sha256")).rstrip(b"=")
    return (signed + b"." + mac).decode()


HEADER = b'{"alg":"HS256","kid":"k_one"}'
FAULTS = {
    "alg none": (made(None, algorithm="none"), "not signed with HS256"),
    "alg None": (_raw(b'{"alg":"nOnE","kid":"k_one"}', json.dumps(CLAIMS).encode()), "not signed with HS256"),
    "another HMAC": (made("d" * 64, algorithm="HS512"), "not signed with HS256"),
    "RS256": (_raw(b'{"alg":"RS256","kid":"k_one"}', json.dumps(CLAIMS).encode()), "not signed with HS256"),
    "no alg": (_raw(b'{"kid":"k_one"}', json.dumps(CLAIMS).encode()), "not signed with HS256"),
    "alg a list": (_raw(b'{"alg":["HS256"],"kid":"k_one"}', json.dumps(CLAIMS).encode()), "not signed with HS256"),
    "no kid": (made(kid=None), "its `kid` is no live signing secret of the model"),
    "other kid": (made(kid="k_gone"), "its `kid` is no live signing secret of the model"),
    "kid a number": (_raw(b'{"alg":"HS256","kid":1}', json.dumps(CLAIMS).encode()), "not a JWT"),
    "kid of the other secret": (made(kid="k_two"), "the signature is wrong"),
    "other secret": (made("c" * 43), "the signature is wrong"),
    "cut signature": (made()[:-4], "the signature is wrong"),
    "unsigned": (made().rpartition(".")[0] + ".", "the signature is wrong"),
    "other model": (made(model="boxes"), "for another model"),
    "other prediction": (made(prediction="p2"), "for another prediction"),
    "expired": (made(exp=NOW - 61), "expired"),
    "not before": (made(nbf=NOW + 61), "not good yet"),
    "nbf a text": (_raw(HEADER, json.dumps({**CLAIMS, "nbf": "soon"}).encode()), "the claim `nbf` is wrong"),
    "no exp": (made(without=["exp"]), "the claim `exp` is wrong"),
    "exp a text": (_raw(HEADER, json.dumps({**CLAIMS, "exp": "soon"}).encode()), "the claim `exp` is wrong"),
    "exp far beyond": (_raw(HEADER, json.dumps({**CLAIMS, "exp": 1e300}).encode()), "the claim `exp` is wrong"),
    "no scope": (made(without=["scope"]), "the claim `scope` is wrong"),
    "other scope": (made(scope="admin"), "the claim `scope` is wrong"),
    "no model": (made(without=["model"]), "the claim `model` is wrong"),
    "empty subject": (made(sub=""), "the claim `sub` is wrong"),
    "claims no object": (_raw(HEADER, b"[1]"), "its claims are wrong"),
    "claims no JSON": (_raw(HEADER, b"\xff"), "its claims are wrong"),
    "crit": (_raw(b'{"alg":"HS256","kid":"k_one","crit":["x"],"x":1}', json.dumps(CLAIMS).encode()), "not a JWT"),
    "header no object": (_raw(b'"HS256"', b"{}"), "not a JWT"),
    "header deep": (_raw(b"[" * 2000, b"{}"), "not a JWT"),
    "no JWT": ("hello", "not a JWT"),
    "two dots": ("..", "not a JWT"),
    "not ASCII": ("é.é.é", "not a JWT"),
    "a key": ("pk_aaaaaaaaaaaa_bbbb", "not a JWT"),
    "huge": ("a" * 4097, "longer than 4096 characters"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_token_with_a_fault_is_refused_with_the_reason(fault):
    """The reason names what is wrong and holds nothing of the token."""
    token, reason = FAULTS[fault]
    with pytest.raises(TokenRefused) as refused:
        check(token)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("secret", "short"),
        ("secret", None),
        ("kid", ""),
        ("model_id", "a b"),
        ("model_id", None),
        ("prediction_id", ""),
        ("subject", "x" * 257),
        ("subject", 17),
        ("expires_in", 0),
        ("expires_in", float("nan")),
        ("expires_in", 1e13),
    ],
)
def test_what_cannot_be_signed_is_refused_by_its_name(argument, value):
    """A token that the service would refuse isn't made."""
    good = {"secret": SECRETS["k_one"], "kid": "k_one", "model_id": "digits", "prediction_id": "p1"}
    with pytest.raises(Invalid) as refused:
        sign(**{**good, argument: value})
    assert [error.path for error in refused.value.errors] == [f"$.{argument}"]
