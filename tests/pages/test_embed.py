"""The embed page: keys made and revoked, and the tag to paste."""

import html
import re

import msgspec
import pytest
from tests.pages.conftest import Visitor, signed_in

from seeme.records.keys import NewKey
from seeme.records.models import Model
from seeme.service.services import Services


def tag_of(page: str) -> str:
    """Return the tag to paste as its reader copies it."""
    found = re.search(r'<pre id="tag"[^>]*><code>(.*?)</code>', page, re.S)
    assert found is not None
    return html.unescape(re.sub(r"</?mark>", "", found[1]))


async def test_a_new_key_stands_in_the_tag(services: Services, model: Model, admin: Visitor) -> None:
    """The tag is the documents' one, with the service's public address; the key works for this model alone."""
    services.settings = msgspec.structs.replace(services.settings, public_url="https://fb.example.com/base/")
    form = {"origins": "https://Shop.example.com/\r\nhttp://localhost:8000", "holder": "shop"}
    page = await admin.post("/models/digits/embed", form)
    assert page.status == 200
    key = re.search(r"pk_\w+_[\w-]+", page.text)
    assert key is not None
    assert tag_of(page.text) == (
        '<script src="https://fb.example.com/base/feedback-widget.js"></script>\n'
        "<seeme-feedback\n"
        '  model-id="digits"\n'
        '  prediction-id="your-prediction-id"\n'
        f'  api-key="{key[0]}">\n'
        "</seeme-feedback>"
    )
    identity = services.keys.authenticate(key[0])
    assert (identity.kind, identity.models) == ("publishable", {"digits"})
    assert identity.origins == {"https://shop.example.com", "http://localhost:8000"}
    assert key[0] not in (await admin.get("/models/digits/embed")).text


@pytest.mark.parametrize("origins", ["", "shop.example.com", "https://shop.example.com/path", "javascript:alert(1)"])
async def test_a_wrong_origin_is_explained_where_it_was_typed(model: Model, admin: Visitor, origins: str) -> None:
    """What was typed stays in the form."""
    page = await admin.post("/models/digits/embed", {"origins": origins})
    assert page.status == 422
    assert "origin" in re.search(r'role="alert" id="problem">(.*?)</p>', page.text)[1].lower()  # type: ignore[index]
    assert f">{origins}</textarea>" in page.text


async def test_a_key_can_be_revoked_from_the_page(services: Services, model: Model, admin: Visitor) -> None:
    """Its line goes, and it is refused from then on."""
    await admin.post("/models/digits/embed", {"origins": "https://a.example"})
    key = next(key for key in services.keys.list().items if key.kind == "publishable")
    assert f"{key.id}_…" in (await admin.get("/models/digits/embed")).text
    assert (await admin.post(f"/models/digits/keys/{key.id}/revoke")).status == 303
    assert f"{key.id}_…" not in (await admin.get("/models/digits/embed")).text


async def test_the_page_of_a_model_revokes_no_other_key(services: Services, model: Model, admin: Visitor) -> None:
    """A secret key isn't revoked by writing its id into the address."""
    secret = next(key for key in services.keys.list().items if key.kind == "secret")
    await admin.post(f"/models/digits/keys/{secret.id}/revoke")
    assert all(key.revoked_at is None for key in services.keys.list().items)


async def test_an_admin_of_some_models_revokes_only_their_keys(services: Services, model: Model) -> None:
    """A key that others' models use too isn't offered, nor ended by its address."""
    shared = await services.keys.create(NewKey(kind="publishable", holder="both", models=["digits", "other"]))
    own = await services.keys.create(NewKey(kind="publishable", holder="one", models=["digits"]))
    visitor = await signed_in(services, "read", "admin", models=("digits",))
    page = (await visitor.get("/models/digits/embed")).text
    assert (f"{own.id}_…" in page, f"{shared.id}_…" in page) == (True, False)
    for key in (own, shared):
        await visitor.post(f"/models/digits/keys/{key.id}/revoke")
    ended = {key.id for key in services.keys.list().items if key.revoked_at is not None}
    assert ended == {own.id}


async def test_an_oversized_form_is_refused(model: Model, admin: Visitor) -> None:
    """Forms are short."""
    assert (await admin.post("/models/digits/embed", {"origins": "x" * 70_000})).status == 413
