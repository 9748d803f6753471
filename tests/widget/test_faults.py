"""Nothing that a person did is lost or counted twice, whatever network, tabs, browser and clock do meanwhile.

What is promised: an action **is made** once `seeme-submit` was dispatched and then its write to IndexedDB was
acknowledged, which takes some milliseconds, and more on a busy disk. Every action that is made is stored by the service
exactly once, with the content it had in `seeme-submit`, when the service can be reached again and a page with the same
model and service is opened or told to `flush()`. Of an action whose browser is killed (SIGKILL) or whose tab is closed
before that, nothing is promised but that it is stored whole, once, or not at all.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import FAULTS, Network, between
from live import Live
from measures import Record as Figures
from measures import within
from playwright.sync_api import Page, Playwright, sync_playwright
from visitors import Diary, Visitor, shop

from seeme import Client
from seeme.client import Record

MODEL = "shop"
ELEMENTS = 20
KILL_EVERY = 5
HOUR = 3_600_000
SKEWS = (0, 0, HOUR, -HOUR, 48 * HOUR, -48 * HOUR)
# The limits that tests/web examines would be the only thing seen here.
UNLIMITED = {"SEEME_ADDRESS_RATE": "100000", "SEEME_PUBLISHABLE_KEY_RATE": "100000", "SEEME_BURST_VOTES": "1000000"}


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright, to start browsers that are killed."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Live]:
    """A real service with a model."""
    live = Live(tmp_path / "data", **UNLIMITED).start()
    try:
        yield live
    finally:
        live.stop()


@pytest.fixture
def client(service: Live) -> Iterator[Client]:
    """A client with every right."""
    with Client(service.url, service.admin_key) as client:
        client.create_model("Shop", id=MODEL)
        yield client


@pytest.fixture
def network(service: Live) -> Iterator[Network]:
    """The network between browser and service."""
    with between("127.0.0.1", service.port) as network:
        yield network


@pytest.fixture
def diary() -> Iterator[Diary]:
    """The shop, and what is done in it."""
    with shop() as diary:
        yield diary


@pytest.fixture
def visitor(
    playwright: Playwright, tmp_path: Path, client: Client, network: Network, diary: Diary
) -> Iterator[Visitor]:
    """Somebody with a browser, in a shop whose predictions the service has."""
    key = client.create_key("publishable", "shop", models=[MODEL], origins=[diary.address]).key
    attributes = {"endpoint": network.address, "model-id": MODEL, "api-key": key}
    predictions = [{"id": f"p{number}", "label": "cat"} for number in range(5_000)]
    for start in range(0, len(predictions), 1_000):
        client.log_predictions(predictions[start : start + 1_000], MODEL)
    visitor = Visitor(playwright, tmp_path / "profile", diary, ELEMENTS, **attributes)
    yield visitor
    visitor.context.close()


class Script:
    """What people do, from a seed: votes, changed minds, votes taken back, and corrections."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._corrections = 0

    def steps(self, count: int, pause: float) -> list[tuple[int, str, float]]:
        """Return the next things to do; on few elements, so that minds are changed often."""
        return [(self._element(), self._what(), self.random.uniform(0, pause)) for _ in range(count)]

    def _element(self) -> int:
        return min(self.random.randrange(ELEMENTS), self.random.randrange(ELEMENTS))

    def _what(self) -> str:
        self._corrections += 1
        return self.random.choices(["up", "down", f"label-{self._corrections}"], [4, 4, 2])[0]


