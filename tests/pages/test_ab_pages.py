"""The page of an A/B test, in each of its states."""

import json
import re
from math import inf

import pytest
from playwright.async_api import Browser, expect
from tests.conftest import FakeClock
from tests.pages.ab_testing import EVIL, days_of_visits, make_test, plain, visits
from tests.pages.conftest import Visitor, Window, signed_in
from tests.pages.reviewing import sit_down

from seeme.clock import DAY, HOUR
from seeme.records.ab_tests import AbConfigPatch, AbTestPatch, Decision
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.web.pages_ab_view import difference_text, interval_text, p_text, value_text


async def test_a_draft_is_started_by_its_button(services: Services, someone: Identity, admin: Visitor) -> None:
    """It says what to do, and how units will come in."""
    await make_test(services, someone, start=False)
    page = (await admin.get("/ab-tests/t")).text
    assert "This test hasn&#39;t started." in page or "This test hasn't started." in page
    assert "client.assign(&#34;t&#34;" in page or 'client.assign("t"' in page
    assert "B against A" not in page
    answer = await admin.post("/ab-tests/t/start")
    assert answer.headers["location"] == "/ab-tests/t?notice=start"
    assert services.ab_tests.get("t").status == "running"
    assert "units are assigned and counted" in (await admin.get(answer.headers["location"])).text


async def test_who_may_not_change_it_sees_no_button(services: Services, someone: Identity) -> None:
    """And what is sent all the same is refused, as is what another site sends."""
    await make_test(services, someone)
    reader = await signed_in(services, "read", "review")
    page = (await reader.get("/ab-tests/t")).text
    assert "<button" not in page.partition("<main")[2].replace('<button class="small" type="button" data-copy', "")
    for act in ("start", "stop", "decide"):
        assert (await reader.post(f"/ab-tests/t/{act}", {"arm": "B"})).status == 403
    assert (await reader.get("/new-ab-test")).status == 403
    admin = await signed_in(services, "read", "admin")
    foreign = await admin.post("/ab-tests/t/stop", **{"sec-fetch-site": "cross-site"})
    assert foreign.status == 403
    assert services.ab_tests.get("t").status == "running"


async def test_more_units_are_let_in_by_a_form(services: Services, someone: Identity, admin: Visitor) -> None:
    """Upwards only; what can't be is said on the page, with what was written."""
    await make_test(services, someone, coverage=0.25)
    page = (await admin.get("/ab-tests/t")).text
    assert 'name="coverage" inputmode="decimal" maxlength="20" autocomplete="off" required value="25"' in page
    answer = await admin.post("/ab-tests/t/grow", {"coverage": "50,5"})
    assert answer.headers["location"] == "/ab-tests/t?notice=grow"
    assert services.ab_tests.get("t").config.coverage == 0.505
    for wrong, words in (("20", "may only grow"), ("101", "up to 100"), ("much", "up to 100"), ("nan", "up to 100")):
        refused = await admin.post("/ab-tests/t/grow", {"coverage": wrong})
        assert refused.status == 422
        assert "Not changed: " in refused.text
        assert words in plain(refused.text)
        assert f'value="{wrong}"' in refused.text
    await services.ab_tests.patch("t", AbTestPatch(config=AbConfigPatch(coverage=1.0)))
    assert "/ab-tests/t/grow" not in (await admin.get("/ab-tests/t")).text
    await services.ab_tests.stop("t")
    assert (await admin.post("/ab-tests/t/grow", {"coverage": "100"})).status in (303, 409)


async def test_before_the_first_unit_the_page_shows_how_one_comes_in(
    services: Services, someone: Identity, clock: FakeClock, admin: Visitor
) -> None:
    """And no table of what isn't known."""
    await make_test(services, someone)
    page = plain((await admin.get("/ab-tests/t")).text)
    assert "Nobody has been in this test yet." in page
    assert "client.assign(" in page
    assert "B against A" not in page
    clock.forward(HOUR)
    await services.ab_tests.stop("t")
    assert "Nobody was in this test." in plain((await admin.get("/ab-tests/t")).text)


async def test_early_the_page_says_what_is_missing(
    services: Services, someone: Identity, clock: FakeClock, admin: Visitor
) -> None:
    """Reasons stand where numbers will be; nothing is called nan, None or 0 for want of data."""
    test = await make_test(services, someone, duration_days=None)
    clock.forward(HOUR)
    await visits(services, someone, test, range(10))
    page = plain((await admin.get("/ab-tests/t")).text)
    assert "Not enough data: " in page
    assert "at this traffic" not in page  # an hour tells nothing of days
    assert "new units a day" not in page
    assert "at least 25 are needed" in page
    assert "Nothing to draw yet" in page
    assert "no planned end" in page
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", page)
    clock.forward(DAY)
    assert "new units a day" in plain((await admin.get("/ab-tests/t")).text)
    assert re.search(
        r"Not enough data: about \d+ more days? at this traffic", plain((await admin.get("/ab-tests/t")).text)
    )


