"""Users' corrections on pages: approved and rejected by forms that need no script, with who did it."""

import re

from tests.conftest import FakeClock
from tests.pages.conftest import Visitor, signed_in
from tests.pages.reviewing import correct, decided, fill, fill_detections, listed, make_model

from seeme.clock import MINUTE
from seeme.records.feedback import Rating, WrongLabel
from seeme.records.queries import FeedbackQuery
from seeme.records.review import Claim
from seeme.service.keys import Identity
from seeme.service.services import Services

BEN = Identity("sk_ben", "secret", "Ben", frozenset({"review", "read"}))


def forms(text: str, verb: str) -> list[str]:
    """Return where the forms of a page send, of those that do this."""
    return [link.replace("&amp;", "&") for link in re.findall(rf'action="([^"]*/{verb}\b[^"]*)"', text)]


async def reviews(services: Services) -> dict[str, tuple[str, str | None]]:
    """Return what was decided about each prediction's feedback, and by whom."""
    found = (await services.events.list_feedback(FeedbackQuery(model_id="pets"))).items
    return {item.prediction_id: (item.review, item.reviewed_by) for item in found}


async def test_pending_corrections_are_decided_where_they_are_listed(
    services: Services, clock: FakeClock, someone: Identity, admin: Visitor
) -> None:
    """The list offers what waits; who decided is kept, and the item of the queue is closed by it."""
    await make_model(services)
    await fill(services, someone, 3)
    await correct(services, someone, "p0", "dog", "it barks")
    clock.forward(MINUTE)
    await correct(services, someone, "p1", "fox", "red")
    await services.ingest.feedback([Rating(prediction_id="p2", model_id="pets", rating=1)], someone)
    link = re.search(r'href="([^"]*)">Pending corrections', (await admin.get("/models/pets")).text)
    assert link
    page = (await admin.get(link[1].replace("&amp;", "&").split("#")[0])).text
    assert page.count("<tr data-id=") == 2
    newer, older = forms(page, "approve")
    back = await admin.post(older)
    assert back.status == 303
    assert "review=pending" in back.headers["location"]
    assert "Approved: it is taken as true." in (await admin.get(back.headers["location"].split("#")[0])).text
    assert (await admin.post(newer.replace("/approve", "/reject"))).status == 303
    me = "Ada <Lovelace>"
    assert await reviews(services) == {"p0": ("approved", me), "p1": ("rejected", me), "p2": ("pending", None)}
    assert list((await decided(services)).values()) == ["corrected"]
    page = (await admin.get(link[1].replace("&amp;", "&").split("#")[0])).text
    assert "No correction waits" in page


async def test_a_correction_that_somebody_holds_is_told_in_words(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """Nothing is decided then."""
    await make_model(services)
    await fill(services, someone, 1)
    await correct(services, someone, "p0", "dog", "it barks")
    await services.queue.claim(Claim(model_id="pets", ids=[(await listed(services))[0].id]), BEN)
    (link,) = forms((await admin.get("/models/pets/predictions/p0")).text, "approve")
    answer = await admin.post(link)
    assert answer.status == 409
    assert "is held by Ben until" in answer.text
    assert (await reviews(services))["p0"] == ("pending", None)


async def test_a_prediction_s_page_decides_and_decides_again(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """One returns to the prediction, where an approval can be turned into its opposite."""
    await make_model(services, "detection")
    await fill_detections(services, someone, 1)
    wrong = WrongLabel(prediction_id="p0", model_id="pets", detection_index=0, correct_label="dog")
    await services.ingest.feedback([wrong], someone)
    page = (await admin.get("/models/pets/predictions/p0")).text
    back = (await admin.post(forms(page, "approve")[0])).headers["location"]
    assert back.startswith("/models/pets/predictions/p0?notice=approve")
    page = (await admin.get(back.split("#")[0])).text
    assert (forms(page, "approve"), len(forms(page, "reject"))) == ([], 1)
    await admin.post(forms(page, "reject")[0])
    assert (await reviews(services))["p0"][0] == "rejected"


async def test_who_may_not_review_is_offered_nothing(services: Services, someone: Identity, admin: Visitor) -> None:
    """A form that comes all the same, or from another site, is refused."""
    await make_model(services)
    await fill(services, someone, 1)
    await correct(services, someone, "p0", "dog", "it barks")
    (link,) = forms((await admin.get("/models/pets")).text, "approve")
    reader = await signed_in(services, "read")
    assert forms((await reader.get("/models/pets")).text, "approve") == []
    assert (await reader.post(link)).status == 403
    elsewhere = {"sec-fetch-site": "cross-site", "origin": "https://evil.example.com"}
    assert (await admin.post(link, **elsewhere)).status == 403
    assert (await reviews(services))["p0"] == ("pending", None)
