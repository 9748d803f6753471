"""The queue: kept before it is sent, sent once, taken over by the next page, and never with the key in it."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from outside import Answer, Origin
from playwright.sync_api import ConsoleMessage, Page, expect

Embed = Callable[..., Page]
KEPT = """() => new Promise((resolve, reject) => {
  const open = indexedDB.open('seeme-feedback');
  let absent = false;
  open.onupgradeneeded = () => { absent = true; open.transaction.abort(); };
  open.onerror = () => absent ? resolve([]) : reject(open.error);
  open.onsuccess = () => {
    const all = open.result.transaction('items').objectStore('items').getAll();
    all.onsuccess = () => resolve(all.result);
    open.result.close();
  };
})"""
# A page that comes a while later: what was left behind isn't in the hands of a living page any more.
LATER = "const real = Date.now; Date.now = () => real() + {}"
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def vote(page: Page, direction: str = "up") -> None:
    """Click a thumb."""
    page.get_by_role("button", name=f"Thumbs {direction}").click()


def said(page: Page, text: str) -> None:
    """Wait until the status says the text."""
    expect(page.get_by_role("status")).to_have_text(text)


def kept(page: Page) -> list[Any]:
    """Return what the browser has on disk."""
    found: list[Any] = page.evaluate(KEPT)
    return found


def test_an_action_is_on_disk_before_it_is_sent(embed: Embed, service: Origin) -> None:
    """When the request arrives the browser has it already, without the key; after the answer it is gone."""
    hold = threading.Event()
    service.answers.append(Answer(hold=hold))
    page = embed('subject="u-1"')
    with page.expect_request("**/v1/feedback"):
        vote(page)
    [item] = kept(page)
    assert item["feedback"]["subject"] == "u-1"
    assert "pk_1_x" not in str(item)
    hold.set()
    said(page, "Thank you")
    expect_nothing_kept(page)
    assert {name: value for name, value in item["feedback"].items() if value is not None} == service.feedback[0]


def expect_nothing_kept(page: Page) -> None:
    """Wait until nothing is on disk: not with `wait_for_function`, to which a promise is true."""
    until = time.monotonic() + 10
    while kept(page):
        assert time.monotonic() < until
        page.wait_for_timeout(20)


def test_who_never_votes_gets_no_database(page: Page, embed: Embed) -> None:
    """Looking for what was left behind leaves nothing behind."""
    embed()
    page.get_by_role("button", name="Thumbs up").hover()
    page.wait_for_timeout(300)
    assert page.evaluate("indexedDB.databases()") == []


def test_a_reload_shows_and_sends_what_waits(page: Page, embed: Embed, service: Origin) -> None:
    """The vote is shown as queued, with the id it was given, and a change of mind supersedes it."""
    service.answers.append(Answer(503, {"detail": "full"}, headers={"Retry-After": "600"}))
    embed()
    vote(page)
    said(page, "Will be sent")
    page.add_init_script(LATER.format(MINUTE))
    hold = threading.Event()
    service.answers.append(Answer(hold=hold))
    page.reload()
    expect(page.get_by_role("button", name="Thumbs up")).to_have_attribute("aria-pressed", "true")
    said(page, "Will be sent")
    hold.set()
    said(page, "Thank you")
    first, again = service.feedback
    assert again == first
    assert page.evaluate("heard.map(([name]) => name)") == ["seeme-success"]
    vote(page, "down")
    said(page, "Thank you")
    assert service.feedback[2]["supersedes"] == first["id"]
    expect_nothing_kept(page)


def test_what_was_made_a_moment_ago_is_left_to_its_page(page: Page, embed: Embed, service: Origin) -> None:
    """A second tab doesn't send what the first has in its hands, and takes it over when nobody sends it."""
    service.answers.append(Answer(503, {"detail": "full"}, headers={"Retry-After": "600"}))
    embed()
    vote(page)
    said(page, "Will be sent")
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Thumbs up").hover()
    other.wait_for_timeout(1000)
    assert len(service.feedback) == 1
    said(other, "Thank you")
    first, second = service.feedback
    assert first == second
    expect_nothing_kept(other)


