"""Quarantine on a model's page, with and without a browser: seen by cause, released and deleted by the hundreds."""

import pytest
from playwright.async_api import expect
from tests.pages.conftest import Visitor, Window, signed_in
from tests.pages.test_models import EVIL, log

from seeme.clock import SECOND
from seeme.records.feedback import Comment, Rating, WrongLabel
from seeme.records.models import ConfigPatch, Model, ModelPatch, NewModel
from seeme.records.predictions import Detection, NewPrediction
from seeme.records.queries import FeedbackQuery
from seeme.service.keys import Identity
from seeme.service.services import Services


async def hold(services: Services, someone: Identity, page: Identity) -> None:
    """Set aside two duplicates and three without a token."""
    await log(services, someone)
    names = {"model_id": "digits", "prediction_id": "p0"}
    for n in range(3):
        await services.ingest.feedback([Rating(id=f"same{n}", rating=1, **names)], page)
    await services.models.patch("digits", ModelPatch(config=ConfigPatch(require_prediction_token=True)))
    for n in range(3):
        await services.ingest.feedback([Comment(id=f"bare{n}", notes=f"note {n}", **names)], page)


async def left(services: Services, status: str = "quarantined") -> set[str]:
    """Return the ids of feedback with a status."""
    query = FeedbackQuery(model_id="digits", status=status, limit=1000)  # type: ignore[arg-type]
    return {item.id for item in (await services.events.list_feedback(query)).items}


async def test_an_empty_quarantine_says_so(model: Model, admin: Visitor) -> None:
    """No table without rows, no button without a use."""
    page = (await admin.get("/models/digits")).text
    assert "Nothing is held back" in page
    assert "Release chosen" not in page


async def test_each_cause_is_shown_with_its_reasons(
    services: Services, someone: Identity, visitor: Identity, model: Model, admin: Visitor
) -> None:
    """In words, with how many there are."""
    await hold(services, someone, visitor)
    page = (await admin.get("/models/digits")).text
    assert 'Duplicates <span class="badge warn">2</span>' in page
    assert 'Without a good prediction token <span class="badge warn">3</span>' in page
    assert "It says the same as same0, received within 10 seconds." in page
    assert "Prediction token: missing." in page


async def test_chosen_rows_and_whole_causes_are_decided_without_scripts(
    services: Services, someone: Identity, visitor: Identity, model: Model, admin: Visitor
) -> None:
    """Plain forms; the page afterwards says what was done and what is left."""
    await hold(services, someone, visitor)
    answer = await admin.post("/models/digits/quarantine/release?period=week", {"id": "bare1"})
    link = answer.headers["location"]
    assert link == "/models/digits?period=week&notice=released&done=1&left=4#quarantine"
    assert "1 released: it counts now. 4 of the same kind are left." in (await admin.get(link.split("#")[0])).text
    await admin.post("/models/digits/quarantine/delete", {"reason": "token"})
    assert await left(services) == {"same1", "same2"}
    await admin.post("/models/digits/quarantine/release", {"reason": "duplicate"})
    assert await left(services, "active") == {"same0", "same1", "same2", "bare1"}


@pytest.mark.parametrize("form", [{}, {"reason": "boredom"}, {"id": "a b"}, {"id": "same1", "reason": "duplicate"}])
async def test_a_form_that_chooses_nothing_does_nothing(
    services: Services, someone: Identity, visitor: Identity, model: Model, admin: Visitor, form: dict[str, str]
) -> None:
    """And the page says what to do."""
    await hold(services, someone, visitor)
    answer = await admin.post("/models/digits/quarantine/delete", form)
    assert "Nothing was chosen" in (await admin.get(answer.headers["location"].split("#")[0])).text
    assert len(await left(services)) == 5


async def test_a_made_up_notice_says_nothing(model: Model, admin: Visitor) -> None:
    """Only numbers are taken from an address."""
    for link in ("notice=released&done=x&left=1", "notice=released&done=1&left=%C2%B2", "notice=hello"):
        assert 'class="notice' not in (await admin.get(f"/models/digits?{link}")).text


async def test_who_may_only_read_sees_it_and_decides_nothing(
    services: Services, someone: Identity, visitor: Identity, model: Model
) -> None:
    """No box, no button, and no form that works."""
    await hold(services, someone, visitor)
    reader = await signed_in(services, "read")
    page = (await reader.get("/models/digits")).text
    assert "Prediction token: missing." in page
    assert 'type="checkbox"' not in page
    assert (await reader.post("/models/digits/quarantine/delete", {"reason": "token"})).status == 403
    other = await signed_in(services, "read", "review", models=("other",))
    assert (await other.post("/models/digits/quarantine/delete", {"reason": "token"})).status == 403
    assert len(await left(services)) == 5


async def test_misfits_can_only_be_deleted(
    services: Services, someone: Identity, visitor: Identity, admin: Visitor
) -> None:
    """No button promises more; a form that asks for it is a conflict."""
    await services.models.create(NewModel(name="Boxes", id="boxes", task="detection"))
    names = {"model_id": "boxes", "prediction_id": "q1"}
    await services.ingest.feedback([WrongLabel(id="a", detection_index=5, correct_label=EVIL, **names)], visitor)
    found = [Detection(label="car", box=(0.0, 0.0, 1.0, 1.0))]
    await services.ingest.predictions([NewPrediction(model_id="boxes", id="q1", detections=found)], someone)
    page = (await admin.get("/models/boxes")).text
    assert "It doesn&#39;t fit: the prediction has 1 detections, counted from 0." in page
    assert "Release chosen" not in page
    assert EVIL not in page
    assert (await admin.post("/models/boxes/quarantine/release", {"reason": "misfit"})).status == 409


