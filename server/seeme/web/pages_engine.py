"""The settings of a model's data engine as a form: which rules are on, what they match and take, where decisions go."""

from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from seeme.domain.sampling import OF_TASK
from seeme.errors import Invalid
from seeme.records.datasets import Dataset, NewDataset
from seeme.records.engine import DryRun, DryRunRequest
from seeme.records.models import Model, ModelPatch
from seeme.web.pages_sign_in import read_form
from seeme.web.pages_view import Visit

NOTICES = {
    "saved": "Saved: it holds for what is logged from now on.",
    "learned": "Learned: the rules go by it from now on.",
    "dropped": "The reference is dropped: the plain rules hold from now on.",
}
LEARN_FROM = 10_000
SHOWN_VERSIONS = 10
SHOWN_SIZES = 20
MOST_ITEMS = 1_000_000
_NO_NUMBER = "Give a number from 0 to 100."
_NO_ITEMS = f"Give a whole number from 1 to {MOST_ITEMS:,}, or nothing for no quota."
_NO_CONDITION = "Choose at least one, or switch the rule off."
_LONG_NAME = "A name has at most 200 characters."
_DATASETS = 1000
CONDITIONS = {
    "no_detections": "no object was found",
    "high_density": "many boxes overlap",
    "unusual_size": "a box is tiny, or larger than half of the image",
    "margin": "the two best scores are closer than the margin's threshold",
    "new_class": "the label isn't among the model's own",
}


class Section(NamedTuple):
    """A rule: what it is for, for which tasks, and its numbers."""

    name: str
    title: str
    about: str
    tasks: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]


_ALL = ("classification", "detection", "regression")
_RATE = ("sample_rate", "Taken of them, in %")
SECTIONS = (
    Section(
        "low_confidence",
        "Low confidence",
        "The model is less sure than the threshold; of detections, its least sure box.",
        ("classification", "detection"),
        (("threshold", "Threshold, in %"), _RATE),
    ),
    Section(
        "edge_cases",
        "Edge cases",
        "Something is unusual: one of the chosen.",
        ("classification", "detection"),
        (_RATE,),
    ),
    Section(
        "margin",
        "Margin",
        "The two best scores are closer than the threshold.",
        ("classification",),
        (("threshold", "Threshold, in %"), _RATE),
    ),
    Section("new_class", "New class", "The label isn't among the model's own.", ("classification",), (_RATE,)),
    Section(
        "random_sample",
        "Random sample",
        "Any prediction: without it nothing is known of those that no other rule matches.",
        _ALL,
        (("rate", "Taken of all, in %"),),
    ),
    Section("negative_feedback", "Negative feedback", "Somebody voted it down or corrected it.", _ALL, ()),
)


async def engine(visit: Visit) -> Response:
    """Show the settings."""
    model = _model(visit)
    return await _page(visit, model, _shown(model), {})


async def set_engine(visit: Visit) -> Response:
    """Store the settings, or show what they would queue, or what is wrong with them at the field."""
    model = _model(visit)
    form = await read_form(visit.request)
    if visit.who.models:  # datasets are for all models
        form = {name: value for name, value in form.items() if name not in ("target_dataset_id", "new_dataset")}
    wanted, problems = _read(model, form)
    if not problems:
        try:
            return await (_try if "try" in form else _store)(visit, model, form, wanted)
        except Invalid as refusal:
            problems = {_field(error.path): error.message for error in refusal.errors}
    return await _page(visit, model, form, problems, status=422)


async def set_reference(visit: Visit) -> Response:
    """Learn what is usual from the last predictions, or drop what was learned."""
    model = _model(visit)
    form = await read_form(visit.request)
    notice = "dropped" if "drop" in form else "learned"
    try:
        if "drop" in form:
            patch = msgspec.convert({"data_engine": {"reference": None}}, ModelPatch)
            await visit.services.models.patch(model.id, patch, visit.who.holder)
        else:
            await visit.services.references.make(model.id, None, None, LEARN_FROM, visit.who.holder)
    except Invalid as refusal:
        return await _page(visit, model, _shown(model), {}, refused=str(refusal), status=422)
    return visit.redirect(visit.path("models", model.id, "data-engine", notice=notice))


async def _store(visit: Visit, model: Model, form: dict[str, str], wanted: dict[str, Any]) -> Response:
    if name := form.get("new_dataset", "").strip():
        # What is wrong with the settings is found before a dataset is made that nobody would use.
        await visit.services.dry_runs.run(model.id, msgspec.convert({"data_engine": wanted, "last": 1}, DryRunRequest))
        made, _ = await visit.services.datasets.create(NewDataset(name=name, task=model.task), visit.who)
        wanted["target_dataset_id"] = made.id
    patch = msgspec.convert({"data_engine": wanted}, ModelPatch)
    await visit.services.models.patch(model.id, patch, visit.who.holder)
    return visit.redirect(visit.path("models", model.id, "data-engine", notice="saved"))


async def _try(visit: Visit, model: Model, form: dict[str, str], wanted: dict[str, Any]) -> Response:
    asked = msgspec.convert({"data_engine": {**wanted, "enabled": True}}, DryRunRequest)
    return await _page(visit, model, form, {}, trial=await visit.services.dry_runs.run(model.id, asked))


