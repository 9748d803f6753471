"""The pages of A/B tests: the list, and one test with its verdict, its numbers, its chart and its buttons."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from starlette.responses import Response

from seeme.errors import Conflict, Invalid, NotFound
from seeme.records.ab_results import AbResults, Challenger, Plan
from seeme.records.ab_tests import AbTest, AbTestPatch, Decision
from seeme.records.queries import PlanQuery
from seeme.service.ab_planning import plan
from seeme.web.guard import check_models
from seeme.web.pages_ab_view import (
    LOOKS_SHOWN,
    METRICS,
    TONES,
    Row,
    arm_values,
    chart_data,
    chosen_arm,
    chosen_metric,
    guards,
    history,
    in_few_words,
    rows,
)
from seeme.web.pages_sign_in import read_form
from seeme.web.pages_view import Visit

_TESTS = 20
NOTICES = {
    "made": "Made: it is a draft until it is started.",
    "start": "Started: units are assigned and counted from now on.",
    "stop": "Stopped: nothing is counted any more, and the results stay.",
    "decide": "Decided.",
    "grow": "Changed: more units are in the test from now on; nobody is moved.",
}


class Line(NamedTuple):
    """One test of the list; `left` is the days until its planned end, None without one or once it has ended."""

    test: AbTest
    left: str | None
    words: str
    tone: str


class Step(NamedTuple):
    """What happened to a test, and who did it; `planned` is true for what is still to come."""

    what: str
    at: datetime
    planned: bool = False
    who: str | None = None


class Outlook(NamedTuple):
    """What the rest of a test can bring: units a day so far, and the difference it will be able to show."""

    arm: str
    units_per_day: float
    always_valid: str | None
    fixed_horizon: str | None
    metric: str
    reason: str | None


async def ab_tests(visit: Visit) -> Response:
    """List the tests that the visitor may see, the newest first."""
    mine = visit.who.models
    found = visit.services.ab_tests.every()
    every = [test for test in found if not mine or {arm.model_id for arm in test.arms} <= mine]
    every.sort(key=lambda test: (test.created_at, test.id), reverse=True)
    asked = visit.query().get("from", "")
    first = int(asked[:9]) if asked.isdecimal() and asked.isascii() else 0
    lines = [await _line(visit, test) for test in every[first : first + _TESTS]]
    older = first + _TESTS if len(every) > first + _TESTS else None
    shown = [line.test for line in lines]
    return visit.render(
        "ab_tests.html",
        lines=lines,
        older=older,
        beyond=bool(every) and not lines,
        names=_names(visit, shown),
        versions=await _versions(visit, shown),
    )


async def _line(visit: Visit, test: AbTest) -> Line:
    words, tone = in_few_words(test, await visit.services.ab_results.results(test.id))
    return Line(test, _left(test, visit.at()), words, tone)


def _left(test: AbTest, at: datetime) -> str | None:
    if test.status != "running" or test.ends_at is None:
        return None
    hours = max(0.0, (test.ends_at - at).total_seconds() / 3600)
    number, unit = (round(hours / 24), "day") if hours >= 36 else (round(hours), "hour")
    return "less than an hour" if hours < 1 else f"{number} {unit}{'' if number == 1 else 's'}"


async def ab_test(visit: Visit) -> Response:
    """Show one test."""
    return await _page(visit, _known(visit))


async def start_ab_test(visit: Visit) -> Response:
    """Start a draft."""
    test = _known(visit)
    await visit.services.ab_tests.start(test.id, visit.who)
    return _back(visit, test, "start")


async def stop_ab_test(visit: Visit) -> Response:
    """End a test."""
    test = _known(visit)
    await visit.services.ab_tests.stop(test.id, visit.who)
    return _back(visit, test, "stop")


async def grow_ab_test(visit: Visit) -> Response:
    """Let more units into a test, or say why that can't be."""
    test = _known(visit)
    form = await read_form(visit.request)
    try:
        share = float(form.get("coverage", "").strip().replace(",", ".")) / 100
        await visit.services.ab_tests.patch(test.id, msgspec.convert({"config": {"coverage": share}}, AbTestPatch))
    except Conflict as refusal:
        return await _page(visit, test, form=form, problem=f"Not changed: {refusal.message}", status=409)
    except Invalid as refusal:
        return await _page(visit, test, form=form, problem=f"Not changed: it {refusal.errors[0].message}", status=422)
    except ValueError:  # also what the record says of a number beyond its limits
        return await _page(visit, test, form=form, problem="Not changed: give a number up to 100", status=422)
    return _back(visit, test, "grow")


async def decide_ab_test(visit: Visit) -> Response:
    """Store which arm was chosen, with a note, or say what is wrong with that."""
    test = _known(visit)
    form = await read_form(visit.request)
    wanted = {"arm": form.get("arm", ""), "note": form.get("note", "").strip() or None}
    try:
        await visit.services.ab_tests.decide(test.id, msgspec.convert(wanted, Decision), visit.who)
    except Conflict as refusal:
        known = visit.services.ab_tests.get(test.id)
        return await _page(visit, known, problem=f"Not decided: {refusal.message}", status=409)
    except (msgspec.ValidationError, Invalid) as refusal:
        problem = "the note is too long" if "$.note" in str(refusal) else "choose one of the arms"
        return await _page(visit, test, form=form, problem=f"Not decided: {problem}", status=422)
    return _back(visit, test, "decide")


