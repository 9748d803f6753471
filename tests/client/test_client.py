"""Tests of the client's calls: what each sends, and how the client is set up."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from seeme.client import Client
from seeme.errors import ConnectionFailed, Invalid, SetupError

CALLS: list[tuple[Callable[[Client], Any], str, str, Any]] = [
    (lambda c: c.get_model("m"), "GET", "/v1/models/m", None),
    (lambda c: c.list_models(limit=3), "GET", "/v1/models?limit=3", None),
    (lambda c: c.delete_model("m"), "DELETE", "/v1/models/m", None),
    (
        lambda c: c.create_model("Pets", id="m"),
        "POST",
        "/v1/models",
        {"id": "m", "name": "Pets", "task": "classification"},
    ),
    (
        lambda c: c.create_model("Cars", "detection", ("car",), "m", {"log_inputs": True}),
        "POST",
        "/v1/models",
        {"id": "m", "name": "Cars", "task": "detection", "labels": ["car"], "config": {"log_inputs": True}},
    ),
    (lambda c: c.update_model("m", labels=[]), "PATCH", "/v1/models/m", {"labels": []}),
    (
        lambda c: c.update_model(
            model_id="m", name="N", data_engine={"enabled": True}, auto_retrain={}, privacy={"a": 1}
        ),
        "PATCH",
        "/v1/models/m",
        {"name": "N", "data_engine": {"enabled": True}, "auto_retrain": {}, "privacy": {"a": 1}},
    ),
    (lambda c: c.create_model_version("m", "v1", id="v"), "POST", "/v1/models/m/versions", {"id": "v", "name": "v1"}),
    (lambda c: c.list_model_versions("m"), "GET", "/v1/models/m/versions", None),
    (lambda c: c.get_prediction("p", model_id="m"), "GET", "/v1/predictions/p?model_id=m", None),
    (
        lambda c: c.get_predictions(
            "m", 5, date(2024, 1, 1), datetime(2024, 1, 2, tzinfo=UTC), "v", "cat", 0.1, 0.9, "asc"
        ),
        "GET",
        "/v1/predictions?model_id=m&version_id=v&label=cat&start_date=2024-01-01&end_date=2024-01-02T00%3A00%3A00Z"
        "&min_confidence=0.1&max_confidence=0.9&order=asc&limit=5",
        None,
    ),
    (lambda c: c.get_predictions("m", limit=None), "GET", "/v1/predictions?model_id=m&limit=500", None),
    (
        lambda c: c.log_label("p", "cat", id="l", model_id="m"),
        "POST",
        "/v1/labels",
        {"prediction_id": "p", "model_id": "m", "id": "l", "label": "cat"},
    ),
    (
        lambda c: c.log_label("p", boxes=[{"label": "car", "box": (1, 2, 3, 4)}], id="l"),
        "POST",
        "/v1/labels",
        {"prediction_id": "p", "id": "l", "boxes": [{"label": "car", "box": [1, 2, 3, 4]}]},
    ),
    (
        lambda c: c.log_feedback("p", "wrong_box", id="f", detection_index=0, box=[1, 2, 3, 4], notes=None),
        "POST",
        "/v1/feedback",
        {"prediction_id": "p", "feedback_type": "wrong_box", "id": "f", "detection_index": 0, "box": [1, 2, 3, 4]},
    ),
    (
        lambda c: c.get_feedback("m", "rating", "active", "pending", "2024-01-01", 7, "p", "2023-01-01", "2025-01-01"),
        "GET",
        "/v1/feedback?model_id=m&feedback_type=rating&status=active&review=pending&prediction_id=p"
        "&updated_since=2024-01-01&start_date=2023-01-01&end_date=2025-01-01&limit=7",
        None,
    ),
    (lambda c: c.get_feedback_item("f"), "GET", "/v1/feedback/f", None),
    (lambda c: c.approve_feedback("f"), "POST", "/v1/feedback/f/approve", None),
    (lambda c: c.reject_feedback("f", "m"), "POST", "/v1/feedback/f/reject?model_id=m", None),
    (lambda c: c.release_feedback("f"), "POST", "/v1/feedback/f/release", None),
    (
        lambda c: c.release_quarantined("m", ids=["a", "b"]),
        "POST",
        "/v1/models/m/quarantine/release",
        {"ids": ["a", "b"]},
    ),
    (
        lambda c: c.delete_quarantined("m", reason="burst"),
        "POST",
        "/v1/models/m/quarantine/delete",
        {"reason": "burst"},
    ),
    (lambda c: c.delete_feedback("f"), "DELETE", "/v1/feedback/f", None),
    (
        lambda c: c.widget_context("m", "p", "a.b.c"),
        "GET",
        "/v1/widget-context?model_id=m&prediction_id=p",
        None,
    ),
    (lambda c: c.widget_context("m", "p"), "GET", "/v1/widget-context?model_id=m&prediction_id=p", None),
    (lambda c: c.get_performance_metrics("m"), "GET", "/v1/models/m/metrics?period=week&lookback_weeks=12", None),
    (
        lambda c: c.get_performance_metrics("m", "day", start_date="2024-01-01", end_date="2024-01-31", version_id="v"),
        "GET",
        "/v1/models/m/metrics?period=day&version_id=v&start_date=2024-01-01&end_date=2024-01-31",
        None,
    ),
    (lambda c: c.rebuild_sums("m"), "POST", "/v1/models/m/rebuild", {}),
    (
        lambda c: c.rebuild_sums("m", date(2024, 1, 1), "2024-01-02"),
        "POST",
        "/v1/models/m/rebuild",
        {"start": "2024-01-01", "end": "2024-01-02"},
    ),
    (lambda c: c.erase("user-17"), "POST", "/v1/erasures", {"subject": "user-17"}),
    (
        lambda c: c.create_key("publishable", "shop", models=["m"], origins=["*"]),
        "POST",
        "/v1/keys",
        {"kind": "publishable", "holder": "shop", "scopes": [], "models": ["m"], "origins": ["*"]},
    ),
    (lambda c: c.list_keys(), "GET", "/v1/keys", None),
    (lambda c: c.create_signing_secret("m"), "POST", "/v1/models/m/signing-secrets", None),
    (lambda c: c.list_signing_secrets("m"), "GET", "/v1/models/m/signing-secrets", None),
    (lambda c: c.retire_signing_secret("m", "k"), "DELETE", "/v1/models/m/signing-secrets/k", None),
    (lambda c: c.revoke_key("k"), "DELETE", "/v1/keys/k", None),
    (lambda c: c.create_sign_in_code(), "POST", "/v1/sign-in-codes", None),
    (lambda c: c.health(), "GET", "/healthz", None),
]


@pytest.mark.parametrize(("call", "method", "target", "body"), CALLS, ids=[f"{c[1]} {c[2]}"[:60] for c in CALLS])
def test_a_call_sends_exactly_this(
    stub: Any, client: Client, call: Callable[[Client], Any], method: str, target: str, body: Any
) -> None:
    """Method, path, query and body; the key goes in the header alone."""
    call(client)
    (seen,) = stub.seen
    assert (seen.method, seen.target) == (method, target)
    assert (seen.json if seen.body else None) == body
    assert seen.headers["authorization"] == "Bearer sk_test_key"
    assert "sk_test_key" not in seen.target


def test_a_prediction_with_everything_is_sent_as_it_is(stub: Any, client: Client) -> None:
    """Every field, and then the input."""
    fields = {
        "id": "p",
        "version_id": "v",
        "created_at": "2024-01-01T00:00:00Z",
        "label": "cat",
        "confidence": 0.5,
        "scores": {"cat": 0.5},
        "value": 1.5,
        "detections": [{"label": "cat", "box": [1, 2, 3, 4], "confidence": 0.5}],
        "image_size": [640, 480],
        "latency_ms": 12.5,
        "error": "none",
        "input_url": "https://example.com/i.png",
        "input_hash": "0" * 64,
        "input_id": "i",
        "features": {"x": 1},
        "attributions": {"x": 0.1},
        "attributes": {"country": "CH"},
        "subject": "u1",
    }
    assert client.log_prediction("m", input=b"image", **fields).id == "p"  # type: ignore[arg-type]
    post, put = stub.seen
    assert post.json == {"model_id": "m", **fields}
    assert (put.method, put.target, put.body) == ("PUT", "/v1/predictions/p/input?model_id=m", b"image")
    assert put.headers["content-type"] == "application/octet-stream"


def test_a_failed_upload_says_that_the_prediction_is_stored(stub: Any, client: Client) -> None:
    """So nobody logs it twice."""
    stub.plan(stub.well, stub.reply(422, {"detail": "another hash"}))
    with pytest.raises(Invalid, match="another hash") as raised:
        client.log_prediction("m", id="p", input=b"image")
    assert "p is stored" in raised.value.__notes__[0]


def test_an_input_comes_back_as_bytes(stub: Any, client: Client) -> None:
    """Whatever they are."""
    stub.plan(stub.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\x00\xff\x01"))
    assert client.get_input("p") == b"\x00\xff\x01"


def test_new_models_and_versions_have_ids_of_ours(stub: Any, client: Client) -> None:
    """So a lost answer doesn't make a second one."""
    stub.plan(stub.reset)
    client.create_model("Pets")
    client.create_model_version("m", "v1")
    first, again, version = [seen.json["id"] for seen in stub.seen]
    assert first == again
    assert first.startswith("m_")
    assert version.startswith("v_")


