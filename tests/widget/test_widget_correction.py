"""The correction form: what it offers, what it sends, and that hands on a keyboard are enough."""

from collections.abc import Callable

import pytest
from outside import Answer, Origin
from playwright.sync_api import Page, Route, expect

Embed = Callable[..., Page]


def open_form(page: Page) -> None:
    """Open the form."""
    page.get_by_role("button", name="Correct it").click()


def said(page: Page, text: str) -> None:
    """Wait until the status says the text."""
    expect(page.get_by_role("status")).to_have_text(text)


def context(**fields: object) -> Answer:
    """Return the answer of the widget-context route."""
    return Answer(200, {"model_id": "m", "task": "classification", "labels": [], **fields})


def test_the_labels_are_asked_for_when_the_form_opens(embed: Embed, service: Origin) -> None:
    """No request is made for a form that nobody opens, and one for a form that is opened twice."""
    service.context = context(labels=["cat", "dog"])
    page = embed()
    page.wait_for_timeout(100)
    assert service.of("GET", "widget-context") == []
    open_form(page)
    expect(page.locator("datalist option")).to_have_text(["cat", "dog"])
    open_form(page)
    open_form(page)
    [request] = service.of("GET", "widget-context")
    assert request.path == "/v1/widget-context?model_id=m&prediction_id=p"
    assert request.headers["authorization"] == "Bearer pk_1_x"


def test_a_correction_is_a_label_and_a_note(embed: Embed, service: Origin) -> None:
    """Any label may be typed; the form closes and the status says what became of it."""
    page = embed('predicted-label="dog"')
    open_form(page)
    expect(page.get_by_label("Instead of dog")).to_be_focused()
    page.get_by_label("Instead of dog").fill("  red panda ")
    page.get_by_label("Note").fill("look at the tail")
    page.get_by_role("button", name="Send").click()
    said(page, "Thank you")
    expect(page.get_by_label("Note")).to_be_hidden()
    [body] = service.feedback
    assert body.pop("id")
    assert body == {
        "model_id": "m",
        "prediction_id": "p",
        "feedback_type": "correction",
        "correct_label": "red panda",
        "notes": "look at the tail",
    }


@pytest.mark.parametrize("labels", ["cat, dog ,fox", "[&quot;cat&quot;,&quot;dog&quot;,&quot;fox&quot;]"])
def test_given_labels_are_a_closed_choice(embed: Embed, service: Origin, labels: str) -> None:
    """They need no request; the predicted label is not among the corrections."""
    page = embed(f'labels="{labels}" predicted-label="dog"')
    open_form(page)
    expect(page.locator("select option")).to_have_text(["", "cat", "fox"])
    page.get_by_label("Instead of dog").select_option("fox")
    page.get_by_role("button", name="Send").click()
    said(page, "Thank you")
    assert service.feedback[0]["correct_label"] == "fox"
    assert "notes" not in service.feedback[0]
    assert service.of("GET", "widget-context") == []


def test_a_second_correction_supersedes_the_first(embed: Embed, service: Origin) -> None:
    """What was typed is still there to be changed; a vote is a chain of its own."""
    page = embed()
    page.get_by_role("button", name="Thumbs down").click()
    for label in ("cat", "fox"):
        open_form(page)
        page.get_by_label("Right answer").fill(label)
        page.get_by_role("button", name="Send").click()
        said(page, "Thank you")
    vote, first, second = service.feedback
    assert "supersedes" not in vote
    assert "supersedes" not in first
    assert second["supersedes"] == first["id"]


def test_an_empty_answer_is_not_sent(embed: Embed, service: Origin) -> None:
    """The browser names the field that is missing, and the form stays."""
    page = embed()
    open_form(page)
    page.get_by_label("Right answer").fill("   ")
    page.get_by_role("button", name="Send").click()
    assert page.locator("seeme-feedback").evaluate("element => element.submit()") is False
    expect(page.get_by_label("Right answer")).to_be_focused()
    assert service.of("POST") == []