async def _page(
    visit: Visit,
    model: Model,
    form: dict[str, str],
    problems: dict[str, str],
    trial: DryRun | None = None,
    refused: str | None = None,
    status: int = 200,
) -> Response:
    versions = (await visit.services.models.rule_sets(visit.services.database, model.id)).items
    reference = model.data_engine.reference
    sizes = sorted(reference.sizes.items(), key=lambda size: (-size[1].boxes, size[0])) if reference else []
    return visit.render(
        "engine.html",
        status,
        model=model,
        sections=_sections(model),
        conditions={name: CONDITIONS[name] for name in OF_TASK[model.task]},
        datasets=_targets(visit, model),
        form=form,
        problems=problems,
        trial=trial,
        refused=refused,
        versions=versions[: -SHOWN_VERSIONS - 1 : -1],
        sizes=sizes[:SHOWN_SIZES],
        learn_from=LEARN_FROM,
        may="admin" in visit.who.scopes,
        notice=NOTICES.get(visit.query().get("notice", "")),
    )


def _model(visit: Visit) -> Model:
    return visit.services.models.get(visit.request.path_params["model_id"])


def _targets(visit: Visit, model: Model) -> list[Dataset] | None:
    """Return the datasets that the model's decisions may go to; None for a key that is for some models only."""
    if visit.who.models:
        return None
    found = visit.services.datasets.list(_DATASETS).items
    return [dataset for dataset in found if dataset.task in (None, model.task)]


def _sections(model: Model) -> list[Section]:
    return [section for section in SECTIONS if model.task in section.tasks]


def _shown(model: Model) -> dict[str, str]:
    """Return the settings as a form sends them; what is off isn't there."""
    engine = model.data_engine
    shown = {"second_review.share": _percent(engine.second_review.share)}
    shown["target_dataset_id"] = engine.target_dataset_id or ""
    chosen = engine.edge_cases.conditions or OF_TASK[model.task]
    shown |= {f"edge_cases.conditions.{name}": "on" for name in chosen}
    shown |= {name: "on" for name in ("enabled", "auto_queue_for_review") if getattr(engine, name)}
    if engine.quota is not None:
        hourly = engine.quota.per_hour is not None
        shown |= {"quota.items": str(engine.quota.per_hour or engine.quota.per_day)}
        shown |= {"quota.per": "per_hour" if hourly else "per_day"}
    for section in _sections(model):
        part = getattr(engine, section.name)
        if part.enabled:
            shown[f"{section.name}.enabled"] = "on"
        shown |= {f"{section.name}.{name}": _percent(getattr(part, name)) for name, _ in section.fields}
    return shown


def _read(model: Model, form: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings that a form means, and what is wrong with it by field."""
    problems: dict[str, str] = {}

    def share(name: str) -> float:
        value = _share(form.get(name, ""))
        if value is None:
            problems[name] = _NO_NUMBER
        return value or 0.0

    wanted: dict[str, Any] = {name: name in form for name in ("enabled", "auto_queue_for_review")}
    for section in _sections(model):
        numbers = {name: share(f"{section.name}.{name}") for name, _ in section.fields}
        wanted[section.name] = {"enabled": f"{section.name}.enabled" in form, **numbers}
    if OF_TASK[model.task]:
        chosen = [name for name in OF_TASK[model.task] if f"edge_cases.conditions.{name}" in form]
        if not chosen and wanted["edge_cases"]["enabled"]:
            problems["edge_cases.enabled"] = _NO_CONDITION
        # None named are all, those that a later version adds too.
        wanted["edge_cases"]["conditions"] = [] if len(chosen) == len(OF_TASK[model.task]) else chosen
    if "target_dataset_id" in form:
        wanted["target_dataset_id"] = form["target_dataset_id"] or None
    if len(form.get("new_dataset", "").strip()) > 200:
        problems["new_dataset"] = _LONG_NAME
    wanted["second_review"] = {"share": share("second_review.share")}
    if "quota.items" in form:
        wanted["quota"] = _quota(form)
        if wanted["quota"] is UNSET:
            problems["quota.items"] = _NO_ITEMS
    return wanted, problems


def _quota(form: dict[str, str]) -> dict[str, int] | UnsetType | None:
    """Return the quota that a form means, None for none; UNSET when that is no number."""
    text = form["quota.items"].strip().replace(",", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:8]) <= MOST_ITEMS):
        return UNSET
    return {"per_hour" if form.get("quota.per") == "per_hour" else "per_day": int(text)}


def _percent(share: float) -> str:
    return f"{share * 100:.10g}"


def _share(text: str) -> float | None:
    """Return a share from per cent, None when it is none."""
    try:
        share = round(float(text.strip().replace(",", ".")) / 100, 12)
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _field(path: str) -> str:
    """Return the field of the form that a path of the API means."""
    name = path.removeprefix("$.data_engine.")
    if name == "edge_cases.conditions":
        return "edge_cases.enabled"
    plain = ("enabled", "auto_queue_for_review", "target_dataset_id")
    return name if "." in name or name in plain else f"{name}.enabled"
