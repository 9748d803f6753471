"""The list of A/B tests, and the form that makes and plans one."""

import re

import pytest
from tests.conftest import FakeClock
from tests.pages.ab_testing import EVIL, make_test, plain
from tests.pages.conftest import Visitor, signed_in

from seeme.clock import DAY, HOUR
from seeme.records.ab_tests import Decision
from seeme.records.models import NewModel
from seeme.records.queries import PlanQuery
from seeme.service.ab_planning import plan
from seeme.service.keys import Identity
from seeme.service.services import Services

FORM = {
    "name": "New digits",
    "a": "now",
    "b": "new",
    "split": "10",
    "coverage": "50",
    "days": "7",
    "first": "latency",
    "metrics": "feedback_score",
    "start": "on",
}
PLAN = {**FORM, "plan": "1", "first": "error_rate", "effect": "-2", "value": "10", "per_day": "1000"}


# --- the list


async def test_without_a_test_the_page_says_how_to_make_one(admin: Visitor) -> None:
    """By the form, or by the client's call."""
    page = (await admin.get("/ab-tests")).text
    assert 'href="/new-ab-test"' in page
    assert "client.create_ab_test(" in page
    assert 'href="/ab-tests" aria-current="page"' in (await admin.get("/ab-tests")).text


async def test_without_a_model_the_form_says_so(admin: Visitor) -> None:
    """There is nothing to choose from."""
    assert "there is none yet" in (await admin.get("/new-ab-test")).text


async def test_the_list_tells_status_arms_days_left_and_the_verdict(
    services: Services, someone: Identity, clock: FakeClock, admin: Visitor
) -> None:
    """The newest test first, its name as text."""
    await make_test(services, someone, id="draft", name="Later", start=False)
    clock.forward(HOUR)
    await make_test(services, someone, id="run", name=EVIL, traffic_split=None)
    clock.forward(3 * DAY)
    text = (await admin.get("/ab-tests")).text
    page = plain(text)
    assert EVIL not in text
    assert page.index(EVIL) < page.index("Later")
    assert "running A: Digits now 50 % B: Digits <new> 50 % 4 days not enough data" in page
    assert "not started" in page
    await services.ab_tests.decide("run", Decision(arm="B"), someone)
    assert "B was chosen" in plain((await admin.get("/ab-tests")).text)


async def test_older_tests_are_on_the_next_page(services: Services, someone: Identity, admin: Visitor) -> None:
    """Twenty on each; a page beyond the last says so."""
    for number in range(21):
        await make_test(services, someone, id=f"t{number:02}", start=False)
    first = (await admin.get("/ab-tests")).text
    assert first.count('href="/ab-tests/t') == 20
    assert 'href="/ab-tests?from=20"' in first
    assert (await admin.get("/ab-tests?from=20")).text.count('href="/ab-tests/t') == 1
    assert "no test beyond" in (await admin.get("/ab-tests?from=99")).text


async def test_a_key_for_some_models_sees_their_tests_only(services: Services, someone: Identity) -> None:
    """Neither in the list nor by the address, nor may it make one of others."""
    await make_test(services, someone)
    outsider = await signed_in(services, "read", "admin", models=("now",))
    assert "No A/B test yet" in (await outsider.get("/ab-tests")).text
    assert (await outsider.get("/ab-tests/t")).status == 403
    assert (await outsider.post("/ab-tests/t/stop")).status == 403
    assert (await outsider.post("/new-ab-test", FORM)).status == 403
    insider = await signed_in(services, "read", models=("now", "new"))
    assert (await insider.get("/ab-tests/t")).status == 200


# --- the form


async def test_the_form_makes_a_running_test(services: Services, someone: Identity, admin: Visitor) -> None:
    """With the split, the main metric first, and who made it; it leads to the test's page."""
    await make_test(services, someone)
    answer = await admin.post("/new-ab-test", FORM)
    made = next(test for test in services.ab_tests.every() if test.name == "New digits")
    assert answer.headers["location"] == f"/ab-tests/{made.id}?notice=start"
    assert (made.status, made.created_by) == ("running", "Ada <Lovelace>")
    assert [arm.share for arm in made.arms] == [0.9, 0.1]
    assert (made.config.coverage, made.config.metrics, made.config.duration_days) == (
        0.5,
        ["latency", "feedback_score"],
        7,
    )


