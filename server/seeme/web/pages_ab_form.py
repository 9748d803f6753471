"""The form that makes an A/B test of two arms, and plans it: how many units and days a wanted effect needs."""

import re
from collections import Counter
from collections.abc import Sequence
from math import nan
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response

from seeme.errors import Invalid
from seeme.records.ab_results import Plan
from seeme.records.ab_tests import NewAbTest
from seeme.records.models import Model
from seeme.records.queries import PlanQuery
from seeme.service.ab_planning import plan
from seeme.web.guard import check_models
from seeme.web.pages_ab_view import ALL_METRICS, METRICS, unit_of
from seeme.web.pages_sign_in import read_fields
from seeme.web.pages_view import Visit

_BETWEEN = "|"  # stands in no id
_MODELS = 500
_EMPTY = {"split": "50", "coverage": "100", "days": "14", "start": "on"}
Problems = dict[str, str]


class Choice(NamedTuple):
    """A model as an arm, or one of its versions."""

    value: str
    name: str


class Group(NamedTuple):
    """The choices of one model."""

    name: str
    choices: list[Choice]


async def new_ab_test(visit: Visit) -> Response:
    """Show the form."""
    return await _page(visit, dict(_EMPTY), ["feedback_score"], {})


async def make_ab_test(visit: Visit) -> Response:
    """Make a test, or show the plan, or what is wrong with the form at its fields."""
    fields = await read_fields(visit.request)
    form = {name: values[-1] for name, values in fields.items()}
    first: list[str] = [name for name in ALL_METRICS if name == form.get("first")]
    chosen = first + [name for name in ALL_METRICS if name in fields.get("metrics", []) and name not in first]
    problems: Problems = {} if first else {"first": "Choose a metric."}
    if "plan" in form:
        query = _plan_query(form, chosen, problems)
        return await _planned(visit, form, chosen, problems, query)
    wanted = _wanted(form, chosen, problems)
    if not problems:
        try:
            return await _made(visit, wanted)
        except (msgspec.ValidationError, Invalid) as refusal:
            problems = _explained(refusal)
    return await _page(visit, form, chosen, problems, status=422)


async def _made(visit: Visit, wanted: dict[str, Any]) -> Response:
    new = msgspec.convert(wanted, NewAbTest)
    check_models(visit.who, [arm.model_id for arm in new.arms or ()])
    test, _ = await visit.services.ab_tests.create(new, visit.who)
    return visit.redirect(visit.path("ab-tests", test.id, notice="start" if new.start else "made"))


async def _planned(
    visit: Visit, form: dict[str, str], chosen: Sequence[str], problems: Problems, query: PlanQuery | None
) -> Response:
    if query is not None:
        try:
            return await _page(visit, form, chosen, {}, planned=plan(query))
        except Invalid as refusal:
            names = {"traffic_split": "split", "units_per_day": "per_day"}
            where = refusal.errors[0].path.removeprefix("$.")
            problems[names.get(where, where)] = _in_words(form, query, where, refusal.errors[0].message)
    return await _page(visit, form, chosen, problems, status=422)


def _in_words(form: dict[str, str], query: PlanQuery, where: str, message: str) -> str:
    """Return a message of the planning in the units of the form: the API's are shares, the form's are per cent."""
    told = METRICS[query.metric]
    if where == "value":
        low = -100 if query.metric == "feedback_score" else 0
        return f"Give what arm A has now, between {low} and 100 %."
    if where == "effect" and told.kind == "rate" and query.effect:
        return f"From {form['value']} % such a change isn't possible."
    if where == "effect":
        return "Too small for any test to find, or 0."
    return message


def _page_values(visit: Visit, chosen: Sequence[str]) -> dict[str, Any]:
    return {"metrics": [(name, METRICS[name]) for name in ALL_METRICS], "chosen": chosen, "service": visit.public_url()}


async def _page(
    visit: Visit,
    form: dict[str, str],
    chosen: Sequence[str],
    problems: Problems,
    planned: Plan | None = None,
    status: int = 200,
) -> Response:
    models = visit.services.models.list(_MODELS, None, visit.who.models).items
    told = METRICS[planned.metric] if planned else None
    return visit.render(
        "ab_new.html",
        status,
        groups=[await _group(visit, model, name) for model, name in _named(models)],
        form=form,
        problems=problems,
        planned=planned,
        told=told,
        wanted=form.get("effect", "") + unit_of(told.kind) if told else "",
        **_page_values(visit, chosen),
    )