def _back(visit: Visit, test: AbTest, notice: str) -> Response:
    return visit.redirect(visit.path("ab-tests", test.id, notice=notice))


def _known(visit: Visit) -> AbTest:
    """Return the test of the address, when the visitor may see it."""
    test = visit.services.ab_tests.get(visit.request.path_params["ab_test_id"])
    check_models(visit.who, [arm.model_id for arm in test.arms])
    return test


async def _page(
    visit: Visit, test: AbTest, *, form: dict[str, str] | None = None, problem: str | None = None, status: int = 200
) -> Response:
    results = await visit.services.ab_results.results(test.id)
    query = visit.query()
    challenger, metric = chosen_arm(results, query.get("arm")), chosen_metric(test, query.get("metric"))
    points = history(test, results, challenger, metric)
    drawn = chart_data(metric, points)
    return visit.render(
        "ab_test.html",
        status,
        test=test,
        results=results,
        names=_names(visit, [test]),
        versions=await _versions(visit, [test]),
        tables=[(one, rows(one)) for one in results.challengers],
        tones=TONES,
        titles={name: told.title for name, told in METRICS.items()},
        arms=[(arm, arm_values(arm)) for arm in results.arms],
        challenger=challenger,
        metric=metric,
        why_not=_why_not(rows(challenger), metric, drawn["difference"]),
        points=points[-LOOKS_SHOWN:],
        all_points=len(points),
        data=drawn,
        guards=guards(test),
        left=_left(test, visit.at()),
        outlooks=[_outlook(test, results, one) for one in results.challengers],
        steps=_steps(test, results),
        may="admin" in visit.who.scopes,
        form=form or {},
        problem=problem,
        notice=NOTICES.get(query.get("notice", "")),
    )


def _why_not(shown: Sequence[Row], metric: str, drawn: Sequence[float | None]) -> str | None:
    """Return why there is nothing to draw of a metric, None where there is."""
    if any(number is not None for number in drawn):
        return None
    return next((row.reason for row in shown if row.metric == metric), "") or "nothing was counted yet"


def _names(visit: Visit, tests: Sequence[AbTest]) -> dict[str, str]:
    """Return the names of the models of tests; deleted models have none."""
    names = {}
    for model_id in {arm.model_id for test in tests for arm in test.arms}:
        try:
            names[model_id] = visit.services.models.get(model_id).name
        except NotFound:
            continue
    return names


async def _versions(visit: Visit, tests: Sequence[AbTest]) -> dict[tuple[str, str], str]:
    """Return the names of the versions of models in tests, where the model is still there."""
    names = {}
    for model_id in _names(visit, tests):
        for version in (await visit.services.models.versions(model_id)).items:
            names[model_id, version.id] = version.name
    return names


def _outlook(test: AbTest, results: AbResults, challenger: Challenger) -> Outlook:
    """Return what the planned duration can show of the first metric, at the traffic and the value seen so far."""
    name = test.config.metrics[0]
    found = challenger.metrics[name]
    units = sum(arm.units for arm in results.arms if arm.name in (found.arm_a, found.arm_b))
    days = results.days if results.days and results.days >= 1 else None  # minutes tell nothing of days
    per_day = units / days if days else 0.0
    # Of feedback only voters are units with a value.
    told_per_day = (found.units_a + found.units_b) / days if days else 0.0
    known = Outlook(challenger.arm, per_day, None, None, METRICS[name].title.lower(), None)
    if test.config.duration_days is None or not told_per_day:
        return known
    if found.kind != "rate" or found.value_a is None:
        return known._replace(reason="the spread of its values isn't known before")
    shares = {arm.name: arm.share for arm in test.arms}
    query = PlanQuery(
        metric=name,
        value=found.value_a,
        units_per_day=told_per_day,
        duration_days=test.config.duration_days,
        traffic_split=shares[found.arm_b] / (shares[found.arm_a] + shares[found.arm_b]),
        alpha=results.alpha,
        comparisons=results.comparisons,
    )
    return _planned(known, query)


def _planned(known: Outlook, query: PlanQuery) -> Outlook:
    try:
        found: Plan = plan(query)
    except Invalid:
        return known._replace(reason="no arm has had both kinds of events yet")
    effects = [one.detectable_effect for one in (found.always_valid, found.fixed_horizon)]
    texts = [None if effect is None else f"{100 * effect:.1f} points" for effect in effects]
    reason = "so few units show no effect at all" if texts == [None, None] else None
    return known._replace(always_valid=texts[0], fixed_horizon=texts[1], reason=reason)


def _steps(test: AbTest, results: AbResults) -> list[Step]:
    """Return what happened to a test in its order, and what is planned."""
    steps = [Step("Made", test.created_at, who=test.created_by)]
    if test.started_at is not None:
        steps.append(Step("Started", test.started_at, who=test.started_by))
    if test.stopped_at is not None:
        what = "Ended by itself, as planned" if results.planned_end else "Stopped"
        steps.append(Step(what, test.stopped_at, who=test.stopped_by))
    elif test.ends_at is not None:
        steps.append(Step("Ends by itself", test.ends_at, planned=True))
    if test.decided_at is not None:
        steps.append(Step(f"Decided for {test.chosen_arm}", test.decided_at, who=test.decided_by))
    return steps
