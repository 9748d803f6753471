"""Votes: what a click sends, and what the page shows of it."""

import re
import threading
from collections.abc import Callable

from outside import Answer, Origin
from playwright.sync_api import Page, Route, expect

UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
Embed = Callable[..., Page]


def thumb(page: Page, direction: str) -> None:
    """Click a thumb."""
    page.get_by_role("button", name=f"Thumbs {direction}").click()


def said(page: Page, text: str) -> None:
    """Wait until the status says the text."""
    expect(page.get_by_role("status")).to_have_text(text)


def test_a_click_posts_one_vote_with_the_publishable_key(embed: Embed, service: Origin, site: Origin) -> None:
    """The documents' tag on a page of another origin is enough."""
    page = embed()
    thumb(page, "up")
    said(page, "Thank you")

    [request] = service.of("POST")
    assert request.path == "/v1/feedback"
    assert request.headers["authorization"] == "Bearer pk_1_x"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["origin"] == site.address
    assert UUID7.match(request.body.pop("id"))
    assert request.body == {"model_id": "m", "prediction_id": "p", "feedback_type": "rating", "rating": 1}
    expect(page.get_by_role("button", name="Thumbs up")).to_have_attribute("aria-pressed", "true")


def test_thanks_come_only_after_the_answer(embed: Embed, service: Origin) -> None:
    """While nothing is known the widget says that it is sending."""
    hold = threading.Event()
    service.answers.append(Answer(hold=hold))
    page = embed()
    thumb(page, "up")
    said(page, "Sending…")
    assert page.locator("seeme-feedback").evaluate("element => element.pending") == 1
    hold.set()
    said(page, "Thank you")
    assert page.locator("seeme-feedback").evaluate("element => element.pending") == 0


def test_an_action_is_being_sent_until_it_is_off_the_disk(embed: Embed, service: Origin) -> None:
    """An attribute that changes just then doesn't empty the status, and a retry just then sends nothing twice."""
    page = embed()
    page.evaluate(
        """() => {
            const { prototype } = IDBObjectStore;
            const { delete: drop } = prototype;
            prototype.delete = function (...keys) {
                const element = document.querySelector('seeme-feedback');
                element.theme = 'dark';
                element.flush();
                window.then = element.shadowRoot.querySelector('output').textContent;
                return drop.apply(this, keys);
            };
        }"""
    )
    thumb(page, "up")
    said(page, "Thank you")
    assert page.evaluate("then") == "Sending…"
    thumb(page, "down")
    said(page, "Thank you")
    assert [body["rating"] for body in service.feedback] == [1, -1]


def test_a_changed_mind_supersedes_the_first_vote(embed: Embed, service: Origin) -> None:
    """Every later vote names the first one, so that it doesn't matter in which order they arrive."""
    page = embed()
    for direction in ("up", "down", "up"):
        thumb(page, direction)
        said(page, "Thank you")
    first, second, third = service.feedback
    assert [first["rating"], second["rating"], third["rating"]] == [1, -1, 1]
    assert "supersedes" not in first
    assert second["supersedes"] == third["supersedes"] == first["id"]
    assert len({first["id"], second["id"], third["id"]}) == 3


def test_a_pressed_thumb_takes_the_vote_back(embed: Embed, service: Origin) -> None:
    """Taken back is rating 0, and no thumb stays pressed."""
    page = embed()
    thumb(page, "down")
    said(page, "Thank you")
    thumb(page, "down")
    said(page, "Taken back")
    first, second = service.feedback
    assert (second["rating"], second["supersedes"]) == (0, first["id"])
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)


def test_votes_arrive_in_the_order_they_were_made(embed: Embed, service: Origin) -> None:
    """A second click waits for the answer to the first, and every action is one request."""
    hold = threading.Event()
    service.answers.append(Answer(hold=hold))
    page = embed()
    with page.expect_request("**/v1/feedback"):
        thumb(page, "up")
    thumb(page, "down")
    page.wait_for_timeout(200)
    assert len(service.of("POST")) == 1
    hold.set()
    said(page, "Thank you")
    assert [body["rating"] for body in service.feedback] == [1, -1]


def test_the_page_hears_of_every_step(embed: Embed, service: Origin) -> None:
    """The events bubble out of the element with the feedback and the answer."""
    page = embed('subject="u-1"')
    thumb(page, "up")
    said(page, "Thank you")
    heard = page.evaluate("heard")
    body = service.feedback[0]
    assert body["subject"] == "u-1"
    assert [name for name, _ in heard] == ["seeme-submit", "seeme-change", "seeme-success"]
    assert heard[0][1]["feedback"] == body
    assert heard[1][1] == body
    assert heard[2][1]["response"] == {"id": body["id"], "model_id": "m", "status": "created"}


