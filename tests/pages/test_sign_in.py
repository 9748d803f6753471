"""Signing in and out, and who may see what."""

import re

import msgspec
import pytest
from tests.conftest import FakeClock
from tests.pages.conftest import Visitor, secret_key, signed_in

from seeme.clock import HOUR
from seeme.records.models import Model
from seeme.service.services import Services
from seeme.web.app import create_app
from seeme.web.pages_view import local_path


async def a_code(services: Services) -> str:
    """Return a fresh one-time code."""
    key = await secret_key(services, "read")
    return (await services.keys.new_sign_in(services.keys.authenticate(key).key_id)).code


async def test_a_page_asks_a_stranger_to_sign_in_and_remembers_where_to_return(stranger: Visitor) -> None:
    """The address with its query comes back after signing in."""
    answer = await stranger.get("/models/digits?period=week")
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in?next=%2Fmodels%2Fdigits%3Fperiod%3Dweek")
    form = await stranger.get(answer.headers["location"])
    assert 'action="/sign-in?next=%2Fmodels%2Fdigits%3Fperiod%3Dweek"' in form.text


async def test_a_code_signs_in_once(services: Services, stranger: Visitor) -> None:
    """The second use of a code is refused with a way to get another."""
    code = await a_code(services)
    answer = await stranger.post("/sign-in?next=/models/x", {"secret": code})
    assert (answer.status, answer.headers["location"]) == (303, "/models/x")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))
    again = await Visitor(stranger.app).post("/sign-in", {"secret": code})
    assert again.status == 401
    assert "seeme sign-in" in again.text


async def test_looking_at_a_sign_in_link_does_not_use_it_up(services: Services, stranger: Visitor) -> None:
    """Mail programs and chats fetch links to preview them."""
    code = await a_code(services)
    for _ in range(3):
        page = await stranger.get(f"/sign-in?code={code}")
        assert page.status == 200
        assert code in page.text
    assert (await stranger.post("/sign-in", {"secret": code})).status == 303


async def test_an_expired_code_is_refused(services: Services, clock: FakeClock, stranger: Visitor) -> None:
    """A code is good for an hour."""
    code = await a_code(services)
    clock.forward(2 * HOUR)
    assert (await stranger.post("/sign-in", {"secret": code})).status == 401


@pytest.mark.parametrize("secret", ["", "pk_x_y", "sk_x_y", "nonsense", "é" * 100])
async def test_a_wrong_secret_is_refused(stranger: Visitor, secret: str) -> None:
    """Whatever is typed, the answer is the same message."""
    answer = await stranger.post("/sign-in", {"secret": secret})
    assert answer.status == 401
    assert "seeme_session" not in stranger.cookies


async def test_signing_out_ends_the_session_on_the_server(admin: Visitor) -> None:
    """A cookie kept by somebody else is worthless after it."""
    token = dict(admin.cookies)
    assert (await admin.get("/")).status == 200
    assert (await admin.post("/sign-out")).status == 303
    admin.cookies = token
    assert (await admin.get("/")).status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "", "origin": "https://evil.example"},
        {"sec_fetch_site": "", "origin": "null"},
        {"sec_fetch_site": "", "origin": ""},
    ],
)
async def test_forms_of_other_sites_are_refused(admin: Visitor, model: Model, headers: dict[str, str]) -> None:
    """A write needs a browser's word that the form is ours."""
    plain = {
        "sec-fetch-site": headers["sec_fetch_site"],
        "origin": headers.get("origin", "http://feedback.example.com"),
    }
    answer = await admin.post("/models/digits/embed", {"origins": "https://a.example"}, **plain)
    assert answer.status == 403


async def test_old_browsers_are_known_by_their_origin(admin: Visitor, model: Model) -> None:
    """Without Sec-Fetch-Site the Origin has to be the service's own."""
    answer = await admin.post("/models/digits/embed", {"origins": "https://a.example"}, **{"sec-fetch-site": ""})
    assert answer.status == 200


async def test_a_key_for_one_model_sees_only_that_one(services: Services, model: Model) -> None:
    """Other models are neither listed nor opened."""
    visitor = await signed_in(services, "read", models=("another",))
    assert "Digits" not in (await visitor.get("/")).text
    assert (await visitor.get("/models/digits")).status == 403


async def test_a_reader_is_offered_no_writes(services: Services, model: Model) -> None:
    """Without `admin` there is no form to make a key, and sending one is refused."""
    visitor = await signed_in(services, "read")
    page = await visitor.get("/models/digits/embed")
    assert 'name="origins"' not in page.text
    assert (await visitor.post("/models/digits/embed", {"origins": "https://a.example"})).status == 403
    assert not [key for key in services.keys.list().items if key.kind == "publishable"]


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "", "/\t/x"]
)
def test_a_return_address_stays_on_this_service(wanted: str) -> None:
    """Signing in can't be used to send people elsewhere."""
    assert local_path(wanted) is None


async def test_a_link_from_another_site_is_loaded_again_before_asking(stranger: Visitor) -> None:
    """A strict cookie isn't sent with such a link, so the visitor may well be signed in."""
    answer = await stranger.get("/models/x", **{"sec-fetch-site": "cross-site"})
    assert answer.status == 200
    assert 'http-equiv="refresh" content="0;url=/models/x"' in answer.text


async def test_every_link_respects_the_base_path(services: Services, model: Model) -> None:
    """Behind a proxy that serves it under /feedback, no link points beside it."""
    services.settings = msgspec.structs.replace(services.settings, root_path="/feedback")
    visitor = Visitor(create_app(services))
    key = await secret_key(services, "read", "review", "admin")
    answer = await visitor.post("/feedback/sign-in", {"secret": key})
    assert answer.headers["location"] == "/feedback/"
    assert "path=/feedback" in answer.headers["set-cookie"].lower()
    for link in ("/feedback/", "/feedback/models/digits", "/feedback/models/digits/embed", "/feedback/docs"):
        page = await visitor.get(link)
        assert page.status == 200
        links = re.findall(r'(?:href|src|action|data-latest|data-context)="(/[^"]*)"', page.text)
        assert links
        assert [found for found in links if not found.startswith("/feedback/")] == []
        for found in set(links):
            if "/static/" in found:
                assert (await visitor.get(found)).status == 200
