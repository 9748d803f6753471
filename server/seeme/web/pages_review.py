"""The review queue on pages: reviewing, all items with filters, one item with who did what."""

from typing import Any, NamedTuple, cast, get_args

from starlette.responses import Response

from seeme.records.engine import DataEngine
from seeme.records.models import Model
from seeme.records.queries import ReviewQuery, from_cursor
from seeme.records.review import QueueState, Reason, ReviewStatus
from seeme.service.flagged import WHY
from seeme.web.pages_view import Visit, figure, percent, root

_ROWS = 50
NOTICES = {"undone": "Taken back: the item is yours again, to decide otherwise or to skip."}


class Rule(NamedTuple):
    """A rule of the data engine in words: what it takes, and how much of it."""

    name: str
    takes: str
    share: str


async def review(visit: Visit) -> Response:
    """Show the page on which items are decided one after the other."""
    model = _model(visit)
    state = await visit.services.flagged.state(model.id)
    return visit.render(
        "review.html", model=model, state=state, may="review" in visit.who.scopes, setup=_setup(visit, model, state)
    )


def _setup(visit: Visit, model: Model, state: QueueState) -> dict[str, Any]:
    """Return what the page's script has to know."""
    return {
        "api": f"{root(visit.request)}/v1",
        "model": model.id,
        "task": model.task,
        "labels": model.labels or [],
        "key": visit.who.reviewer,
        "holder": visit.who.holder,
        "enabled": model.data_engine.enabled,
        "item": visit.query().get("item", ""),
        "predictions": visit.path("models", model.id, "predictions"),
        "items": visit.path("models", model.id, "review", "items"),
        "counts": {"needs_review": state.needs_review, "in_review": state.in_review},
    }


async def items(visit: Visit) -> Response:
    """List the items of the queue that fit the filters in the address."""
    model = _model(visit)
    filters = _filters(visit)
    cursor = visit.query().get("cursor")
    query = ReviewQuery(
        model_id=model.id,
        limit=_ROWS,
        after=from_cursor(cursor) if cursor else None,
        **cast(dict[str, Any], filters),
    )
    return visit.render(
        "review_items.html",
        model=model,
        page=await visit.services.flagged.page(query),
        state=await visit.services.flagged.state(model.id),
        filters=filters,
        paged=bool(cursor),
        statuses=get_args(ReviewStatus),
        reasons=get_args(Reason),
        why=WHY,
    )


async def item(visit: Visit) -> Response:
    """Show one item: the prediction, why it is in the queue, what was decided, and who did what."""
    model = _model(visit)
    task = await visit.services.flagged.item(visit.request.path_params["review_id"], model.id)
    return visit.render(
        "review_item.html",
        model=model,
        task=task,
        odds=odds(task.item.pi),
        notice=NOTICES.get(visit.query().get("notice", "")),
    )


async def undo(visit: Visit) -> Response:
    """Take a decision back; the item is then held by who did that."""
    path = visit.request.path_params
    await visit.services.queue.undo(path["model_id"], path["review_id"], visit.who)
    return visit.redirect(visit.path("models", path["model_id"], "review", "items", path["review_id"], notice="undone"))


def odds(pi: float | None) -> str:
    """Return the inclusion probability in words."""
    if pi is None:
        return "It came by feedback alone, so it doesn't enter the estimate of accuracy."
    if pi >= 1:
        return "Every such prediction is taken."
    many = 1 / pi
    rounded = f"{many:,.0f}" if many >= 10 else figure(round(many, 1))
    return f"1 of {rounded} such predictions is taken, so it stands for {rounded} of them when accuracy is estimated."


def rules(engine: DataEngine) -> list[Rule]:
    """Return the rules that are on, in words."""
    low, edge, margin, new = engine.low_confidence, engine.edge_cases, engine.margin, engine.new_class
    random, others = engine.thinning.random_sample, engine.thinning.others
    close = f"the two best scores within {percent(margin.threshold)}"
    found = [
        (low.enabled, "Low confidence", f"less sure than {percent(low.threshold)}", _share(low.sample_rate, others)),
        (edge.enabled, "Edge cases", _conditions(edge.conditions), _share(edge.sample_rate, others)),
        (margin.enabled, "Margin", close, _share(margin.sample_rate, others)),
        (new.enabled, "New class", "a label that isn't the model's", _share(new.sample_rate, others)),
        (engine.random_sample.enabled, "Random sample", "any prediction", _share(engine.random_sample.rate, random)),
        (engine.negative_feedback.enabled, "Negative feedback", "voted down, corrected or called wrong", "all"),
    ]
    return [Rule(name, takes, share) for on, name, takes, share in found if on]


def _share(rate: float, kept: float) -> str:
    """Return a rate, and what a quota leaves of it for now."""
    return percent(rate) if kept >= 1 else f"{percent(rate * kept)}, thinned by the quota from {percent(rate)}"


def _conditions(conditions: list[Any]) -> str:
    return ", ".join(str(condition).replace("_", " ") for condition in conditions) or "all that fit the task"


def _model(visit: Visit) -> Model:
    return visit.services.models.get(visit.request.path_params["model_id"])


def _filters(visit: Visit) -> dict[str, str]:
    """Return the filters in the address; unknown words are passed over, as an old link is no error."""
    query = visit.query()
    known = {
        name: query[name]
        for name, kind in (("status", ReviewStatus), ("reason", Reason))
        if query.get(name) in get_args(kind)
    }
    label = query.get("label", "").strip()[:200]
    return {**known, "label": label} if label else known