async def test_numbers_of_a_running_test_are_those_of_its_results(
    services: Services, someone: Identity, clock: FakeClock, admin: Visitor
) -> None:
    """The verdict first; then each metric with its interval; the chart's points are the looks, also in a table."""
    test = await make_test(services, someone)
    await days_of_visits(services, clock, someone, test, 8, 40, likes={"A": 0.3, "B": 0.95}, slower=1.1)
    clock.forward(HOUR)
    results = await services.ab_results.results("t")
    text = (await admin.get("/ab-tests/t")).text
    page = plain(text)
    verdict = results.verdict[:1].upper() + results.verdict[1:]
    assert verdict.startswith("B is better on feedback by")
    assert page.index(verdict) < page.index("B against A")
    found = results.metrics["feedback_score"]
    for shown in (
        difference_text("rate", found.difference),
        interval_text("rate", found.low, found.high),
        interval_text("rate", found.fixed_low, found.fixed_high),
    ):
        assert shown
        assert shown in page
    assert "not valid now" in page
    assert "when a challenger is worse on latency by 10 % or errors by 1 point" in page
    assert "no planned end" not in page
    drawn = json.loads(re.findall(r'id="interval-data">(.*?)</script>', text)[0])
    assert len(drawn["at"]) == len(results.history) + 1
    assert drawn["low"][-1] == pytest.approx(100 * (found.low or 0))
    assert drawn["unit"] == " points"
    assert text.count("</time></th>") == len(drawn["at"])
    latency = (await admin.get("/ab-tests/t?metric=latency&arm=B")).text
    drawn = json.loads(re.findall(r'id="interval-data">(.*?)</script>', latency)[0])
    assert drawn["difference"][-1] == pytest.approx(100 * ((results.metrics["latency"].difference or 0) - 1))
    assert (await admin.get("/ab-tests/t?metric=magic&arm=Z")).status == 200


async def test_fixed_horizon_numbers_are_valid_at_the_planned_end_only(
    services: Services, someone: Identity, clock: FakeClock, admin: Visitor
) -> None:
    """A test that somebody stopped before hasn't got there."""
    for id, at in (("early", 3), ("whole", 8)):
        test = await make_test(services, someone, id=id)
        await visits(services, someone, test, range(5))
        clock.forward(at * DAY)
        await services.ab_tests.stop(id)
    assert "Fixed horizon not valid now" in plain((await admin.get("/ab-tests/early")).text)
    page = plain((await admin.get("/ab-tests/whole")).text)
    assert "Fixed horizon valid" in page
    assert "Ended by itself, as planned" in page


async def test_an_alarm_says_that_nothing_can_be_trusted(
    services: Services, someone: Identity, clock: FakeClock, admin: Visitor
) -> None:
    """Above all numbers, which don't say better or worse any more; leaks are told beside."""
    test = await make_test(services, someone, metrics=["feedback_score"])
    await days_of_visits(services, clock, someone, test, 4, 150, likes={"A": 0.3, "B": 0.95}, lost=0.5, swapped=50)
    results = await services.ab_results.results("t")
    assert results.sample_ratio.alarm
    page = plain((await admin.get("/ab-tests/t")).text)
    assert page.index("Don't trust these results.") < page.index("B against A")
    assert f"A got {results.sample_ratio.counts[0]:,}" in page
    assert f"{results.leaks} units were seen where they don't belong" in page
    assert "assigned to another arm" in page
    assert '<span class="badge good">better' not in (await admin.get("/ab-tests/t")).text
    assert "not to be trusted" in plain((await admin.get("/ab-tests")).text)


async def test_a_decision_is_stored_with_who_made_it_and_why(
    services: Services, someone: Identity, clock: FakeClock, admin: Visitor
) -> None:
    """The note is text, whatever it holds; after it there are no buttons."""
    await make_test(services, someone)
    clock.forward(DAY)
    answer = await admin.post("/ab-tests/t/decide", {"arm": "B", "note": EVIL})
    assert answer.headers["location"] == "/ab-tests/t?notice=decide"
    test = services.ab_tests.get("t")
    assert (test.chosen_arm, test.decided_by, test.note) == ("B", "Ada <Lovelace>", EVIL)
    assert test.stopped_by == "Ada <Lovelace>"
    text = (await admin.get("/ab-tests/t")).text
    assert EVIL not in text
    page = plain(text)
    assert "B was chosen." in page
    assert EVIL in page
    for step in ("Started", "Stopped", "Decided for B"):
        assert re.search(step + r" \S+ \S+ UTC by \w+", page), step
    assert "/ab-tests/t/decide" not in text
    again = await admin.post("/ab-tests/t/decide", {"arm": "A"})
    assert again.status == 409
    assert "Not decided: the A/B test t was decided for B." in again.text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "choose one of the arms."),
        ({"arm": "C"}, "choose one of the arms."),
        ({"arm": "no arm"}, "choose one of the arms."),
        ({"arm": "B", "note": "as I said" + "!" * 4000}, "the note is too long."),
    ],
)
async def test_a_decision_without_an_arm_is_refused(
    services: Services, someone: Identity, admin: Visitor, form: dict[str, str], words: str
) -> None:
    """And what was typed stays."""
    await make_test(services, someone)
    answer = await admin.post("/ab-tests/t/decide", {"note": "as I said", **form})
    assert answer.status == 422
    assert words in answer.text
    assert "as I said" in answer.text
    assert services.ab_tests.get("t").status == "running"