def test_a_change_of_mind_just_after_a_reload_names_what_waits(page: Page, embed: Embed, service: Origin) -> None:
    """What another page may still send is shown at once, so that a vote doesn't become two."""
    service.answers.append(Answer(503, {"detail": "full"}, headers={"Retry-After": "600"}))
    embed()
    vote(page)
    said(page, "Will be sent")
    page.reload()
    expect(page.get_by_role("button", name="Thumbs up")).to_have_attribute("aria-pressed", "true")
    vote(page, "down")
    expect_nothing_kept(page)
    first, *later = service.feedback
    assert {body["rating"]: body.get("supersedes") for body in later} == {1: None, -1: first["id"]}
    expect(page.get_by_role("button", name="Thumbs down")).to_have_attribute("aria-pressed", "true")


def test_a_wait_that_the_service_asks_for_is_kept(embed: Embed, service: Origin) -> None:
    """Retry-After counts for everything that waits, and for what is done meanwhile."""
    service.answers.append(Answer(429, {"detail": "slowly"}, headers={"Retry-After": "3"}))
    page = embed()
    vote(page)
    said(page, "Will be sent")
    vote(page, "down")
    page.wait_for_timeout(2000)
    assert len(service.feedback) == 1
    said(page, "Thank you")
    assert [body["rating"] for body in service.feedback] == [1, 1, -1]


def test_without_storage_it_is_sent_and_said_to_be_lost_with_the_page(
    page: Page, embed: Embed, service: Origin
) -> None:
    """Private modes refuse IndexedDB: the queue is then the page's memory, and the page is told."""
    page.add_init_script("Object.defineProperty(window, 'indexedDB', { get() { throw new Error('SecurityError') } })")
    service.answers.append(Answer(503, {"detail": "full"}))
    embed()
    vote(page)
    said(page, "Will be sent")
    [detail] = page.evaluate("heard.filter(([name]) => name === 'seeme-queued').map(([, detail]) => detail)")
    assert detail["kept"] is False
    assert page.locator("seeme-feedback").evaluate("element => element.pending") == 1
    said(page, "Thank you")
    assert service.feedback[0] == service.feedback[1]


def test_storage_that_hangs_holds_nothing_up(page: Page, embed: Embed, service: Origin) -> None:
    """After two seconds it is sent as if there were none."""
    page.add_init_script("IDBFactory.prototype.open = () => ({})")
    embed()
    vote(page)
    said(page, "Thank you")
    assert len(service.feedback) == 1


def test_a_wait_that_ends_meanwhile_turns_no_order_round(page: Page, embed: Embed, service: Origin) -> None:
    """The second vote is still being written when the wait of the first one ends; it goes after it all the same."""
    page.add_init_script("IDBFactory.prototype.open = () => ({})")
    service.answers.append(Answer(503, {"detail": "full"}, headers={"Retry-After": "1"}))
    embed()
    vote(page)
    page.wait_for_timeout(1500)  # Storage is given up after two seconds.
    vote(page, "down")
    page.wait_for_function("heard.filter(([name]) => name === 'seeme-success').length === 2")
    assert [body["rating"] for body in service.feedback] == [1, 1, -1]


def test_what_has_no_place_on_disk_keeps_its_turn(page: Page, embed: Embed, service: Origin) -> None:
    """A write that failed doesn't let a later vote, whose write didn't, go first."""
    page.add_init_script("""
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function () { IDBObjectStore.prototype.put = put; return {}; };
    """)
    service.answers.append(Answer(503, {"detail": "full"}, headers={"Retry-After": "3"}))
    embed()
    vote(page)
    said(page, "Will be sent")
    vote(page, "down")
    page.wait_for_function("heard.filter(([name]) => name === 'seeme-success').length === 2")
    assert [body["rating"] for body in service.feedback] == [1, 1, -1]