async def test_boxes_are_ticked_and_released_by_keyboard(
    services: Services, someone: Identity, visitor: Identity, model: Model, window: Window
) -> None:
    """Tab reaches each box and each button; Space ticks, Enter presses; the box says what it chooses."""
    await hold(services, someone, visitor)
    await window.open("/models/digits")
    box = window.page.get_by_role("checkbox").first
    await expect(box).to_have_accessible_name("Thumbs up It says the same as same0, received within 10 seconds.")
    await box.focus()
    await window.page.keyboard.press("Space")
    for _ in range(20):
        await window.page.keyboard.press("Tab")
        if await window.page.evaluate("document.activeElement.textContent") == "Release chosen":
            break
    await window.page.keyboard.press("Enter")
    await expect(window.page.locator(".notice[role=status]")).to_contain_text("1 released: it counts now.")
    assert await left(services, "active") == {"same0", "same1"}
    assert window.mistakes == []


async def test_deleting_a_whole_cause_asks_once_more(
    services: Services, someone: Identity, visitor: Identity, model: Model, window: Window
) -> None:
    """The first press only opens the question."""
    await hold(services, someone, visitor)
    await window.open("/models/digits")
    await window.page.click("text=Delete all 3…")
    assert len(await left(services)) == 5
    await window.page.click("text=Delete all for good >> visible=true")
    await expect(window.page.locator(".notice[role=status]")).to_contain_text("3 deleted for good.")
    assert await left(services) == {"same1", "same2"}


async def test_a_ticked_box_is_not_pulled_away(
    services: Services, someone: Identity, visitor: Identity, model: Model, window: Window
) -> None:
    """While somebody chooses, the page doesn't refresh itself; once they are done it does."""
    await hold(services, someone, visitor)
    await window.open("/models/digits")
    box = window.page.get_by_role("checkbox").first
    await box.check()
    await services.ingest.feedback([Rating(prediction_id="p1", model_id="digits", rating=1)], someone)
    await expect(window.page.locator("[data-live-state]")).to_contain_text("when you are done", timeout=10_000)
    await expect(box).to_be_checked()
    await box.uncheck()
    await box.blur()
    await expect(window.page.locator("[data-live-state]")).to_contain_text("1 new", timeout=10_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_narrow_window(
    services: Services, someone: Identity, visitor: Identity, model: Model, window: Window, scheme: str
) -> None:
    """At 320 pixels, with every question open, nothing is cut off and every target is 24 pixels high."""
    await hold(services, someone, visitor)
    await window.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await window.page.set_viewport_size({"width": 320, "height": 640})
    await window.open("/models/digits")
    await window.page.evaluate(
        "document.querySelectorAll('#quarantine-groups details').forEach((one) => one.open = true)"
    )
    assert await window.overflow() == 0
    small = "[...document.querySelectorAll('#quarantine-groups :is(button, input, summary)')]"
    heights = await window.page.evaluate(f"{small}.map((e) => e.getBoundingClientRect().height).filter((h) => h)")
    assert min(heights) >= 24
    assert len(heights) > 10


async def test_a_signing_secret_is_made_shown_once_and_retired(
    services: Services, model: Model, window: Window
) -> None:
    """With the code that signs; a reload makes no second one."""
    await window.open("/models/digits/embed")
    await window.page.click("text=Make a signing secret")
    secret = await window.page.locator("#secret").inner_text()
    (listed,) = services.signing.list("digits").items
    assert len(secret) == 43
    await expect(window.page.locator("#signing-code")).to_contain_text(f'kid="{listed.kid}"')
    await window.page.reload()
    await expect(window.page.locator("#secret")).to_have_count(0)
    assert len(services.signing.list("digits").items) == 1
    await window.page.click("text=Make a second signing secret")
    await expect(window.page.locator("section[aria-labelledby=signing]")).to_contain_text(
        "Two signing secrets are live"
    )
    await window.page.click("text=Retire… >> nth=0")
    await window.page.click("text=Retire for good >> visible=true")
    await expect(window.page.locator(".notice.good[role=status]")).to_contain_text("worth nothing from now on")
    assert len(services.signing.list("digits").items) == 1
    assert window.mistakes == []


async def test_asking_for_tokens_is_one_button(services: Services, model: Model, admin: Visitor) -> None:
    """And another to stop; a third secret is told to be too many."""
    for answer, wanted in (("yes", True), ("no", False)):
        assert (await admin.post("/models/digits/require-token", {"require": answer})).status == 303
        assert services.models.get("digits").config.require_prediction_token is wanted
    assert "not asked for" in (await admin.get("/models/digits/embed")).text
    statuses = [(await admin.post("/models/digits/signing-secrets")).status for _ in range(3)]
    assert statuses == [200, 200, 409]
    reader = await signed_in(services, "read")
    assert "kid" not in (await reader.get("/models/digits/embed")).text
    assert (await reader.post("/models/digits/signing-secrets")).status == 403


async def test_a_later_look_shows_what_came_later(
    services: Services, someone: Identity, visitor: Identity, model: Model, admin: Visitor, clock: object
) -> None:
    """The oldest twelve of a cause are shown, and how many there are."""
    await hold(services, someone, visitor)
    for n in range(20):
        clock.forward(SECOND)  # type: ignore[attr-defined]
        new = Comment(id=f"more{n}", notes=f"{n}", model_id="digits", prediction_id="p1")
        await services.ingest.feedback([new], visitor)
    page = (await admin.get("/models/digits")).text
    assert "The oldest 12 of 23 are shown." in page
    assert 'value="more8"' in page
    assert 'value="more9"' not in page