def test_lists_page_by_themselves(stub: Any, client: Client) -> None:
    """With the cursor of the page before, up to the limit."""
    items = [{"id": f"p{n}"} for n in range(3)]
    stub.plan(stub.reply(200, {"items": items[:2], "next_cursor": "c1"}), stub.reply(200, {"items": items[2:]}))
    assert [p.id for p in client.get_predictions("m", limit=10)] == ["p0", "p1", "p2"]
    assert [(seen.query["limit"], seen.query.get("cursor")) for seen in stub.seen] == [("10", None), ("8", "c1")]


def test_a_limit_below_one_is_refused(client: Client) -> None:
    """None is the way to ask for all."""
    with pytest.raises(Invalid, match="None for all"):
        client.get_predictions("m", limit=0)


def test_the_environment_says_where_and_with_which_key(stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments come first."""
    monkeypatch.setenv("SEEME_BASE_URL", stub.url)
    monkeypatch.setenv("SEEME_API_KEY", " sk_env\n")
    Client().health()
    assert stub.seen[0].headers["authorization"] == "Bearer sk_env"
    Client(api_key="sk_arg").health()
    assert stub.seen[1].headers["authorization"] == "Bearer sk_arg"
    monkeypatch.delenv("SEEME_BASE_URL")
    assert repr(Client()) == "Client('http://127.0.0.1:8765')"


def test_a_missing_key_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thing a newcomer meets."""
    monkeypatch.delenv("SEEME_API_KEY", raising=False)
    with pytest.raises(SetupError, match="SEEME_API_KEY"):
        Client()
    for wrong in ("sk a", "sk_é", "sk_\r\nX: 1"):
        with pytest.raises(SetupError, match="characters that no key has"):
            Client(api_key=wrong)
    with pytest.raises(SetupError, match="timeout must be above 0"):
        Client(api_key="k", timeout=0)


def test_a_closed_client_opens_connections_again(stub: Any, client: Client) -> None:
    """Closing only lets go of what is idle."""
    client.health()
    client.close()
    client.health()
    assert stub.connections == 2


def test_an_unclear_outcome_says_how_to_go_on(stub: Any) -> None:
    """With the id under which the event would be stored once."""
    stub.default = stub.reset
    with pytest.raises(ConnectionFailed) as raised:
        Client(stub.url, "k", timeout=0.3).log_feedback("p", "comment", notes="x")
    assert stub.ids("feedback")[0] in raised.value.__notes__[0]


def test_importing_the_client_loads_neither_numpy_nor_the_server() -> None:
    """It is to be cheap in every program; the time itself is measured by the benchmark."""
    heavy = "numpy starlette uvicorn aiosqlite jinja2 asyncio sqlite3 seeme.service seeme.web seeme.store seeme.domain"
    code = f"import sys, seeme; print([name for name in {heavy.split()!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
