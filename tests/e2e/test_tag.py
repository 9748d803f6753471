"""From the documents' tag on somebody else's page to a row, the client, the metrics and the model's page."""

import json
import urllib.request
from typing import Any

import pytest
from embedding import Site
from live import Live
from playwright.sync_api import Page, expect

from seeme.client import Client, Record

MODEL = "pets"


@pytest.fixture
def prediction(client: Client) -> Record:
    """A prediction that a visitor will look at."""
    client.create_model("Pets", labels=["cat", "dog"], id=MODEL)
    return client.log_prediction(MODEL, label="dog", confidence=0.62, latency_ms=14.5)


def _key(client: Client, *origins: str) -> str:
    return str(client.create_key("publishable", "shop", models=[MODEL], origins=origins).key)


def _said(page: Page, words: str) -> None:
    expect(page.locator("seeme-feedback").get_by_role("status")).to_have_text(words)


def _rows(live: Live) -> list[dict[str, Any]]:
    """Return the feedback as the JSON API lists it, newest first."""
    request = urllib.request.Request(
        f"{live.url}/v1/feedback?model_id={MODEL}", headers={"Authorization": f"Bearer {live.admin_key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        rows: list[dict[str, Any]] = json.load(answer)["items"]
    return rows


def _vote_and_correct(page: Page) -> None:
    """Click a thumb, change your mind, and say what it should have been."""
    page.get_by_role("button", name="Thumbs up").click()
    _said(page, "Thank you")
    page.get_by_role("button", name="Thumbs down").click()
    expect(page.get_by_role("button", name="Thumbs down")).to_have_attribute("aria-pressed", "true")
    _said(page, "Thank you")
    page.get_by_role("button", name="Correct it").click()
    expect(page.locator("datalist option")).to_have_text(["cat", "dog"])
    page.get_by_label("Right answer").fill("cat")
    page.get_by_label("Note").fill("look at the tail")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("Note")).to_be_hidden()
    _said(page, "Thank you")


def test_what_a_visitor_says_is_found_everywhere(
    page: Page, site: Site, live: Live, client: Client, prediction: Record
) -> None:
    """A changed vote and a correction, from another origin: in the API, the client, the metrics and on the page."""
    page.goto(site.embed(live.url, MODEL, prediction.id, _key(client, site.origin)))
    _vote_and_correct(page)

    rows = _rows(live)
    found = {(row["feedback_type"], row["rating"], row["correct_label"], row["status"]) for row in rows}
    assert found == {
        ("rating", 1, None, "superseded"),
        ("rating", -1, None, "active"),
        ("correction", None, "cat", "active"),
    }
    assert {row["prediction_id"] for row in rows} == {prediction.id}

    [correction] = client.get_feedback(model_id=MODEL, feedback_type="correction", limit=100)
    assert (correction.predicted_label, correction.correct_label, correction.notes) == (
        "dog",
        "cat",
        "look at the tail",
    )
    week = client.get_performance_metrics(model_id=MODEL, period="week", lookback_weeks=12)[-1]
    assert (week.predictions, week.thumbs_up, week.thumbs_down, week.corrections) == (1, 0, 1, 1)
    assert week.satisfaction == 0

    _sign_in(page, client)
    page.goto(f"{live.url}/models/{MODEL}")
    expect(page.get_by_role("heading", name="Pets")).to_be_visible()
    feedback = page.locator("#feedback-rows")
    for words in ("Thumbs down", "counts", "Thumbs up", "superseded", "look at the tail"):
        expect(feedback).to_contain_text(words)
    expect(feedback.locator("strong.label")).to_have_text("cat")


def _sign_in(page: Page, client: Client) -> None:
    """Use a one-time link; it works once."""
    link = client.create_sign_in_code().url
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Pets").first).to_be_visible()
    other = page.context.browser
    assert other is not None
    stranger = other.new_page()
    stranger.goto(link)
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("alert")).to_contain_text("isn't valid")
    stranger.close()


def test_an_open_model_page_shows_a_click_by_itself(
    page: Page, site: Site, live: Live, client: Client, prediction: Record
) -> None:
    """Whoever looks at the model's page sees the thumb arrive without loading it again."""
    _sign_in(page, client)
    page.goto(f"{live.url}/models/{MODEL}")
    expect(page.locator("#feedback-rows")).to_contain_text("Nobody has said anything yet")
    visitor = page.context.new_page()
    visitor.goto(site.embed(live.url, MODEL, prediction.id, _key(client, site.origin)))
    visitor.get_by_role("button", name="Thumbs up").click()
    _said(visitor, "Thank you")
    visitor.close()
    page.bring_to_front()
    expect(page.locator("#feedback-rows")).to_contain_text("Thumbs up", timeout=20_000)


@pytest.mark.parametrize("origin", ["https://shop.example.com", "http://127.0.0.1:1"])
def test_a_page_that_the_key_is_not_for_is_refused(
    page: Page, site: Site, live: Live, client: Client, prediction: Record, origin: str
) -> None:
    """The visitor sees that it could not be sent, the page learns why, and nothing is stored."""
    page.add_init_script(
        "window.problems = []; addEventListener('seeme-error', (event) => problems.push(event.detail))"
    )
    page.goto(site.embed(live.url, MODEL, prediction.id, _key(client, origin)))
    page.get_by_role("button", name="Thumbs up").click()
    _said(page, "Could not be sent")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    assert page.evaluate("problems[0].status") == 403
    assert site.origin in page.evaluate("problems[0].detail || JSON.stringify(problems[0])")
    assert _rows(live) == []


def test_a_revoked_key_is_refused_and_a_new_one_sends_what_waited(
    page: Page, site: Site, live: Live, client: Client, prediction: Record
) -> None:
    """The click isn't lost with the key: a good key on the page stores it, once and by itself."""
    key = _key(client, site.origin)
    page.goto(site.embed(live.url, MODEL, prediction.id, key))
    client.revoke_key(next(each.id for each in client.list_keys() if key.startswith(each.id)))
    page.get_by_role("button", name="Thumbs up").click()
    _said(page, "Could not be sent")
    page.locator("seeme-feedback").evaluate(
        "(element, key) => element.setAttribute('api-key', key)", _key(client, site.origin)
    )
    _said(page, "Thank you")
    assert [row["rating"] for row in _rows(live)] == [1]


def test_a_restart_between_two_clicks_is_not_noticed(
    page: Page, site: Site, live: Live, client: Client, prediction: Record
) -> None:
    """The service is killed and started; the visitor's changed mind still supersedes the first vote."""
    page.goto(site.embed(live.url, MODEL, prediction.id, _key(client, site.origin)))
    page.get_by_role("button", name="Thumbs up").click()
    _said(page, "Thank you")
    live.kill()
    page.get_by_role("button", name="Thumbs down").click()
    _said(page, "Will be sent")
    live.start()
    _said(page, "Thank you")
    assert sorted((row["rating"], row["status"]) for row in _rows(live)) == [(-1, "active"), (1, "superseded")]
