"""The pages of models: the list, one model with its charts and tables, one prediction."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple, cast, get_args

from starlette.responses import JSONResponse, Response

from seeme.clock import to_micros
from seeme.records.accuracy import AccuracyReport
from seeme.records.feedback import Feedback, FeedbackStatus, FeedbackType, ReviewState
from seeme.records.metrics import PeriodMetrics
from seeme.records.models import Model
from seeme.records.predictions import Prediction
from seeme.records.queries import FeedbackQuery, MetricsQuery, PredictionQuery, from_cursor
from seeme.records.types import Page
from seeme.web.pages_charts import RANGES, Range, chart_data, charts, label_mix, sparkline, tiles
from seeme.web.pages_feedback import FILTERS, NOTICES
from seeme.web.pages_quarantine import held, notice_of
from seeme.web.pages_review import rules
from seeme.web.pages_view import HEADERS, Visit

_ROWS = 12
_MODELS = 50


class Card(NamedTuple):
    """One model in the list: what happened in the last seven days, and when it was last heard of."""

    model: Model
    predictions: int
    thumbs_up: int
    thumbs_down: int
    spark: str
    latest: Prediction | None


async def models(visit: Visit) -> Response:
    """List the models that the visitor may see."""
    page = visit.services.models.list(_MODELS, visit.query().get("cursor"), visit.who.models)
    cards = [await _card(visit, model) for model in page.items]
    return visit.render("models.html", cards=cards, next_cursor=page.next_cursor)


async def _card(visit: Visit, model: Model) -> Card:
    week = MetricsQuery(period="day", start=to_micros(visit.days_ago(6)), end=to_micros(visit.at()))
    days = await visit.services.reports.metrics(model.id, week)
    latest = await visit.services.events.list_predictions(PredictionQuery(model_id=model.id, limit=1))
    return Card(
        model,
        predictions=sum(day.predictions for day in days),
        thumbs_up=sum(day.thumbs_up for day in days),
        thumbs_down=sum(day.thumbs_down for day in days),
        spark=sparkline([day.predictions for day in days if not day.partial]),  # a running day would look like a fall
        latest=latest.items[0] if latest.items else None,
    )


async def model(visit: Visit) -> Response:
    """Show one model: headline numbers, charts, labels, recent predictions, recent feedback."""
    shown = visit.services.models.get(visit.request.path_params["model_id"])
    query = visit.query()
    chosen = RANGES.get(query.get("period", ""), RANGES["day"])
    items = await _metrics(visit, shown, chosen)
    pictures = charts(shown.task, items)
    feedback = await _feedback(visit, shown)
    predictions = await _predictions(visit, shown)
    return visit.render(
        "model.html",
        model=shown,
        versions={version.id: version.name for version in (await visit.services.models.versions(shown.id)).items},
        ranges=RANGES.values(),
        chosen=chosen,
        tiles=tiles(shown.task, await _total(visit, shown, chosen, items)),
        charts=pictures,
        data=chart_data(chosen, items, pictures),
        items=items,
        bars=label_mix(items),
        predictions=predictions,
        opinions=[await _opinions(visit, item) for item in predictions.items],
        feedback=feedback,
        digest=_digest(feedback),
        filters=_filters(visit),
        pending=_pending(shown),
        paged=bool(query.get("cursor") or query.get("predictions")),
        held=await held(visit, shown),
        queue=await visit.services.flagged.state(shown.id),
        report=await _report(visit, shown, items),
        rules=rules(shown.data_engine),
        notice=NOTICES.get(query.get("notice", "")) or notice_of(query),
        types=get_args(FeedbackType),
        statuses=get_args(FeedbackStatus),
        reviews=get_args(ReviewState),
    )


async def _report(visit: Visit, shown: Model, items: Sequence[PeriodMetrics]) -> AccuracyReport | None:
    """Return what reviews tell of the range's days; None where nothing was ever chosen for review."""
    if not shown.data_engine.version or not items:
        return None
    return await visit.services.accuracy.report(shown.id, to_micros(items[0].start), to_micros(items[-1].end) - 1)


async def latest(visit: Visit) -> Response:
    """Tell the open page of a model, in a few bytes, whether its feedback has changed."""
    shown = visit.services.models.get(visit.request.path_params["model_id"])
    return JSONResponse({"digest": _digest(await _feedback(visit, shown))}, headers=HEADERS)


async def prediction(visit: Visit) -> Response:
    """Show one prediction: its input, what the model said, and what people said."""
    path = visit.request.path_params
    shown = visit.services.models.get(path["model_id"])
    found = await visit.services.events.prediction(path["prediction_id"], shown.id)
    query = FeedbackQuery(model_id=shown.id, prediction_id=found.id, limit=100)
    versions = (await visit.services.models.versions(shown.id)).items
    return visit.render(
        "prediction.html",
        model=shown,
        prediction=found,
        detections=found.detections or [],
        versions={version.id: version.name for version in versions},
        feedback=await visit.services.events.list_feedback(query),
        notice=NOTICES.get(visit.query().get("notice", "")),
    )


async def _metrics(visit: Visit, shown: Model, chosen: Range) -> list[PeriodMetrics]:
    query = MetricsQuery(
        period=chosen.period,
        start=to_micros(visit.days_ago(chosen.days)),
        end=to_micros(visit.at()),
    )
    return (await visit.services.reports.metrics(shown.id, query))[-chosen.periods :]


async def _total(visit: Visit, shown: Model, chosen: Range, items: list[PeriodMetrics]) -> PeriodMetrics:
    query = MetricsQuery(period=chosen.period, start=to_micros(items[0].start), end=to_micros(visit.at()))
    return await visit.services.reports.total(shown.id, query)


async def _predictions(visit: Visit, shown: Model) -> Page[Prediction]:
    cursor = visit.query().get("predictions")
    query = PredictionQuery(model_id=shown.id, limit=_ROWS, after=from_cursor(cursor) if cursor else None)
    return await visit.services.events.list_predictions(query)


async def _opinions(visit: Visit, item: Prediction) -> list[Feedback]:
    """Return the feedback that counts on one prediction: a read on an index, a dozen of them on a page."""
    query = FeedbackQuery(model_id=item.model_id, prediction_id=item.id, status="active", limit=3)
    return (await visit.services.events.list_feedback(query)).items


def _filters(visit: Visit) -> dict[str, str]:
    """Return the filters in the address; unknown words are passed over, as an old link is no error."""
    query = visit.query()
    return {name: query[name] for name, choices in FILTERS.items() if query.get(name) in get_args(choices)}


def _pending(shown: Model) -> dict[str, str]:
    """Return the filters that leave what users corrected and nobody has judged yet."""
    # Of an image people correct single boxes, in four kinds.
    kind = {} if shown.task == "detection" else {"feedback_type": "correction"}
    return {**kind, "status": "active", "review": "pending"}


async def _feedback(visit: Visit, shown: Model) -> Page[Feedback]:
    cursor = visit.query().get("cursor")
    filters = cast(dict[str, Any], _filters(visit))
    after = from_cursor(cursor) if cursor else None
    query = FeedbackQuery(model_id=shown.id, limit=_ROWS, after=after, **filters)
    return await visit.services.events.list_feedback(query)


def _digest(page: Page[Feedback]) -> str:
    state = "|".join(f"{item.id} {item.status} {item.review} {item.updated_at}" for item in page.items)
    return sha256(state.encode()).hexdigest()[:16]