def _named(models: Sequence[Model]) -> list[tuple[Model, str]]:
    """Return models with their names, and their ids where two have the same name."""
    known = Counter(model.name for model in models)
    return [(model, model.name if known[model.name] == 1 else f"{model.name} ({model.id})") for model in models]


async def _group(visit: Visit, model: Model, name: str) -> Group:
    versions = (await visit.services.models.versions(model.id)).items
    whole = Choice(model.id, name if not versions else f"{name}, any version")
    each = (Choice(model.id + _BETWEEN + one.id, f"{name}, version {one.name}") for one in versions)
    return Group(name, [whole, *each])


def _wanted(form: dict[str, str], chosen: Sequence[str], problems: Problems) -> dict[str, Any]:
    """Return the test that a form means, for the record that checks it; what isn't a number is a problem."""
    split = _number(form, "split", problems, 0.01, 99.99)
    coverage = _number(form, "coverage", problems, 0.01, 100)
    days = _number(form, "days", problems, 0.01, 3650) if form.get("days", "").strip() else None
    if not form.get("name", "").strip():
        problems["name"] = "Give the test a name."
    for name in ("a", "b"):
        if not form.get(name):
            problems[name] = "Choose a model."
    config = {"traffic_split": split / 100, "coverage": coverage / 100, "metrics": list(chosen), "duration_days": days}
    return {
        "name": form.get("name", "").strip(),
        "arms": [_arm(form.get(name, "")) for name in ("a", "b")],
        "config": config,
        "start": "start" in form,
    }


def _arm(value: str) -> dict[str, str]:
    model_id, _, version_id = value.partition(_BETWEEN)
    return {"model_id": model_id, **({"version_id": version_id} if version_id else {})}


def _plan_query(form: dict[str, str], chosen: Sequence[str], problems: Problems) -> PlanQuery | None:
    """Return the question of the planning part, None where it can't be asked."""
    if problems:
        return None
    metric = chosen[0]
    told = METRICS[metric]  # type: ignore[index]
    scale = 1.0 if told.kind == "mean" else 100.0
    effect = _number(form, "effect", problems)
    split = _number(form, "split", problems, 0.01, 99.99)
    value = sd = per_day = None
    if told.kind == "rate":
        value = _number(form, "value", problems) / 100
    else:
        sd = _number(form, "sd", problems, 0.001)
    if form.get("per_day", "").strip():
        per_day = _number(form, "per_day", problems, 1, 1_000_000_000)
    if problems:
        return None
    return PlanQuery(
        metric=metric,  # type: ignore[arg-type]
        effect=effect / scale,
        value=value,
        sd=sd,
        units_per_day=per_day,
        traffic_split=split / 100,
        comparisons=len(chosen),
    )


def _number(
    form: dict[str, str], name: str, problems: Problems, least: float = -1_000_000, most: float = 1_000_000
) -> float:
    """Return a number of a form; what is none, or beyond its limits, becomes a problem and is 1."""
    try:
        number = float(form.get(name, "").strip().replace(",", "."))
    except ValueError:
        number = nan
    if least <= number <= most:
        return number
    problems[name] = f"Give a number from {least:,.10g} to {most:,.10g}."
    return 1.0


_FIELDS = {"name": "name", "arms[0]": "a", "arms[1]": "b", "config.traffic_split": "split", "arms": "split"}


def _explained(refusal: msgspec.ValidationError | Invalid) -> Problems:
    """Return what a refusal says, by the field of the form that its path means."""
    if isinstance(refusal, Invalid):
        return {_field(error.path): error.message for error in refusal.errors}
    message, _, path = str(refusal).partition(" - at `")
    return {_field(path.rstrip("`")): message}


def _field(path: str) -> str:
    bare = re.sub(r"(\[\d\])\.\w+$", r"\1", path.removeprefix("$."))
    return _FIELDS.get(bare, bare.rpartition(".")[2])