def test_the_keyboard_is_enough(embed: Embed, service: Origin) -> None:
    """Tab to the form, type, Enter; Escape closes and gives the focus back to what opened it."""
    page = embed()
    page.evaluate("window.keys = []; document.addEventListener('keydown', (event) => keys.push(event.key))")
    for key in ("Tab", "Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_label("Right answer")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Correct it")).to_be_focused()
    expect(page.get_by_role("button", name="Correct it")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    page.keyboard.type("cat")
    page.keyboard.press("Enter")
    said(page, "Thank you")
    expect(page.get_by_role("button", name="Correct it")).to_be_focused()
    assert service.feedback[0]["correct_label"] == "cat"
    # The letters typed into the form are not shortcuts of the page.
    assert page.evaluate("keys") == ["Tab", "Tab", "Tab", "Enter", "Enter"]


def test_a_regression_takes_a_number(embed: Embed, service: Origin) -> None:
    """The context says the task; the correction is a value."""
    service.context = context(task="regression")
    page = embed()
    open_form(page)
    expect(page.get_by_label("Right answer")).to_have_attribute("type", "number")
    page.get_by_label("Right answer").fill("-12.5")
    page.get_by_role("button", name="Send").click()
    said(page, "Thank you")
    assert service.feedback[0]["correct_value"] == -12.5
    assert "correct_label" not in service.feedback[0]


def test_a_broken_context_leaves_free_text(embed: Embed, service: Origin) -> None:
    """Suggestions are a comfort: without them the form works, and the next opening asks again."""
    service.context = Answer(503, {"detail": "full"})
    page = embed()
    # Openings share a question that is under way: the next one counts once the element knows the answer to the first.
    page.evaluate(
        """() => {
            const { fetch } = window;
            window.known = 0;
            window.fetch = (...asked) => fetch(...asked).finally(() => setTimeout(() => known++));
        }"""
    )
    open_form(page)
    page.wait_for_function("known === 1")
    page.get_by_label("Right answer").fill("cat")
    open_form(page)
    open_form(page)
    page.wait_for_function("known === 2")
    page.get_by_role("button", name="Send").click()
    said(page, "Thank you")
    assert service.feedback[0]["correct_label"] == "cat"
    assert len(service.of("GET", "widget-context")) == 2


def test_a_failed_correction_survives_a_vote(embed: Embed, service: Origin) -> None:
    """A vote that was stored must not hide that the correction was not."""
    service.answers.append(Answer(422, {"detail": "no"}))
    element = embed().locator("seeme-feedback")
    assert element.evaluate("element => element.correct('cat', 'a note')") is False
    assert element.evaluate("element => element.rate(-1)") is True
    said(element.page, "Could not be sent")
    element.page.get_by_role("button", name="Retry").click()
    said(element.page, "Thank you")
    first, vote, again = service.feedback
    assert vote["rating"] == -1
    assert again == first


def test_a_note_alone_is_a_comment(embed: Embed, service: Origin) -> None:
    """Who can't say what would have been right can still say what is wrong."""
    page = embed()
    open_form(page)
    page.get_by_label("Note").fill("blurred")
    page.get_by_role("button", name="Send").click()
    said(page, "Thank you")
    [body] = service.feedback
    assert (body["feedback_type"], body["notes"]) == ("comment", "blurred")
    assert "correct_label" not in body


def test_a_form_that_the_page_stops_stays_open(embed: Embed, service: Origin) -> None:
    """preventDefault() on seeme-submit leaves what was typed."""
    page = embed()
    page.evaluate("addEventListener('seeme-submit', (event) => event.preventDefault(), { once: true })")
    open_form(page)
    page.get_by_label("Right answer").fill("cat")
    page.get_by_role("button", name="Send").click()
    page.wait_for_timeout(100)
    expect(page.get_by_label("Right answer")).to_have_value("cat")
    page.get_by_role("button", name="Send").click()
    said(page, "Thank you")
    expect(page.get_by_label("Right answer")).to_be_hidden()


def test_a_part_that_does_not_come_is_said_and_tried_again(page: Page, embed: Embed, service: Origin) -> None:
    """The form is loaded when somebody comes near; without it a vote still works."""
    page.route("**/feedback-extras.js*", lambda route: route.abort())
    embed()
    page.get_by_role("button", name="Thumbs up").click()
    said(page, "Thank you")
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Correct it").dispatch_event("click")
    said(page, "Could not be sent")
    page.unroute("**/feedback-extras.js*")
    open_form(page)
    expect(page.get_by_label("Right answer")).to_be_focused()
    said(page, "Thank you")


def test_who_clicks_while_a_part_is_on_its_way_is_told_that_it_does_not_come(page: Page, embed: Embed) -> None:
    """Also when the pointer had asked for it before, which alone says nothing."""
    held: list[Route] = []
    page.route("**/feedback-extras.js*", lambda route: held.append(route))
    embed()
    toggle = page.get_by_role("button", name="Correct it")
    with page.expect_request("**/feedback-extras.js*"):
        toggle.hover()
    toggle.click()
    held[0].abort()
    said(page, "Could not be sent")


def test_the_form_comes_with_the_focus(page: Page, embed: Embed) -> None:
    """Who uses a keyboard has it at hand as those with a pointer do."""
    embed()
    with page.expect_request("**/feedback-extras.js*"):
        page.keyboard.press("Tab")


def test_an_open_form_is_seen_on_its_button_in_forced_colours(page: Page, embed: Embed) -> None:
    """Where borders and backgrounds are the browser's own."""
    page.emulate_media(forced_colors="active")
    embed()
    open_form(page)
    expect(page.get_by_role("button", name="Correct it")).to_have_css("text-decoration-line", "underline")


def test_the_mode_chooses_what_is_shown(embed: Embed) -> None:
    """Rating alone, correction alone, or both."""
    page = embed('mode="rating"')
    element = page.locator("seeme-feedback")
    seen = {}
    for mode in ("rating", "correction", "both"):
        element.evaluate("(element, mode) => { element.mode = mode }", mode)
        seen[mode] = page.get_by_role("button").all_inner_texts()
    assert seen["rating"] == ["Thumbs up", "Thumbs down"]
    assert seen["correction"] == ["Correct it"]
    assert seen["both"] == ["Thumbs up", "Thumbs down", "Correct it"]
