"""The pages of models, asked for without a browser."""

import json
import re

from starlette.requests import Request
from tests.conftest import NOON
from tests.pages.conftest import Visitor

from seeme.clock import DAY, HOUR, from_micros
from seeme.errors import TooManyRequests
from seeme.records.feedback import Comment, Correction, Rating
from seeme.records.models import ConfigPatch, Model, ModelPatch, NewModel
from seeme.records.predictions import NewLabel, NewPrediction
from seeme.records.queries import FeedbackQuery
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.web.pages import error_page

EVIL = "<img src=x onerror=alert(1)>\"'</script><script>alert(2)</script>"


async def log(services: Services, someone: Identity, count: int = 3) -> None:
    """Log predictions p0, p1, ... an hour apart, the latest first."""
    items = [
        NewPrediction(
            model_id="digits", id=f"p{i}", label=str(i % 2), confidence=0.9, latency_ms=12.5 + i,
            created_at=from_micros(NOON - (i + 1) * HOUR),
        )
        for i in range(count)
    ]  # fmt: skip
    await services.ingest.predictions(items, someone)


async def quarantine(services: Services, page: Identity, prediction_id: str = "p0") -> str:
    """Vote so often on one prediction that the last vote is quarantined; return that one's id."""
    names = {"prediction_id": prediction_id, "model_id": "digits"}
    votes = [Rating(rating=-1, notes=f"vote {n}", **names) for n in range(51)]
    for vote in votes:
        await services.ingest.feedback([vote], page)
    held = await services.events.list_feedback(FeedbackQuery(model_id="digits", status="quarantined"))
    assert held.items
    return held.items[0].id


async def test_without_a_model_the_page_says_how_to_make_one(admin: Visitor) -> None:
    """The first visit ends in a command to copy, not in an empty table."""
    page = await admin.get("/")
    assert "seeme model create" in page.text
    assert "client.log_prediction" in page.text


