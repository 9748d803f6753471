"""Who may do what: keys, scopes, models, origins, sessions and rates."""

import pytest
from asgi_client import SHOP, Caller

from seeme.records.keys import NewKey
from seeme.records.models import NewModel
from seeme.settings import Settings
from seeme.web.api import ROUTES
from seeme.web.app import create_app

RATING = {"model_id": "digits", "prediction_id": "p1", "feedback_type": "rating", "rating": 1}
PREDICTION = {"model_id": "digits", "id": "p1", "label": "1"}
CLOSED = [route for route in ROUTES if route.scope]


def url(route):
    """Return an address that the route answers."""
    return route.path.replace("{", "").replace("}", "")


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: f"{route.method} {route.path}")
async def test_every_route_with_a_scope_refuses_strangers_and_wrong_keys(stranger, app, route):
    """401, and how to do it right."""
    for caller in (stranger, Caller(app, "sk_unknown_key"), Caller(app, "\xff"), Caller(app, "")):
        answer = await caller(route.method, url(route), {})
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: f"{route.method} {route.path}")
async def test_every_route_asks_for_its_own_scope(services, app, route):
    """A key with all the other scopes is refused."""
    wanted = "ingest" if route.scope == "feedback" else route.scope
    scopes = [scope for scope in ("ingest", "read", "review", "admin") if scope != wanted]
    key = await services.keys.create(NewKey(kind="secret", holder="x", scopes=scopes))
    answer = await Caller(app, key.key)(route.method, url(route), {})
    assert (answer.status, wanted in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: f"{route.method} {route.path}")
async def test_a_publishable_key_may_only_send_feedback(page, route):
    """Whatever else it asks for is refused."""
    answer = await page(route.method, url(route), {})
    assert (answer.status == 403) == (not route.is_public)


async def test_a_publishable_key_works_from_its_origins_alone(page, services, app):
    """A key in a page is public: elsewhere it is worth nothing."""
    assert (await page("POST", "/v1/feedback", RATING)).status == 202
    refused = [
        await page("POST", "/v1/feedback", RATING, origin="https://evil.example"),
        await page("POST", "/v1/feedback", RATING, origin="http://shop.example"),
        await page("POST", "/v1/feedback", RATING, origin=SHOP + ":8443"),
        await page("POST", "/v1/feedback", RATING, origin="null"),
        await Caller(app, page.headers["authorization"].split()[1])("POST", "/v1/feedback", RATING),
    ]
    assert [answer.status for answer in refused] == [403] * 5
    assert all(answer.headers["access-control-allow-origin"] == "*" for answer in refused)


async def test_a_key_for_any_origin_works_without_one(services, app):
    """The star is for apps that are no pages."""
    new = NewKey(kind="publishable", holder="app", models=["digits"], origins=["*"])
    caller = Caller(app, (await services.keys.create(new)).key)
    assert (await caller("POST", "/v1/feedback", RATING)).status == 202


async def test_a_publishable_key_is_for_its_models_alone(page, services):
    """Also where the feedback doesn't say its model."""
    await services.models.create(NewModel(name="Other", id="other"))
    assert (await page("POST", "/v1/feedback", RATING | {"model_id": "other"})).status == 403
    assert (await page("GET", "/v1/widget-context?model_id=other")).status == 403
    batch = await page("POST", "/v1/feedback", {"items": [RATING | {"model_id": "other"}, RATING]})
    assert [item["status"] for item in batch.json()["items"]] == ["refused", "orphan"]