def wait_until(true: Callable[[], Any], seconds: float, what: str) -> None:
    """Wait until something is true."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"{what} after {seconds} s"
        time.sleep(0.1)


def stored(client: Client) -> list[Record]:
    """Return all feedback that the service has."""
    return list(client.get_feedback(MODEL, limit=None))


def content(item: Any) -> tuple[Any, ...]:
    """Return what a person said, as the page and the service write it."""
    names = ("prediction_id", "feedback_type", "rating", "correct_label", "notes", "supersedes")
    return tuple(item.get(name) for name in names)


def nowhere(name: str, value: object) -> None:
    """Leave a figure of a small test out of the report."""


def check(record: Figures, diary: Diary, client: Client) -> None:
    """Compare the diary with the service: nothing lost, nothing doubled, nothing changed, and the last one counts."""
    rows = stored(client)
    found = {row.id: row for row in rows}
    within(record, "actions stored twice", len(rows) - len(found))
    within(record, "actions lost", len(diary.kept - set(found)))
    assert set(found) - set(diary.submitted) == set(), "stored, but nobody did it"
    assert {id: content(found[id]) for id in found} == {id: content(diary.submitted[id]) for id in found}
    # Who says after a reload what was said before it says it twice, and the service sets the second aside.
    aside = {row.id for row in rows if str(row.status_reason).startswith("duplicate")}
    chains = defaultdict(list)
    for id, feedback in diary.submitted.items():
        if id in found and id not in aside:
            chains[feedback["feedback_type"], feedback.get("supersedes", id)].append(id)
    active = {ids[-1] for ids in chains.values()}
    assert {row.id for row in rows if row.status == "active"} == active, "the last of each chain counts"


def test_when_healthy_every_action_is_one_request(
    record_property: Figures, visitor: Visitor, network: Network, diary: Diary, client: Client
) -> None:
    """No request is made twice, none is made for nothing, and several tabs don't send each other's."""
    script = Script(7)
    for page in [visitor.open() for _ in range(3)]:
        visitor.act(page, script.steps(40, 100))
    visitor.finish()
    wait_until(lambda: len(stored(client)) >= 120, 20, "not all is stored")
    assert len(diary.submitted) == 120
    within(record_property, "requests beyond one per action, when healthy", len(network.posts) - len(diary.submitted))
    assert sorted(network.posts) == sorted([id] for id in diary.submitted)
    check(record_property, diary, client)


def disturb(visitor: Visitor, network: Network, script: Script, kill: bool) -> None:
    """Let something happen to the network, the tabs, the browser or the clock."""
    # A third of the time all is well, or what waits would only ever grow.
    network.fault = script.random.choice((*FAULTS, "none", "none", "none"))
    if kill:
        visitor.kill()
        visitor.launch()
    happening = script.random.choice(("close", "reload", "skew", "nothing"))
    if visitor.tabs and happening == "close":
        script.random.choice(visitor.tabs).close()
    elif visitor.tabs and happening == "reload":
        script.random.choice(visitor.tabs).reload()
    elif happening == "skew":
        visitor.skew = script.random.choice(SKEWS)
        for page in visitor.tabs:
            page.evaluate("(skew) => { window.skew = skew }", visitor.skew)
    while len(visitor.tabs) < 3:
        visitor.open()


def play(visitor: Visitor, network: Network, diary: Diary, script: Script, actions: int) -> None:
    """Let people act in three tabs while things go wrong, until that many actions are in the diary."""
    phase = 0
    while len(diary.submitted) < actions:
        phase += 1
        disturb(visitor, network, script, kill=phase % KILL_EVERY == 0)
        for page in visitor.tabs:
            visitor.act(page, script.steps(20, 100))
        # Not to the end: the next disturbance comes in the middle of an action.
        time.sleep(script.random.uniform(0.4, 1.2))


def recover(visitor: Visitor, network: Network, diary: Diary, client: Client) -> None:
    """Heal the network, restart the browser once more, and wait until nothing waits any more."""
    network.fault = "none"
    visitor.kill()
    visitor.launch()
    page = visitor.open()
    wait_until(lambda: diary.kept <= {row.id for row in stored(client)}, 180, "not all that was made is stored")
    page.wait_for_function("![...elements].some((element) => element.pending)")


@pytest.mark.parametrize(
    "plan",  # rounds, actions in each
    [
        pytest.param((1, 250), marks=pytest.mark.timeout(240)),
        pytest.param((10, 1_000), marks=[pytest.mark.long, pytest.mark.timeout(1500)]),
    ],
)
def test_nothing_is_lost_or_doubled_by_faults(
    record_property: Figures, visitor: Visitor, network: Network, diary: Diary, client: Client, plan: tuple[int, int]
) -> None:
    """Many actions through every fault, closed tabs, killed browsers and wrong clocks; then all is well again."""
    rounds, actions = plan
    script = Script(rounds)
    for number in range(1, rounds + 1):
        play(visitor, network, diary, script, actions * number)
        recover(visitor, network, diary, client)
    # Otherwise nothing much would be promised. What is missing was done in the moments before a kill or a closing tab.
    assert len(diary.kept) > 0.5 * len(diary.submitted)
    check(record_property, diary, client)


def votes(client: Client, prediction: str) -> dict[str, int | None]:
    """Return the stored votes of a prediction by status, the last made of each."""
    return {
        row.status: row.rating
        for row in sorted(stored(client), key=lambda row: row.id)
        if row.prediction_id == prediction
    }


def queue(page: Page, what: str) -> None:
    """Let a person do something, and wait until the widget has said that it waits."""
    page.evaluate(
        """(what) => new Promise((resolve) => {
          addEventListener('seeme-queued', () => resolve(), { once: true });
          act([[0, what, 0]]);
        })""",
        what,
    )


def settled(visitor: Visitor, client: Client, diary: Diary) -> None:
    """Open the shop on a healed network, and wait until everything that was made is stored."""
    visitor.open()
    wait_until(lambda: diary.kept <= {row.id for row in stored(client)}, 30, "not all is stored")
    check(nowhere, diary, client)


def leave(page: Page) -> None:
    """Go somewhere else."""
    page.evaluate("() => { location.href = 'about:blank' }")
    page.wait_for_url("about:blank")


def test_a_vote_does_not_overtake_one_that_waits(
    visitor: Visitor, network: Network, diary: Diary, client: Client
) -> None:
    """Who changes a mind and leaves means the second vote, also when the first was still waiting."""
    page = visitor.open()
    network.fault, network.retry_after = "503", 20
    queue(page, "up")
    network.fault = "none"
    page.evaluate("act([[0, 'down', 0]])")
    wait_until(lambda: len(diary.kept) == 2, 10, "not written")
    leave(page)
    settled(visitor, client, diary)
    assert votes(client, "p0") == {"superseded": 1, "active": -1}


def test_a_vote_does_not_overtake_one_whose_key_was_refused(
    visitor: Visitor, network: Network, diary: Diary, client: Client
) -> None:
    """It waits for the key to be mended, and so does what comes after it, also when an older wait ends meanwhile."""
    page = visitor.open()
    network.fault = "503"
    queue(page, "up")
    network.fault = "401"
    page.evaluate("elements[0].flush()")
    page.wait_for_timeout(2_000)  # The 503 asked for one second, and pages add up to a half.
    network.fault = "none"
    page.evaluate("act([[0, 'down', 0]])")
    wait_until(lambda: len(diary.kept) == 2, 10, "not written")
    leave(page)
    settled(visitor, client, diary)
    assert votes(client, "p0") == {"superseded": 1, "active": -1}


@pytest.mark.long
@pytest.mark.timeout(120)
def test_votes_that_are_sent_while_leaving_arrive_in_order(
    visitor: Visitor, network: Network, diary: Diary, client: Client
) -> None:
    """Requests that are on their way together may overtake each other; the last vote counts all the same."""
    page = visitor.open()
    network.fault = "slow"
    steps = [(element, what, 0) for element in range(ELEMENTS) for what in ("up", "down", "down", "down")]
    page.evaluate("(steps) => act(steps)", steps)
    leave(page)
    network.fault = "none"
    settled(visitor, client, diary)


def test_what_another_page_has_sent_is_asked_about_once_more(
    visitor: Visitor, network: Network, diary: Diary, client: Client
) -> None:
    """Only the service can say what became of it; it is stored once."""
    page = visitor.open()
    network.fault, network.retry_after = "503", 60
    queue(page, "up")
    network.fault = "none"
    settled(visitor, client, diary)
    page.evaluate("elements[0].flush()")
    assert page.evaluate("elements[0].pending") == 0
    # The first met the 503, the second came from the other page.
    assert network.posts == [[*diary.submitted]] * 3
    check(nowhere, diary, client)


def test_a_clock_that_jumps_changes_no_order(visitor: Visitor, network: Network, diary: Diary, client: Client) -> None:
    """After a kill the votes are sent in the order in which they were made, whatever the clock said."""
    page = visitor.open()
    network.fault = "away"
    page.evaluate("act([[0, 'up', 200]])")
    page.evaluate("(skew) => { window.skew = skew; return act([[0, 'down', 200]]) }", 48 * HOUR)
    visitor.kill()
    network.fault = "none"
    visitor.launch()
    settled(visitor, client, diary)
    assert votes(client, "p0") == {"superseded": 1, "active": -1}


def test_a_clock_that_is_set_back_delays_nothing(visitor: Visitor, network: Network, client: Client) -> None:
    """Waiting for a second means a second, not until the clock shows that time again."""
    page = visitor.open()
    network.fault = "503"
    queue(page, "up")
    page.evaluate("(skew) => { window.skew = skew }", -48 * HOUR)
    network.fault = "none"
    wait_until(lambda: stored(client), 10, "nothing is stored")


def test_a_clock_of_long_ago_loses_nothing(visitor: Visitor, network: Network, diary: Diary, client: Client) -> None:
    """A device that starts in 1970 and learns the time later hasn't kept its actions for decades."""
    visitor.skew = -56 * 365 * 24 * HOUR
    page = visitor.open()
    network.fault = "503"
    page.evaluate("act([[0, 'up', 200]])")
    page.evaluate("() => { window.skew = 0; return act([[1, 'up', 2000]]) }")
    network.fault = "none"
    settled(visitor, client, diary)


