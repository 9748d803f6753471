"""Detection mode of the real tag: where its boxes come from, what it sends, and what it says when it can't."""

import functools
from typing import Any

import pytest
from axe import examine
from detecting import Open, context, open_boxes, posted, prediction, send, settle
from editor import BOXES, Editor, png
from outside import Answer, Origin
from playwright.sync_api import Page, expect

NOTE_VIOLATIONS = (
    "window.violated = []; addEventListener('securitypolicyviolation', (e) => violated.push(e.violatedDirective))"
)


@pytest.fixture
def show(page: Page, site: Origin, service: Origin) -> Open:
    """Open a page with the tag, and wait for so many boxes."""
    return functools.partial(open_boxes, page, site, service)


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


def draw(boxes: Editor) -> None:
    """Add a missed dog in the middle of the image, as the fourth box."""
    boxes.press("Add missed object")
    boxes.press("Add missed object")
    boxes.field(4, "Label").select_option("dog")


def test_a_missed_object_that_is_changed_replaces_the_one_that_was_sent(show: Open, service: Origin) -> None:
    """Every later one names the first, whatever changed; a second object is one of its own."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    draw(boxes)
    send(boxes)
    boxes.field(4, "Label").select_option("cat")
    send(boxes)
    settle(boxes)
    boxes.box(4).focus()
    boxes.page.keyboard.press("ArrowLeft")
    boxes.press("Add missed object")
    boxes.press("Add missed object")
    boxes.field(5, "Label").select_option("nose")
    send(boxes)
    settle(boxes)
    first = service.feedback[0]["id"]
    missed = {"feedback_type": "missed_object", "box": [100, 50, 200, 100]}
    assert posted(service, "id") == [
        {**missed, "id": one["id"], "prediction_token": "a.b.c", "correct_label": label, **rest}
        for one, label, rest in zip(
            service.feedback,
            ("dog", "cat", "cat", "nose"),
            ({}, {"supersedes": first}, {"supersedes": first, "box": [99, 50, 200, 100]}, {}),
            strict=True,
        )
    ]


def test_a_refused_missed_object_is_not_tried_again_once_it_is_changed(show: Open, service: Origin) -> None:
    """It would arrive last, and count."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    draw(boxes)
    service.answers.append(Answer(422, {"detail": "no such label"}))
    send(boxes, "Could not be sent")
    boxes.field(4, "Label").select_option("cat")
    send(boxes)
    settle(boxes)
    boxes.page.locator("seeme-feedback").evaluate("e => e.flush()")
    assert [one["correct_label"] for one in service.feedback] == ["dog", "cat"]


def test_a_verdict_that_was_sent_can_be_changed_but_not_unsaid(show: Open, service: Origin) -> None:
    """There is no message that takes a verdict back, so nothing looks as if it did: no choice, no undo, no Delete."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    boxes.field(1, "Verdict").select_option(label="Wrong label")
    boxes.field(1, "Label").select_option("cat")
    draw(boxes)
    for number, option in ((1, "Not judged"), (4, "No such object")):
        expect(boxes.field(number, "Verdict").get_by_role("option", name=option)).to_be_enabled()
    send(boxes)
    for number, option in ((1, "Not judged"), (4, "No such object")):
        expect(boxes.field(number, "Verdict").get_by_role("option", name=option)).to_be_disabled()
    expect(boxes.field(2, "Verdict").get_by_role("option", name="Not judged")).to_be_enabled()
    boxes.press("Undo")
    boxes.box(4).focus()
    boxes.page.keyboard.press("Delete")
    expect(boxes.field(4, "Verdict")).to_have_value("missed_object")
    expect(boxes.field(1, "Verdict")).to_have_value("wrong_label")
    # With its old label it is not unjudged, but correct.
    boxes.field(1, "Label").select_option("dog")
    expect(boxes.field(1, "Verdict")).to_have_value("correct")
    boxes.press("Undo")
    expect(boxes.field(1, "Verdict")).to_have_value("wrong_label")
    send(boxes)
    assert len(service.feedback) == 2
    boxes.field(1, "Verdict").select_option(label="Correct")
    send(boxes)
    settle(boxes)
    assert [one["feedback_type"] for one in service.feedback] == ["wrong_label", "missed_object", "correct"]
    assert service.feedback[2]["supersedes"] == service.feedback[0]["id"]


def test_what_the_page_has_stopped_goes_with_the_next_send(show: Open, service: Origin) -> None:
    """It was not sent, so it can be taken back, too."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    boxes.page.evaluate(
        "addEventListener('seeme-submit', (event) => event.detail.feedback.detection_index && event.preventDefault())"
    )
    boxes.field(1, "Verdict").select_option(label="Correct")
    boxes.field(2, "Verdict").select_option(label="Correct")
    boxes.field(3, "Verdict").select_option(label="Correct")
    send(boxes)
    settle(boxes)
    assert [one["detection_index"] for one in service.feedback] == [0]
    boxes.field(3, "Verdict").select_option(label="Not judged")
    boxes.page.evaluate("window.addEventListener('seeme-submit', (event) => event.stopImmediatePropagation(), true)")
    send(boxes)
    settle(boxes)
    assert [one["detection_index"] for one in service.feedback] == [0, 1]
    assert "supersedes" not in service.feedback[1]


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_cannot_be_pressed_looks_so(show: Open, page: Page, service: Origin, scheme: Any) -> None:
    """Send is the button that matters while it can be pressed, in the page's accent; and plainly none when it can't."""
    page.emulate_media(color_scheme=scheme)
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    page.add_style_tag(content=":root { color-scheme: light dark } seeme-feedback { --seeme-accent: rgb(1, 2, 3) }")
    button = page.get_by_role("button", name="Send", exact=True)
    expect(button).to_have_css("background-color", "rgb(1, 2, 3)")
    button.hover()
    expect(button).not_to_have_css("background-color", "rgb(1, 2, 3)")
    assert button.evaluate("b => getComputedStyle(b).color === getComputedStyle(b.parentNode).color")
    page.mouse.move(0, 0)
    text = button.evaluate("b => getComputedStyle(b).color")
    page.emulate_media(forced_colors="active")
    expect(button).to_have_css("forced-color-adjust", "none")  # else its letters are those of what is put behind them
    page.emulate_media(forced_colors="none")
    page.locator("seeme-feedback").evaluate("e => { e.readOnly = true }")
    expect(button).to_be_disabled()
    expect(button).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    plain = boxes.element.get_by_role("button", name="Undo").evaluate("b => getComputedStyle(b).color")
    assert button.evaluate("b => getComputedStyle(b).color") == plain != text
    # What was judged is still read.
    assert boxes.row(1).evaluate("r => getComputedStyle(r).color") != plain


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
