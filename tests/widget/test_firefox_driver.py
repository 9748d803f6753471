"""The driver of Firefox: what a page says comes back as plain Python, and what goes wrong is named."""

import math
from collections.abc import Iterator

import firefox
import pytest
from firefox import BidiError, Firefox, Node, Tab
from outside import Origin

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(90),
    pytest.mark.skipif(firefox.COMMAND is None, reason=firefox.MISSING),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Firefox]:
    """A Firefox for the tests of this module."""
    with firefox.launched() as browser:
        yield browser


@pytest.fixture
def tab(browser: Firefox, site: Origin) -> Iterator[Tab]:
    """A tab with a page."""
    tab = browser.tab()
    tab.goto(site.show("<input>"))
    yield tab
    browser.forget(tab.user_context)


def test_values_come_back_as_plain_python(tab: Tab) -> None:
    """Whatever JSON has, and numbers, dates, maps and elements too."""
    assert tab.evaluate("[1, 'x', true, null, undefined, { a: [2n] }, new Map([[1, 2]]), new Date(0)]") == [
        1, "x", True, None, None, {"a": [2]}, {1: 2}, "1970-01-01T00:00:00.000Z",
    ]  # fmt: skip
    assert math.isnan(tab.evaluate("NaN"))
    assert tab.evaluate("-Infinity") == -math.inf
    assert isinstance(tab.evaluate("document.body"), Node)


def test_arguments_go_the_same_way(tab: Tab) -> None:
    """A promise is awaited, and an element finds back to itself."""
    values = [1, 2.5, "x", True, None, {"a": [1]}]
    assert tab.call("(...all) => Promise.resolve(all)", *values) == values
    assert tab.call("(node) => node.localName", tab.evaluate("document.querySelector('input')")) == "input"


def test_what_the_page_throws_is_raised(tab: Tab) -> None:
    """As an exception with its words; what nobody catches is an error of the tab."""
    with pytest.raises(BidiError, match="nothing is not defined"):
        tab.evaluate("nothing.at.all")
    tab.evaluate("setTimeout(() => { throw new Error('boo') }); console.warn('look', 1)")
    tab.wait_for("true")
    tab.call("() => new Promise((resolve) => setTimeout(resolve, 50))")
    assert tab.errors == ["Error: boo"]
    assert tab.console == [("warn", "look 1")]


def test_a_refused_command_is_named(browser: Firefox) -> None:
    """The message says which command, and why."""
    with pytest.raises(BidiError, match=r"browsingContext\.navigate: no such frame"):
        browser.command("browsingContext.navigate", context="none", url="about:blank")


def test_an_answer_that_does_not_come_ends_the_wait(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A promise that never resolves fails with the command's name, and the next command still has its answer."""
    monkeypatch.setattr(firefox, "SECONDS", 0.3)
    with pytest.raises(TimeoutError, match=r"did not answer script\.evaluate"):
        tab.evaluate("new Promise(() => {})")
    monkeypatch.undo()
    assert tab.evaluate("1 + 1") == 2


def test_keys_and_clicks_are_real(tab: Tab) -> None:
    """The page sees trusted events, as from a person."""
    tab.evaluate("window.seen = []; document.addEventListener('click', (event) => seen.push(event.isTrusted))")
    tab.click(tab.evaluate("document.querySelector('input')"))
    tab.press("a", "b")
    assert tab.evaluate("[document.querySelector('input').value, seen]") == ["ab", [True]]


def test_storage_is_shared_by_tabs_that_belong_together_alone(browser: Firefox, tab: Tab, site: Origin) -> None:
    """A tab of its own starts with empty storage."""
    tab.evaluate("localStorage.setItem('a', '1')")
    together, alone = tab.another(), browser.tab()
    for other in (together, alone):
        other.goto(site.address + "/")
    assert together.evaluate("localStorage.getItem('a')") == "1"
    assert alone.evaluate("localStorage.getItem('a')") is None
    browser.forget(alone.user_context)