def reload(page: Page) -> None:
    """Let a person reload the page, and wait until it shows what was left behind there."""
    page.reload()
    page.wait_for_function("elements[0].rating !== 0")


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_vote_waits_for_what_was_left_behind_a_moment_ago(
    visitor: Visitor, network: Network, diary: Diary, client: Client
) -> None:
    """Also when it is given while another one is on its way: its turn comes after the one that it replaces."""
    page = visitor.open()
    network.fault, network.retry_after = "503", 20
    queue(page, "up")
    reload(page)
    network.fault = "slow"
    page.evaluate("act([[1, 'up', 100], [0, 'down', 0]])")
    wait_until(lambda: len(diary.kept) == 3, 10, "not written")
    network.fault = "none"
    page.wait_for_timeout(6_000)  # What is younger than 5 seconds is left to its page.
    check(nowhere, diary, client)
    assert votes(client, "p0") == {"superseded": 1, "active": -1}


@pytest.mark.parametrize("skew", [0, HOUR])
def test_who_leaves_takes_along_what_was_left_behind_a_moment_ago(
    visitor: Visitor, network: Network, diary: Diary, client: Client, skew: int
) -> None:
    """A change of mind goes with the vote that it replaces, and counts; also when the clock was set back meanwhile."""
    visitor.skew = skew
    page = visitor.open()
    network.fault, network.retry_after = "503", 20
    queue(page, "up")
    reload(page)
    network.fault = "none"
    page.evaluate("() => { window.skew = 0; act([[0, 'down', -1]]); location.href = 'about:blank' }")
    page.wait_for_url("about:blank")
    wait_until(lambda: len(stored(client)) == 2, 10, "not all is stored")
    assert network.posts[-1] == list(diary.submitted)
    assert votes(client, "p0") == {"superseded": 1, "active": -1}