async def test_the_form_makes_a_draft_of_two_versions(services: Services, someone: Identity, admin: Visitor) -> None:
    """Without an end, when none is given."""
    await make_test(services, someone)
    form = {**FORM, "a": "now|v1", "b": "new|v1", "days": ""}
    del form["start"]
    answer = await admin.post("/new-ab-test", form)
    made = services.ab_tests.get(re.findall(r"/ab-tests/([^?]+)", answer.headers["location"])[0])
    assert made.status == "draft"
    assert [arm.version_id for arm in made.arms] == ["v1", "v1"]
    assert made.config.duration_days is None
    assert "draft A: Digits now, First 90 %" in plain((await admin.get("/ab-tests")).text)


async def test_a_nul_in_a_form_is_refused(services: Services, someone: Identity, admin: Visitor) -> None:
    """No database takes it; nothing is made."""
    await make_test(services, someone)
    assert (await admin.post("/new-ab-test", {**FORM, "name": "x\0y"})).status == 400
    assert (await admin.post("/ab-tests/t/decide", {"arm": "B", "note": "x\0y"})).status == 400
    assert [test.id for test in services.ab_tests.every()] == ["t"]
    assert services.ab_tests.get("t").status == "running"


async def test_models_of_one_name_are_told_apart_in_the_form(services: Services, admin: Visitor) -> None:
    """By their ids; others have their names alone."""
    for id, name in (("m1", "Digits"), ("m2", "Digits"), ("m3", "Boxes")):
        await services.models.create(NewModel(name=name, id=id))
    page = plain((await admin.get("/new-ab-test")).text)
    assert "Digits (m1) Digits (m2) Boxes" in page


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": " "}, "name", "Give the test a name."),
        ({"split": "100"}, "split", "Give a number from 0.01 to 99.99."),
        ({"split": "much"}, "split", "Give a number from"),
        ({"split": "nan"}, "split", "Give a number from"),
        ({"coverage": "101"}, "coverage", "Give a number from 0.01 to 100."),
        ({"days": "-1"}, "days", "Give a number from 0.01 to 3,650."),
        ({"a": ""}, "a", "Choose a model."),
        ({"b": "now"}, "b", "Is in another arm already"),
        ({"b": "gone"}, "b", "There is no model gone"),
        ({"b": "new|v9"}, "b", "The model new has no version v9"),
        ({"b": "../x"}, "b", ""),
        ({"first": "magic"}, "first", "Choose a metric."),
    ],
)
async def test_what_is_wrong_stands_at_its_field(
    services: Services, someone: Identity, admin: Visitor, change: dict[str, str], field: str, words: str
) -> None:
    """With what was typed still there, and nothing made."""
    await make_test(services, someone)
    answer = await admin.post("/new-ab-test", FORM | change)
    assert answer.status == 422
    assert f'id="wrong-{field}">{words}' in answer.text
    assert f"wrong-{field}" in re.findall(r'aria-describedby="([^"]*)"', answer.text)[-1] or field in answer.text
    assert 'value="New digits"' in answer.text or field == "name"
    assert len(services.ab_tests.every()) == 1


async def test_a_plan_tells_users_and_days_and_makes_nothing(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """The same numbers as the API's, for the metrics that are chosen; the form stays as it was typed."""
    await make_test(services, someone)
    page = plain((await admin.post("/new-ab-test", PLAN)).text)
    wanted = plan(
        PlanQuery(
            metric="error_rate", effect=-0.02, value=0.1, units_per_day=1000, traffic_split=0.1, comparisons=2
        )
    )  # fmt: skip
    assert f"{wanted.always_valid.units:,} users, about {wanted.always_valid.days} days" in page
    assert f"{wanted.fixed_horizon.units:,} users, about {wanted.fixed_horizon.days} days" in page
    assert "a difference of -2 points on errors" in page
    text = (await admin.post("/new-ab-test", {**PLAN, "first": "latency", "effect": "5", "sd": "0,5"})).text
    assert "a difference of 5 % on latency" in plain(text)
    assert 'value="0,5"' in text
    assert len(services.ab_tests.every()) == 1


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"effect": ""}, "effect", "Give a number from"),
        ({"effect": "0"}, "effect", "Too small"),
        ({"effect": "95"}, "effect", "From 10 % such a change isn&#39;t possible."),
        ({"value": ""}, "value", "Give a number from"),
        ({"value": "120"}, "value", "Give what arm A has now, between 0 and 100 %."),
        ({"first": "latency"}, "sd", "Give a number from"),
        ({"per_day": "0"}, "per_day", "Give a number from 1 to 1,000,000,000."),
    ],
)
async def test_a_plan_that_cant_be_made_says_why(
    services: Services, someone: Identity, admin: Visitor, change: dict[str, str], field: str, words: str
) -> None:
    """At its field, in the form's units."""
    await make_test(services, someone)
    answer = await admin.post("/new-ab-test", PLAN | change)
    assert answer.status == 422
    assert f'id="wrong-{field}">{words}' in answer.text