def test_a_cancelled_submit_sends_and_shows_nothing(embed: Embed, service: Origin) -> None:
    """preventDefault() on seeme-submit stops the vote altogether."""
    page = embed()
    page.evaluate("addEventListener('seeme-submit', (event) => event.preventDefault())")
    assert page.locator("seeme-feedback").evaluate("element => element.rate(1)") is False
    assert service.of("POST") == []
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)


def test_rate_answers_whether_the_vote_is_stored(embed: Embed, service: Origin) -> None:
    """The method does what the click does; the same vote again sends nothing."""
    service.answers.append(Answer(503, {"detail": "full"}))
    element = embed().locator("seeme-feedback")
    assert element.evaluate("element => element.rate(1)") is False
    assert element.evaluate("element => element.rate(1)") is True
    assert element.evaluate("element => element.rate(1)") is True
    assert len(service.of("POST")) == 2
    assert len({body["id"] for body in service.feedback}) == 1


def test_another_prediction_starts_anew(embed: Embed, service: Origin) -> None:
    """An element that is used again shows no vote of the last prediction and supersedes nothing."""
    page = embed()
    thumb(page, "up")
    said(page, "Thank you")
    page.locator("seeme-feedback").evaluate("element => { element.predictionId = 'q' }")
    said(page, "")
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    thumb(page, "up")
    said(page, "Thank you")
    assert service.feedback[1]["prediction_id"] == "q"
    assert "supersedes" not in service.feedback[1]


def test_another_person_starts_anew(embed: Embed, service: Origin) -> None:
    """The next person at the same screen neither sees nor replaces the vote of the last."""
    page = embed('subject="anna"')
    thumb(page, "up")
    said(page, "Thank you")
    page.locator("seeme-feedback").evaluate("element => { element.subject = 'bert' }")
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    thumb(page, "down")
    said(page, "Thank you")
    assert service.feedback[1]["subject"] == "bert"
    assert "supersedes" not in service.feedback[1]


def test_a_known_vote_is_shown_and_not_sent(embed: Embed, service: Origin) -> None:
    """The page may show the vote of an earlier visit; taking it back is sent."""
    page = embed('value="1"')
    expect(page.get_by_role("button", name="Thumbs up")).to_have_attribute("aria-pressed", "true")
    assert service.of("POST") == []
    thumb(page, "up")
    said(page, "Taken back")
    assert service.feedback[0]["rating"] == 0


def test_the_vote_is_a_value_of_its_form(embed: Embed) -> None:
    """It is submitted under its name, and a reset of the form resets it without sending."""
    page = embed('name="vote"', before="<form>", after="</form>")
    value = "new FormData(document.forms[0]).get('vote')"
    assert page.evaluate(value) is None
    thumb(page, "down")
    assert page.evaluate(value) == "-1"
    assert page.evaluate("document.querySelector('seeme-feedback').form === document.forms[0]")
    page.evaluate("document.forms[0].reset()")
    assert page.evaluate(value) is None
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)


def test_a_reset_is_not_undone_by_what_is_under_way(page: Page, embed: Embed, service: Origin) -> None:
    """Also when the part that shows such things comes after it: the vote goes its way, unseen."""
    hold = threading.Event()
    service.answers.append(Answer(hold=hold))
    late: list[Route] = []
    page.route("**/feedback-extras.js*", lambda route: late.append(route))
    embed(before="<form>", after="</form>")
    with page.expect_request("**/v1/feedback"):
        thumb(page, "down")
    page.evaluate("document.forms[0].reset()")
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    with page.expect_response("**/feedback-extras.js*"):
        late[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    with page.expect_response("**/v1/feedback"):
        hold.set()
    page.wait_for_timeout(100)
    assert page.evaluate("document.querySelector('seeme-feedback').value") == ""
    assert [body["rating"] for body in service.feedback] == [-1]


def test_disabled_and_readonly_elements_take_no_vote(embed: Embed, service: Origin) -> None:
    """Neither by click nor by method, also within a disabled fieldset."""
    page = embed(before="<fieldset>", after="</fieldset>")
    element = page.locator("seeme-feedback")
    for on in ("element.disabled = {}", "element.readOnly = {}", "element.closest('fieldset').disabled = {}"):
        element.evaluate(f"element => {{ {on.format('true')} }}")
        expect(page.get_by_role("button", name="Thumbs up")).to_be_disabled()
        assert element.evaluate("element => element.rate(1)") is False
        element.evaluate(f"element => {{ {on.format('false')} }}")
        expect(page.get_by_role("button", name="Thumbs up")).to_be_enabled()
    assert service.of("POST") == []
