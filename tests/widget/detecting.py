"""A page with the tag in detection mode, and the service's answers for it."""

import json
import re
from collections.abc import Callable
from html import escape
from typing import Any

from editor import BOXES, Editor, png
from outside import Answer, Origin
from playwright.sync_api import Page, expect

Open = Callable[..., Editor]
NAME = "seeme-feedback [part=boxes]"


def prediction(**changes: Any) -> dict[str, Any]:
    """Return what the service tells of a prediction to a page with a token."""
    return {"detections": BOXES, "image_size": [400, 200], "input_url": png(), **changes}


def context(found: dict[str, Any] | None, labels: tuple[str, ...] = ("dog", "cat", "nose")) -> Answer:
    """Return the service's answer to a widget that asks what it may know."""
    return Answer(
        200, {"model_id": "m", "task": "detection", "labels": list(labels), "prediction": found, "vote": None}
    )


def page_with(service: Origin, **attributes: Any) -> str:
    """Return a page with the script and the tag."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in attributes.items()}
    written = " ".join(f'{name.replace("_", "-")}="{escape(text)}"' for name, text in texts.items())
    tag = f'<seeme-feedback mode="detection" model-id="m" prediction-id="p" api-key="pk_1_x" {written}>'
    script = f'<script src="{service.address}/feedback-widget.js"></script>'
    return f'<html lang="en">{script}<main><h1>A dog?</h1>{tag}</seeme-feedback></main>'


def open_boxes(
    page: Page, site: Origin, service: Origin, number: int = 3, headers: dict[str, str] | None = None, **attributes: Any
) -> Editor:
    """Open a page with the tag, and wait for so many boxes."""
    page.goto(site.show(page_with(service, **attributes), **(headers or {})))
    boxes = Editor(page, NAME)
    expect(boxes.status).to_have_text(re.compile("^$" if number else "."))
    expect(boxes.boxes).to_have_count(number)
    expect(boxes.canvas).to_have_css("aspect-ratio", "2 / 1" if number else re.compile("^[12] / 1$"))
    return boxes


def send(boxes: Editor, status: str = "Thank you") -> None:
    """Press Send and wait until the element says what became of it."""
    boxes.page.get_by_role("button", name="Send", exact=True).click()
    expect(boxes.page.locator("seeme-feedback").locator("[part=outcome] [part=status]")).to_have_text(status)


def settle(boxes: Editor) -> None:
    """Wait until nothing is on its way."""
    boxes.page.wait_for_function("document.querySelector('seeme-feedback').pending === 0")


def posted(service: Origin, *names: str) -> list[dict[str, Any]]:
    """What was posted, without what every feedback has."""
    common = {"id", "model_id", "prediction_id"}
    return [{name: value for name, value in one.items() if name not in common - set(names)} for one in service.feedback]