async def test_the_list_tells_what_happened_in_seven_days(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """Older predictions aren't counted."""
    await log(services, someone)
    old = NewPrediction(model_id="digits", id="old", label="1", created_at=from_micros(NOON - 20 * DAY))
    await services.ingest.predictions([old], someone)
    await services.ingest.feedback([Rating(prediction_id="p0", model_id="digits", rating=1)], someone)
    row = re.search(r"<tr>.*?Digits.*?</tr>", (await admin.get("/")).text, re.S)
    assert row is not None
    assert '<td class="number" data-name="Predictions">3</td>' in row[0]
    assert "2025-11-20T11:00:00Z" in row[0]


async def test_a_model_without_data_explains_every_gap(model: Model, admin: Visitor) -> None:
    """Unknown numbers are dashes with a reason, and no chart is drawn empty."""
    page = await admin.get("/models/digits")
    assert "No predictions were logged in this range." in page.text
    assert "Nobody has said anything yet." in page.text
    assert "nobody has voted in this range" in page.text
    assert "data-chart=" not in page.text


async def test_the_numbers_of_each_range_are_those_of_the_reports(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """Hours, days and weeks all add up to the same predictions, with as many periods as the switch says."""
    await log(services, someone, 5)
    for period, periods in (("hour", 48), ("day", 30), ("week", 12)):
        page = await admin.get(f"/models/digits?period={period}")
        found = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', page.text, re.S)
        assert found is not None
        data = json.loads(found[1])
        assert len(data["start"]) == periods
        assert sum(data["charts"]["volume"]["series"][0]["values"]) == 5
        assert data["partial"]


async def test_feedback_can_be_filtered_and_paged(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """A filter in the address that doesn't exist is passed over."""
    await log(services, someone, 20)
    for i in range(20):
        await services.ingest.feedback([Rating(prediction_id=f"p{i}", model_id="digits", rating=1)], someone)
    fix = Correction(prediction_id="p0", model_id="digits", correct_label="1", notes="a one")
    await services.ingest.feedback([fix], someone)
    first = await admin.get("/models/digits?feedback_type=nonsense")
    assert first.text.count("<tr data-id=") == 12
    older = re.search(r'href="([^"]*cursor=[^"]*)">Older feedback', first.text)
    assert older is not None
    second = await admin.get(older[1].replace("&amp;", "&").split("#")[0])
    assert second.text.count("<tr data-id=") == 9
    fixes = await admin.get("/models/digits?feedback_type=correction")
    assert fixes.text.count("<tr data-id=") == 1
    assert "a one" in fixes.text


async def test_orphans_and_quarantined_feedback_are_visible_with_their_reason(
    services: Services, someone: Identity, visitor: Identity, model: Model, admin: Visitor
) -> None:
    """Nothing that was sent is hidden."""
    await log(services, someone)
    await quarantine(services, visitor)
    await services.ingest.feedback([Rating(prediction_id="later", model_id="digits", rating=1)], someone)
    page = await admin.get("/models/digits?status=quarantined")
    assert "The prediction had 50 votes within an hour." in page.text
    assert "burst:" not in page.text
    assert ">Release</button>" in page.text
    assert "Its prediction has not arrived yet." in (await admin.get("/models/digits?status=orphan")).text


async def test_released_feedback_counts_and_says_who_released_it(
    services: Services, someone: Identity, visitor: Identity, model: Model, admin: Visitor
) -> None:
    """Releasing it twice is a conflict, told on a page."""
    await log(services, someone)
    held = await quarantine(services, visitor)
    answer = await admin.post(f"/models/digits/feedback/{held}/release?period=week&status=quarantined")
    assert answer.headers["location"] == "/models/digits?period=week&status=quarantined&notice=release#feedback"
    assert "it counts now" in (await admin.get("/models/digits?notice=release")).text
    found = await services.events.feedback(held, "digits")
    assert found.status == "active"
    assert "Ada &lt;Lovelace&gt;" in (await admin.get("/models/digits/predictions/p0")).text
    assert (await admin.post(f"/models/digits/feedback/{held}/release")).status == 409


async def test_deleted_feedback_is_gone(
    services: Services, someone: Identity, visitor: Identity, model: Model, admin: Visitor
) -> None:
    """Deleting what isn't there is a page that says so."""
    await log(services, someone)
    held = await quarantine(services, visitor)
    assert (await admin.post(f"/models/digits/feedback/{held}/delete")).status == 303
    assert (await admin.post(f"/models/digits/feedback/{held}/delete")).status == 404


async def test_what_users_write_is_never_markup(services: Services, someone: Identity, admin: Visitor) -> None:
    """Names, labels, notes, features and addresses come out as text on every page."""
    await services.models.create(NewModel(name=EVIL, id="evil", labels=[EVIL]))
    bad = NewPrediction(
        model_id="evil", id="e", label=EVIL, confidence=0.5, scores={EVIL: 0.5}, features={EVIL[:90]: EVIL},
        attributes={"a": EVIL}, input_url='https://example.com/"><script>alert(3)</script>',
    )  # fmt: skip
    await services.ingest.predictions([bad], someone)
    await services.ingest.feedback([Comment(prediction_id="e", model_id="evil", notes=EVIL)], someone)
    for link in ("/", "/models/evil", "/models/evil/predictions/e", "/models/evil/embed", f"/models/{EVIL[:20]}"):
        text = (await admin.get(link)).text
        assert "<img src=x" not in text
        assert "<script>" not in text
        assert "onerror=alert(1)>" not in text.replace("onerror=alert(1)&gt;", "")
    assert 'rel="noreferrer noopener nofollow"' in (await admin.get("/models/evil/predictions/e")).text


async def test_the_digest_changes_when_feedback_does(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """An open page asks for a few bytes, and reloads its parts only when they differ."""
    await log(services, someone)
    before = (await admin.get("/models/digits/latest")).text
    assert (await admin.get("/models/digits/latest")).text == before
    await services.ingest.feedback([Rating(prediction_id="p0", model_id="digits", rating=1)], someone)
    after = (await admin.get("/models/digits/latest")).text
    assert after != before
    assert len(after) < 100


async def test_errors_are_pages_for_people(admin: Visitor, stranger: Visitor) -> None:
    """Unknown models, predictions, pages and cursors each say what is wrong."""
    for link in ("/models/none", "/models/none/predictions/x", "/nowhere"):
        page = await admin.get(link)
        assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "There is no such page" in page.text


async def test_an_error_is_told_in_sentences_and_once(services: Services, admin: Visitor) -> None:
    """What is missing is named with a capital; whoever was too fast learns when to come back."""
    assert "<p>There is no model none.</p>" in (await admin.get("/models/none")).text
    request = Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []})
    page = bytes(error_page(request, services, TooManyRequests(retry_after=4.2)).body).decode()
    assert page.count("Too many requests") == 2  # in the tab and as the heading
    assert "<p>Come back in 5 seconds.</p>" in page


async def test_accuracy_that_is_not_shown_says_what_to_declare(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """The page has words for it; the declaration brings the number."""
    await log(services, someone)
    await services.ingest.labels([NewLabel(prediction_id="p0", model_id="digits", label="0")], someone)
    words = "Shown when every prediction gets its true label: declare that in the model&#39;s settings"
    assert words in (await admin.get("/models/digits")).text
    await services.models.patch("digits", ModelPatch(config=ConfigPatch(labels_complete=True)))
    page = (await admin.get("/models/digits")).text
    assert words not in page.split("The numbers as a table")[0]
    assert "of 1 with a true label" in page


async def test_days_and_weeks_are_said_to_be_of_utc(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """The times beside them are the viewer's."""
    await log(services, someone)
    for period, caption in (("hour", "by hour<"), ("day", "by day (UTC)<"), ("week", "by week (UTC)<")):
        assert caption in (await admin.get(f"/models/digits?period={period}")).text


async def test_the_line_in_the_list_leaves_the_running_day_out(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """At nine in the morning every model would look as if it had failed."""
    full = [
        NewPrediction(model_id="digits", label="1", created_at=from_micros(NOON - days * DAY))
        for days in range(1, 7)
        for _ in range(3)
    ]
    await services.ingest.predictions(full, someone)
    line = re.search(r'points="([^"]*)"', (await admin.get("/")).text)
    assert line is not None
    assert [point.split(",")[1] for point in line[1].split()] == ["2.0"] * 6


async def test_a_wrong_cursor_is_a_page_and_not_a_crash(model: Model, admin: Visitor) -> None:
    """Cursors are opaque: an edited one is refused."""
    assert (await admin.get("/models/digits?cursor=x")).status == 422


async def test_every_page_forbids_inline_code(model: Model, admin: Visitor, stranger: Visitor) -> None:
    """The policy stands on pages and on errors, and nothing of them needs what it forbids."""
    for link in ("/", "/models/digits", "/models/digits/embed", "/docs", "/sign-in", "/nowhere"):
        page = await admin.get(link)
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(
            r"<[^>]+\s(style|on\w+)=|<style|<script(?![^>]*(src|type=\"application/json\"))", page.text
        )


async def test_static_files_are_kept_only_under_their_version(admin: Visitor) -> None:
    """A new release is seen at once; between releases nothing is fetched twice."""
    page = await admin.get("/")
    versioned = re.search(r"/static/page\.css\?v=\w+", page.text)
    assert versioned is not None
    kept = await admin.get(versioned[0])
    assert (kept.status, kept.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert (await admin.get("/static/page.css?v=old")).headers["cache-control"] == "no-cache"
    assert (await admin.get("/static/../pages.py")).status == 404