async def test_a_key_for_some_models_sees_and_changes_only_those(program, narrow, services):
    """By every way in: path, query, body, and an id alone."""
    await services.models.create(NewModel(name="Other", id="other"))
    await program("POST", "/v1/predictions", PREDICTION)
    await program("POST", "/v1/feedback", RATING | {"id": "f1"})
    calls = [
        ("POST", "/v1/predictions", PREDICTION | {"id": "p9"}),
        ("GET", "/v1/predictions?model_id=digits", b""),
        ("GET", "/v1/predictions/p1", b""),
        ("GET", "/v1/predictions/p1?model_id=digits", b""),
        ("GET", "/v1/predictions/p1/input", b""),
        ("PUT", "/v1/predictions/p1/input", b"GIF89a"),
        ("GET", "/v1/feedback/f1", b""),
        ("POST", "/v1/feedback/f1/approve", b""),
        ("POST", "/v1/feedback/f1/reject", b""),
        ("POST", "/v1/feedback/f1/release", b""),
        ("DELETE", "/v1/feedback/f1", b""),
        ("GET", "/v1/models/digits", b""),
        ("PATCH", "/v1/models/digits", {"name": "Mine"}),
        ("DELETE", "/v1/models/digits", b""),
        ("GET", "/v1/models/digits/metrics", b""),
    ]
    answers = [await narrow(*call) for call in calls]
    by_id_alone = [path.endswith(("p1", "f1")) or path.count("/") == 4 for _, path, _ in calls]
    by_id_alone[-1] = False  # the metrics of a named model
    assert [answer.status for answer in answers] == [404 if alone else 403 for alone in by_id_alone]
    assert (await program("GET", "/v1/feedback/f1")).json()["review"] == "pending"
    unnamed = {name: value for name, value in RATING.items() if name != "model_id"}
    assert (await narrow("POST", "/v1/feedback", unnamed)).status == 422
    assert [model["id"] for model in (await narrow("GET", "/v1/models")).json()["items"]] == ["other"]
    assert (await narrow("GET", "/v1/models/other")).status == 200


async def test_a_key_for_some_models_learns_nothing_of_others(program, narrow, services):
    """Cursors name only its own models, ids that others have too are its own, and the service's counts are closed."""
    await services.models.create(NewModel(name="Other", id="other"))
    first = (await narrow("GET", "/v1/models?limit=1")).json()
    assert ([model["id"] for model in first["items"]], first["next_cursor"]) == (["other"], None)
    for model_id in ("digits", "other"):
        await program("POST", "/v1/predictions", PREDICTION | {"model_id": model_id})
    assert (await program("GET", "/v1/predictions/p1")).status == 409
    assert (await narrow("GET", "/v1/predictions/p1")).json()["model_id"] == "other"
    assert (await narrow("GET", "/metrics")).status == 403


async def test_a_key_for_some_models_can_not_make_itself_a_wider_one(narrow):
    """Keys, sign-in codes and new models are about all models."""
    new = {"kind": "secret", "holder": "x", "scopes": ["admin"]}
    calls = [("POST", "/v1/keys", new), ("GET", "/v1/keys", b""), ("POST", "/v1/sign-in-codes", b"")]
    calls += [("DELETE", "/v1/keys/pk_any", b""), ("POST", "/v1/models", {"name": "x"})]
    assert [(await narrow(*call)).status for call in calls] == [403] * 5


async def test_a_key_for_some_models_can_not_erase_a_person(program, narrow):
    """A person's rows lie in all models; nothing of them is touched."""
    await program("POST", "/v1/predictions", PREDICTION | {"subject": "user-17"})
    assert (await narrow("POST", "/v1/erasures", {"subject": "user-17"})).status == 403
    assert (await program("GET", "/v1/predictions/p1")).status == 200


async def session(services, app, program, **headers):
    """Return someone who is signed in to the pages."""
    code = (await program("POST", "/v1/sign-in-codes")).json()["code"]
    token, _ = await services.keys.redeem(code)
    return Caller(app, None, cookie=f"a=b; seeme_session={token}", **headers)


async def test_a_signed_in_page_may_read_but_writes_only_from_our_own_origin(services, app, program):
    """A cookie is sent by the browser whoever asks, so writes must come from us."""
    ours = await session(services, app, program, origin="http://seeme.test")
    assert (await ours("GET", "/v1/models")).status == 200
    new = {"id": "cats", "name": "Cats"}
    assert (await ours("POST", "/v1/models", new)).status == 201
    refused = [
        await ours("POST", "/v1/models", new, origin="https://evil.example"),
        await ours("POST", "/v1/models", new, origin="null"),
        await ours("POST", "/v1/models", new, origin="http://seeme.test", sec_fetch_site="same-site"),
        await (await session(services, app, program))("POST", "/v1/models", new),
    ]
    assert [answer.status for answer in refused] == [403] * 4
    assert (await ours("POST", "/v1/models", new, origin="", sec_fetch_site="same-origin")).status == 200
    assert (await Caller(app, None, cookie="seeme_session=nothing")("GET", "/v1/models")).status == 401