def test_no_queue_keeps_nothing_and_asks_the_person(page: Page, embed: Embed, service: Origin) -> None:
    """A page that wants no storage gets a failure with a way to try again."""
    service.answers.append(Answer(503, {"detail": "full"}))
    embed("no-queue")
    vote(page)
    said(page, "Could not be sent")
    assert page.evaluate("indexedDB.databases()") == []
    page.wait_for_timeout(2000)
    assert len(service.feedback) == 1
    page.get_by_role("button", name="Retry").click()
    said(page, "Thank you")
    assert service.feedback[0] == service.feedback[1]


def test_a_click_that_leaves_the_page_arrives(page: Page, embed: Embed, service: Origin, site: Origin) -> None:
    """A vote and a change of mind, and at once another page: both arrive, in order."""
    embed()
    page.evaluate(
        """(next) => {
          const element = document.querySelector('seeme-feedback');
          element.rate(1);
          element.rate(-1);
          location.href = next;
        }""",
        site.show("<h1>Next</h1>", "/next"),
    )
    page.wait_for_url("**/next")
    page.wait_for_timeout(1000)
    arrived = {body["id"]: body["rating"] for body in service.feedback}
    assert list(arrived.values()) == [1, -1]


def test_what_could_not_be_sent_for_a_week_is_given_up(page: Page, embed: Embed, service: Origin) -> None:
    """Sent later it might count twice, as the service forgets deleted ids after 30 days; the console says so."""
    service.answers.append(Answer(503, {"detail": "full"}, headers={"Retry-After": "600"}))
    embed()
    vote(page)
    said(page, "Will be sent")
    lines: list[ConsoleMessage] = []
    page.on("console", lambda line: lines.append(line))
    page.add_init_script(LATER.format(8 * DAY))
    page.reload()
    page.get_by_role("button", name="Thumbs up").hover()
    expect_nothing_kept(page)
    assert len(service.feedback) == 1
    assert any("gave up feedback" in line.text for line in lines)


def test_the_vote_of_a_token_is_shown_and_superseded(page: Page, embed: Embed, service: Origin) -> None:
    """On another device or after a reload: the service knows whose vote it was."""
    vote_there = {"id": "018f-first", "rating": -1}
    service.context = Answer(
        200, {"model_id": "m", "task": "classification", "labels": [], "prediction": None, "vote": vote_there}
    )
    embed('prediction-token="t.o.k"')
    expect(page.get_by_role("button", name="Thumbs down")).to_have_attribute("aria-pressed", "true")
    assert service.feedback == []
    assert service.of("GET", "widget-context")[0].headers["prediction-token"] == "t.o.k"
    vote(page, "up")
    said(page, "Thank you")
    [body] = service.feedback
    assert (body["supersedes"], body["prediction_token"], body["rating"]) == ("018f-first", "t.o.k", 1)


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_wrong_clock_loses_nothing(page: Page, embed: Embed, service: Origin, hours: int) -> None:
    """Clocks of phones are wrong more often than one thinks: no time of theirs is sent."""
    page.add_init_script(LATER.format(hours * 60 * MINUTE))
    service.answers.append(Answer(503, {"detail": "full"}))
    embed()
    vote(page)
    said(page, "Thank you")
    assert service.feedback[0] == service.feedback[1]
    assert "created_at" not in service.feedback[0]


def test_flush_sends_now_and_says_whether_all_is_stored(embed: Embed, service: Origin) -> None:
    """The page may know better when the time has come."""
    service.answers.append(Answer(503, {"detail": "full"}, headers={"Retry-After": "600"}))
    page = embed()
    vote(page)
    said(page, "Will be sent")
    element = page.locator("seeme-feedback")
    assert element.evaluate("element => element.flush()") is True
    said(page, "Thank you")
    assert element.evaluate("element => element.pending") == 0
