"""Detection mode before the real service: what counts of the verdicts of somebody whose mind changes."""

import json
import urllib.request
from html import escape
from typing import Any

import pytest
from embedding import Site
from live import Live
from playwright.sync_api import Locator, Page, expect

import seeme
from seeme.client import Client

MODEL = "street"
BOXES = [{"label": "dog", "confidence": 0.9, "box": [20, 30, 200, 150]}]


@pytest.fixture
def shop(client: Client, live: Live, site: Site) -> dict[str, str]:
    """The attributes of a page's tag, with the boxes in the page."""
    client.create_model("Street", task="detection", labels=["dog", "cat"], id=MODEL)
    prediction = client.log_prediction(MODEL, detections=BOXES, image_size=[400, 200])
    key = client.create_key("publishable", "shop", models=[MODEL], origins=[site.origin]).key
    return {"model-id": MODEL, "prediction-id": prediction.id, "api-key": str(key)}


def _rows(live: Live) -> list[dict[str, Any]]:
    """Return the feedback as the JSON API lists it, oldest first."""
    request = urllib.request.Request(
        f"{live.url}/v1/feedback?model_id={MODEL}", headers={"Authorization": f"Bearer {live.admin_key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        rows: list[dict[str, Any]] = json.load(answer)["items"]
    return rows[::-1]


def _field(page: Page, row: int, part: str) -> Locator:
    return page.locator("[part=row]").filter(has=page.locator("[part=verdict]")).nth(row).locator(f"[part={part}]")


def _send(page: Page, live: Live, count: int) -> None:
    """Press Send, and wait until the service has so many rows."""
    page.get_by_role("button", name="Send").click()
    page.wait_for_function("document.querySelector('seeme-feedback').pending === 0")
    expect(page.locator("[part=outcome] [part=status]")).to_have_text("Thank you")
    assert len(_rows(live)) == count


@pytest.mark.parametrize("who", ["anybody", "a known person"])
def test_of_a_changed_mind_the_last_verdict_counts(
    page: Page, site: Site, live: Live, client: Client, shop: dict[str, str], who: str
) -> None:
    """One row of a detection and one of a missed object stay active, however often they are changed and sent."""
    known = {"boxes": json.dumps(BOXES), "labels": "dog, cat"}
    if who == "a known person":
        issued = client.create_signing_secret(MODEL)
        token = seeme.sign(
            secret=issued.secret, kid=issued.kid, model_id=MODEL, prediction_id=shop["prediction-id"], subject="user-17"
        )
        known = {"prediction-token": token}
    attributes = " ".join(f'{name}="{escape(value)}"' for name, value in {**shop, **known}.items())
    tag = f'<seeme-feedback mode="detection" {attributes}></seeme-feedback>'
    site.html = f'<!doctype html><html lang="en"><script src="{live.url}/feedback-widget.js"></script>{tag}'
    page.goto(site.origin + "/")

    _field(page, 0, "verdict").select_option(label="Correct")
    page.get_by_role("button", name="Add missed object").dblclick()
    _field(page, 1, "label").select_option("dog")
    _send(page, live, 2)
    _field(page, 0, "label").select_option("cat")
    _field(page, 1, "label").select_option("cat")
    _send(page, live, 4)
    _field(page, 0, "verdict").select_option(label="Correct")
    _field(page, 1, "width").fill("20")
    _field(page, 1, "width").press("Enter")
    _send(page, live, 6)

    rows = _rows(live)
    first = {row["feedback_type"]: row["id"] for row in rows[:2]}
    assert {row["supersedes"] for row in rows[2:]} == set(first.values())
    active = [row for row in rows if row["status"] == "active"]
    assert [(row["feedback_type"], row["correct_label"], row["supersedes"]) for row in active] == [
        ("correct", None, first["correct"]),
        ("missed_object", "cat", first["missed_object"]),
    ]
    assert active[1]["box"][2] == 20
    assert {row["status"] for row in rows} == {"active", "superseded"}
