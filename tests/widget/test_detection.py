"""Detection mode of the real tag: where its boxes come from, what it sends, and what it says when it can't."""

import json
import re
from collections.abc import Callable
from html import escape
from typing import Any

import pytest
from axe import examine
from editor import BOXES, Editor, png
from outside import CORS, Answer, Origin
from playwright.sync_api import Page, expect

Open = Callable[..., Editor]
NOTE_VIOLATIONS = (
    "window.violated = []; addEventListener('securitypolicyviolation', (e) => violated.push(e.violatedDirective))"
)


def prediction(**changes: Any) -> dict[str, Any]:
    """Return what the service tells of a prediction to a page with a token."""
    return {"detections": BOXES, "image_size": [400, 200], "input_url": png(), **changes}


def context(found: dict[str, Any] | None, labels: tuple[str, ...] = ("dog", "cat", "nose")) -> Answer:
    """Return the service's answer to a widget that asks what it may know."""
    return Answer(
        200, {"model_id": "m", "task": "detection", "labels": list(labels), "prediction": found, "vote": None}
    )


@pytest.fixture
def show(page: Page, site: Origin, service: Origin, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open a page with the tag, its properties set, and wait for so many boxes."""
    monkeypatch.setitem(CORS, "Access-Control-Allow-Headers", "authorization, content-type, prediction-token")

    def open_page(number: int = 3, headers: dict[str, str] | None = None, **attributes: Any) -> Editor:
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in attributes.items()}
        written = " ".join(f'{name.replace("_", "-")}="{escape(text)}"' for name, text in texts.items())
        tag = f'<seeme-feedback mode="detection" model-id="m" prediction-id="p" api-key="pk_1_x" {written}>'
        script = f'<script src="{service.address}/feedback-widget.js"></script>'
        html = f'<html lang="en">{script}<main><h1>A dog?</h1>{tag}</seeme-feedback></main>'
        page.goto(site.show(html, **(headers or {})))
        boxes = Editor(page, "seeme-feedback [part=boxes]")
        expect(boxes.status).to_have_text(re.compile("^$" if number else "."))
        expect(boxes.boxes).to_have_count(number)
        expect(boxes.canvas).to_have_css("aspect-ratio", "2 / 1" if number else re.compile("^[12] / 1$"))
        return boxes

    return open_page


def send(boxes: Editor, status: str = "Thank you") -> None:
    """Press Send and wait until the element says what became of it."""
    boxes.page.get_by_role("button", name="Send", exact=True).click()
    expect(boxes.page.locator("seeme-feedback").locator("[part=outcome] [part=status]")).to_have_text(status)


def posted(service: Origin, *names: str) -> list[dict[str, Any]]:
    """What was posted, without what every feedback has."""
    common = {"id", "model_id", "prediction_id"}
    return [{name: value for name, value in one.items() if name not in common - set(names)} for one in service.feedback]


def judge(boxes: Editor) -> None:
    """Give all five verdicts."""
    boxes.field(1, "Verdict").select_option(label="Correct")
    boxes.field(2, "Label").select_option("cat")
    boxes.drag((310, 90), (320, 95))
    boxes.press("Add missed object")
    boxes.press("Add missed object")
    boxes.field(4, "Label").select_option("dog")


def test_boxes_of_the_page_are_judged_and_sent_one_by_one(show: Open, service: Origin) -> None:
    """One feedback for each verdict; a second press sends what has changed alone."""
    service.context = context(None)
    boxes = show(boxes=BOXES, image_src=png())
    judge(boxes)
    send(boxes)
    expected = [
        {"feedback_type": "correct", "detection_index": 0},
        {"feedback_type": "wrong_label", "detection_index": 1, "correct_label": "cat"},
        {"feedback_type": "wrong_box", "detection_index": 2, "box": [270, 45, 100, 100]},
        {"feedback_type": "missed_object", "correct_label": "dog", "box": [100, 50, 200, 100]},
    ]
    assert posted(service) == expected
    assert len({one["id"] for one in service.feedback}) == 4
    send(boxes)
    assert len(service.feedback) == 4
    boxes.field(1, "Verdict").select_option(label="No such object")
    send(boxes)
    boxes.page.wait_for_function("document.querySelector('seeme-feedback').pending === 0")
    first = service.feedback[0]["id"]
    changed = {"feedback_type": "false_positive", "detection_index": 0, "supersedes": first}
    assert posted(service)[4:] == [changed]
    boxes.field(1, "Verdict").select_option(label="Correct")
    send(boxes)
    boxes.page.wait_for_function("document.querySelector('seeme-feedback').pending === 0")
    assert posted(service)[5:] == [{**expected[0], "supersedes": first}]


def test_boxes_of_the_service_need_a_token_alone(show: Open, service: Origin) -> None:
    """The image, its size, the boxes and the labels are those of the prediction."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    expect(boxes.field(1, "Label").locator("option")).to_have_text(["dog", "cat", "nose"])
    assert boxes.element.locator("img").evaluate("i => i.naturalWidth") == 400
    tokens = [request.headers.get("prediction-token") for request in service.of("GET", "/v1/widget-context")]
    assert tokens == ["a.b.c"]
    boxes.field(3, "Verdict").select_option(label="Correct")
    send(boxes)
    assert [one["detection_index"] for one in service.feedback] == [2]


def test_what_the_page_says_wins(show: Open, service: Origin) -> None:
    """Its image, labels and boxes before those of the service; with all of them nothing is asked."""
    service.context = context(prediction(detections=[]))
    boxes = show(1, boxes=BOXES[:1], image_src=png(), labels=["wolf"])
    expect(boxes.field(1, "Label").locator("option")).to_have_text(["dog", "wolf"])
    assert service.of("GET", "/v1/widget-context") == []


def test_without_known_labels_any_can_be_typed(show: Open, service: Origin) -> None:
    """A model's first predictions come before its labels."""
    service.context = context(prediction(), ())
    boxes = show(prediction_token="a.b.c")
    boxes.field(1, "Label").fill("wolf")
    boxes.field(1, "Label").press("Enter")
    send(boxes)
    [sent] = service.feedback
    assert (sent["feedback_type"], sent["detection_index"], sent["correct_label"]) == ("wrong_label", 0, "wolf")


def test_a_prediction_without_detections_says_so(show: Open, service: Origin) -> None:
    """A missed object can still be drawn."""
    service.context = context(prediction(detections=[]))
    boxes = show(0, prediction_token="a.b.c")
    expect(boxes.status).to_have_text("Nothing was detected")
    boxes.press("Add missed object")
    boxes.drag((50, 50), (90, 80))
    boxes.field(1, "Label").select_option("dog")
    send(boxes)
    assert [one["box"] for one in service.feedback] == [[50, 50, 40, 30]]


def test_boxes_that_cannot_be_had_are_named(show: Open, service: Origin) -> None:
    """Without a token, or when the service doesn't answer."""
    service.context = context(None)
    boxes = show(0)
    expect(boxes.status).to_have_text("The boxes could not be loaded")
    expect(boxes.element.get_by_role("button", name="Add missed object")).to_be_disabled()


def test_readonly_and_disabled_reach_the_boxes(show: Open, service: Origin) -> None:
    """Also through a fieldset of the page; what was judged stays."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    boxes.field(1, "Verdict").select_option(label="Correct")
    element = boxes.page.locator("seeme-feedback")
    for state in ("readOnly", "disabled"):
        element.evaluate("(e, state) => { e[state] = true }", state)
        expect(boxes.field(1, "Verdict")).to_be_disabled()
        element.evaluate("(e, state) => { e[state] = false }", state)
        expect(boxes.field(1, "Verdict")).to_be_enabled()
    expect(boxes.field(1, "Verdict")).to_have_value("correct")


def test_another_prediction_starts_anew(show: Open, service: Origin) -> None:
    """Nothing of the last one is sent for it."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    boxes.field(1, "Verdict").select_option(label="Correct")
    send(boxes)
    boxes.page.locator("seeme-feedback").evaluate("e => { e.predictionId = 'q' }")
    expect(boxes.field(1, "Verdict")).to_have_value("")
    boxes.field(1, "Verdict").select_option(label="Correct")
    send(boxes)
    boxes.page.wait_for_function("document.querySelector('seeme-feedback').pending === 0")
    assert [one["prediction_id"] for one in service.feedback] == ["p", "q"]
    assert "supersedes" not in service.feedback[1]


def test_another_mode_hides_the_boxes(show: Open, service: Origin) -> None:
    """And brings them back with what was judged."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    boxes.field(1, "Verdict").select_option(label="Correct")
    element = boxes.page.locator("seeme-feedback")
    element.evaluate("e => { e.mode = 'rating' }")
    expect(boxes.element).to_be_hidden()
    element.evaluate("e => { e.mode = 'detection' }")
    expect(boxes.element).to_be_visible()
    expect(boxes.field(1, "Verdict")).to_have_value("correct")


def test_parts_of_the_boxes_can_be_styled_by_the_page(show: Open, service: Origin) -> None:
    """Through both shadow trees."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    boxes.page.add_style_tag(content="seeme-feedback::part(verdict) { color: rgb(1, 2, 3) }")
    assert boxes.field(1, "Verdict").evaluate("v => getComputedStyle(v).color") == "rgb(1, 2, 3)"


def test_the_strictest_policy_is_enough(show: Open, page: Page, service: Origin) -> None:
    """Scripts and requests to the service, images from where they are, and nothing else."""
    service.context = context(prediction())
    page.add_init_script(NOTE_VIOLATIONS)
    policy = (
        f"default-src 'none'; script-src {service.address}; connect-src {service.address}; img-src data:;"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )
    boxes = show(headers={"Content-Security-Policy": policy}, prediction_token="a.b.c")
    judge(boxes)
    send(boxes)
    assert len(service.feedback) == 4
    assert page.evaluate("violated") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(show: Open, page: Page, service: Origin, scheme: Any) -> None:
    """With all verdicts, before and after they are sent."""
    service.context = context(prediction())
    page.emulate_media(color_scheme=scheme)
    boxes = show(prediction_token="a.b.c")
    page.add_style_tag(content=":root { color-scheme: light dark; color: CanvasText; background: Canvas }")
    judge(boxes)
    for act in (lambda: None, lambda: send(boxes)):
        act()
        findings = examine(page)
        assert findings.violations == []
        assert {rule for rule, *_ in findings.undecided} <= {"color-contrast"}