async def test_each_of_three_arms_has_its_verdict_and_table(
    services: Services, someone: Identity, clock: FakeClock, admin: Visitor
) -> None:
    """Against the first one; the list tells of both."""
    test = await make_test(services, someone, arms=3, metrics=["feedback_score"])
    await days_of_visits(services, clock, someone, test, 3, 150, likes={"A": 0.1, "B": 0.95, "C": 0.1})
    page = plain((await admin.get("/ab-tests/t")).text)
    assert "B is better on feedback" in page
    assert "B against A" in page
    assert "C against A" in page
    assert "B is better, C:" in plain((await admin.get("/ab-tests")).text)


async def test_results_stay_when_a_model_is_deleted(services: Services, someone: Identity, admin: Visitor) -> None:
    """The arm then has the model's id for a name."""
    await make_test(services, someone)
    await services.ab_tests.stop("t")
    await services.models.delete("new")
    page = (await admin.get("/ab-tests/t")).text
    assert "<code>new</code>" in page
    assert (await admin.get("/ab-tests")).status == 200


async def test_an_unknown_test_is_no_page(admin: Visitor) -> None:
    """Whatever is asked of it."""
    assert (await admin.get("/ab-tests/none")).status == 404
    assert (await admin.post("/ab-tests/none/start")).status == 404


def test_numbers_are_written_with_sign_and_unit() -> None:
    """Points for rates, per cent for latency; a zero has no sign; what is endless says so."""
    assert difference_text("rate", 0.0123) == "+1.23 points"
    assert difference_text("rate", -0.00001) == "0.00 points"
    assert difference_text("ratio", 0.95) == "−5.00 %"
    assert difference_text("mean", 0.00001234) == "+0.000012"
    assert difference_text("mean", None) is None
    assert interval_text("rate", -0.01, 0.02) == "−1.00 to +2.00 points"
    assert interval_text("ratio", 0.0, inf) == "−100.00 to +∞ %"
    assert (value_text("rate", -0.25), value_text("ratio", 20.0), value_text("mean", 0.75)) == (
        "−25 %",
        "20.0 ms",
        "0.75",
    )
    assert (p_text(0.0001), p_text(0.0499), p_text(1.0), p_text(None)) == ("<0.001", "0.0499", "1", None)


# --- in a browser


async def test_the_interval_is_drawn_and_a_test_is_decided(
    services: Services, someone: Identity, clock: FakeClock, window: Window
) -> None:
    """The chart has its legend, zero in sight; the form stores the arm that was chosen."""
    test = await make_test(services, someone)
    await days_of_visits(services, clock, someone, test, 6, 40, likes={"A": 0.3, "B": 0.8})
    await window.open("/ab-tests")
    await window.page.click(f"text={test.name}")
    await expect(window.page.locator(".plot canvas")).to_be_visible()
    await expect(window.page.locator(".u-legend")).to_contain_text("points")
    await window.page.set_viewport_size({"width": 320, "height": 640})
    # As for the moment before the chart is drawn again.
    await window.page.evaluate("document.querySelector('.uplot').style.width = '1300px'")
    assert await window.overflow() == 0
    await window.page.get_by_text("Decide now…").click()
    await window.page.get_by_label("B", exact=False).last.check()
    await window.page.get_by_role("button", name="Store the decision").click()
    await expect(window.page.locator(".notice[role=status]")).to_have_text("Decided.")
    assert window.mistakes == []


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_pages_fit_people_and_windows(
    services: Services, someone: Identity, clock: FakeClock, chromium: Browser, address: str, scheme: str
) -> None:
    """Axe finds nothing in any state, and nothing is wider than a narrow window."""
    await make_test(services, someone, id="draft", start=False)
    alarmed = await make_test(services, someone, id="alarmed")
    await days_of_visits(services, clock, someone, alarmed, 4, 150, lost=0.5, swapped=50)
    test = await make_test(services, someone, id="decided")
    await days_of_visits(services, clock, someone, test, 5, 60, likes={"A": 0.3, "B": 0.95}, slower=1.4)
    await services.ab_tests.decide("decided", Decision(arm="B", note="x" * 300), someone)
    early = await make_test(services, someone, id="early")
    await visits(services, someone, early, range(9))
    desk = await sit_down(chromium, services, address, "Ada", "read", "review", "admin")
    await desk.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for link in ("", "/draft", "/early", "/alarmed", "/decided"):
        for width in (1280, 320):
            await desk.page.set_viewport_size({"width": width, "height": 800})
            await desk.open("/ab-tests" + link)
            assert await desk.violations() == []
            assert await desk.overflow() == 0
    await desk.open("/new-ab-test")
    await desk.page.get_by_role("button", name="Plan").click()
    await desk.page.locator(".wrong").first.wait_for()
    assert await desk.violations() == []
    assert await desk.overflow() == 0
    assert [text for text in desk.mistakes if "422" not in text] == []