async def test_only_sending_feedback_and_the_widget_context_answer_preflights(stranger):
    """Preflights carry no key; all but feedback and widget-context has no CORS."""
    asked = {"origin": SHOP, "access_control_request_method": "POST"}
    answer = await stranger("OPTIONS", "/v1/feedback", **asked)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, "*")
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert {"authorization", "prediction-token"} <= set(answer.headers["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in answer.headers
    context = await stranger("OPTIONS", "/v1/widget-context", **asked)
    assert (context.status, context.headers["access-control-allow-methods"]) == (204, "GET")
    for path in ("/v1/predictions", "/v1/models", "/v1/feedback/f1", "/v1/keys"):
        answer = await stranger("OPTIONS", path, **asked)
        assert (answer.status, "access-control-allow-origin" in answer.headers) == (405, False)


async def limited(services, program, **limits):
    """Return the same services behind an edge with other limits, and the program as its caller."""
    settings = services.settings
    services.settings = Settings(data=settings.data, **limits)
    try:
        return Caller(create_app(services), program.headers["authorization"].split()[1])
    finally:
        services.settings = settings


async def test_too_many_requests_are_429_with_retry_after(services, program):
    """A bucket holds ten seconds' worth, at least ten."""
    caller = await limited(services, program, secret_key_rate=1.0)
    statuses = [(await caller("GET", "/v1/models")).status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    answer = await caller("GET", "/v1/models")
    assert answer.headers["retry-after"] == "1"


async def test_the_items_of_a_batch_count_one_by_one(services, program):
    """A batch passes when anything is left, and what it took must be paid back first."""
    caller = await limited(services, program, secret_key_rate=10.0)
    batch = {"items": [{"model_id": "digits", "label": "1"}] * 300}
    assert (await caller("POST", "/v1/predictions", batch)).status == 207
    answer = await caller("POST", "/v1/predictions", PREDICTION)
    assert answer.status == 429
    assert 15 <= int(answer.headers["retry-after"]) <= 21


async def test_pages_are_limited_by_address_too(services, page, program):
    """A public key is shared by many; each address has its own share."""
    edge = (await limited(services, program, address_rate=1.0)).app
    text = page.headers["authorization"].split()[1]
    one, other = (Caller(edge, text, address, origin=SHOP) for address in ("2001:db8::1", "2001:db8:0:1::1"))
    same = Caller(edge, text, "2001:db8::2", origin=SHOP)
    statuses = [(await one("POST", "/v1/feedback", RATING)).status for _ in range(11)]
    assert statuses == [202] * 10 + [429]
    assert (await same("POST", "/v1/feedback", RATING)).status == 429
    assert (await other("POST", "/v1/feedback", RATING)).status == 202


async def test_wrong_keys_and_sign_ins_are_limited_by_address(services, program):
    """Guessing is slow, and doesn't lock out those with a right key."""
    edge = (await limited(services, program, failed_sign_in_rate=0.1)).app
    wrong = Caller(edge, "sk_a_b", accept="application/json")
    statuses = [(await wrong("GET", "/v1/models")).status for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    right = Caller(edge, program.headers["authorization"].split()[1])
    assert (await right("GET", "/v1/models")).status == 200


async def test_failed_sign_ins_are_limited_and_good_ones_are_not(services, program):
    """The page tells a guesser to wait; whoever knows the key may come as often as they like."""
    edge = (await limited(services, program, failed_sign_in_rate=0.1)).app
    form = {"content_type": "application/x-www-form-urlencoded", "sec_fetch_site": "same-origin"}
    person = Caller(edge, address="192.0.2.1", accept="text/html")
    good = b"secret=" + program.headers["authorization"].split()[1].encode()
    assert {(await person("POST", "/sign-in", good, **form)).status for _ in range(15)} == {303}
    statuses = [(await person("POST", "/sign-in", b"secret=x", **form)).status for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert (await person("POST", "/sign-in", good, **form)).headers["retry-after"] == "10"


async def test_forwarded_addresses_are_believed_from_trusted_proxies_alone(services, program):
    """Anyone can write the header; only our own proxy's word counts."""
    edge = (await limited(services, program, failed_sign_in_rate=0.1, trusted_proxies="10.0.0.0/8")).app

    async def tries(peer, forwarded):
        wrong = Caller(edge, "sk_a_b", peer)
        return [(await wrong("GET", "/v1/models", x_forwarded_for=text)).status for text in forwarded]

    assert 429 in await tries("203.0.113.1", [f"198.51.100.{n}" for n in range(11)])
    assert 429 not in await tries("10.0.0.1", [f"198.51.100.{n}" for n in range(11)])
    assert 429 in await tries("10.0.0.1", [f"198.51.100.{n}, 192.0.2.7" for n in range(11)])


async def test_a_page_may_send_twenty_items_at_once_and_no_more(page, program):
    """More is refused before any is decoded; a program may send a thousand."""
    assert (await page("POST", "/v1/feedback", {"items": [RATING] * 20})).status == 207
    answer = await page("POST", "/v1/feedback", {"items": [{"bad": 1}] * 21})
    assert (answer.status, answer.paths()) == (422, ["$.items"])
    assert "at most 20" in answer.json()["detail"]
    assert (await program("POST", "/v1/feedback", {"items": [RATING] * 21})).status == 207


async def test_an_address_pays_for_all_items_of_a_page_before_they_are_looked_at(services, page, program):
    """Also for those that are refused, while other addresses with the same key go on."""
    edge = (await limited(services, program, address_rate=1.0)).app
    text = page.headers["authorization"].split()[1]
    one, other = (Caller(edge, text, address, origin=SHOP) for address in ("192.0.2.1", "192.0.2.2"))
    assert (await one("POST", "/v1/feedback", {"items": [{"bad": 1}] * 20})).status == 207
    answer = await one("POST", "/v1/feedback", RATING)
    assert (answer.status, 10 <= int(answer.headers["retry-after"]) <= 11) == (429, True)
    assert (await other("POST", "/v1/feedback", {"items": [{"bad": 1}] * 300})).status == 422
    assert int((await other("POST", "/v1/feedback", RATING)).headers["retry-after"]) > 280
    assert (await Caller(edge, text, "192.0.2.3", origin=SHOP)("POST", "/v1/feedback", RATING)).status == 202


async def test_wrong_keys_and_failed_sign_ins_are_counted_apart(services, program):
    """A program with an old key doesn't lock out the people behind the same address, nor they it."""
    edge = (await limited(services, program, failed_sign_in_rate=0.1)).app
    form = {"content_type": "application/x-www-form-urlencoded", "sec_fetch_site": "same-origin"}
    wrong, person = Caller(edge, "sk_a_b", "192.0.2.1"), Caller(edge, address="192.0.2.1", accept="text/html")
    assert 429 in [(await wrong("GET", "/v1/models")).status for _ in range(11)]
    assert {(await person("POST", "/sign-in", b"secret=x", **form)).status for _ in range(10)} == {401}
    guesser, program_beside = Caller(edge, None, "192.0.2.2", accept="text/html"), Caller(edge, "sk_a_b", "192.0.2.2")
    assert 429 in [(await guesser("POST", "/sign-in", b"secret=x", **form)).status for _ in range(11)]
    assert (await program_beside("GET", "/v1/models")).status == 401


async def test_pages_without_a_session_are_limited_by_address(services, program):
    """Also with a cookie that is none; whoever is signed in goes on, and the answer is a page."""
    edge = (await limited(services, program, address_rate=1.0)).app
    paths = ("/docs", "/sign-in", "/", "/nothing")
    statuses = []
    for number in range(11):
        visitor = Caller(edge, None, "192.0.2.1", accept="text/html", cookie=f"seeme_session=x{number}")
        statuses.append((await visitor("GET", paths[number % 4])).status)
    assert (429 not in statuses[:10], statuses[10]) == (True, 429)
    answer = await Caller(edge, None, "192.0.2.1", accept="text/html")("GET", "/docs")
    assert (answer.status, answer.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert int(answer.headers["retry-after"]) >= 1
    signed_in = await session(services, edge, program)
    signed_in.address = "192.0.2.1"
    assert {(await signed_in("GET", "/")).status for _ in range(12)} == {200}
