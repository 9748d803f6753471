"""What settings of the data engine would queue, tried on the predictions that were logged last."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from msgspec import structs

from seeme.clock import DAY, HOUR, to_micros
from seeme.domain import quota, sampling
from seeme.errors import Invalid
from seeme.records.engine import DataEngine, DryRun, DryRunRequest, DryRunRule, Thinning
from seeme.records.predictions import NewPrediction, Prediction
from seeme.records.queries import PredictionQuery, from_cursor
from seeme.service.events import Events
from seeme.service.models import Models

PAGE = 1000


class DryRuns:
    """Tries settings without setting them."""

    def __init__(self, models: Models, events: Events, clock: Callable[[], int]) -> None:
        self._models = models
        self._events = events
        self._clock = clock

    async def run(self, model_id: str, request: DryRunRequest) -> DryRun:
        """Return how many of the last predictions each rule matches, and how many items a day it would queue.

        Raises:
            Invalid: the model couldn't act on these settings.
        """
        model = self._models.get(model_id)
        wrong = sampling.contradiction(request.data_engine)
        engine = sampling.merged(model.data_engine, request.data_engine)
        wrong = wrong or sampling.misfit(model.task, model.labels, engine)
        if wrong is not None:
            raise Invalid(wrong.message, errors=(wrong,))
        as_set = structs.replace(engine, thinning=Thinning())
        rules = sampling.rules_of(model.id, model.task, model.labels, as_set)
        found = await self._last(model_id, request.last)
        counts = await asyncio.to_thread(_judged, rules.rules if rules else (), found)
        rates = sampling.rates(model.task, engine)
        expected, matched = quota.expected(counts, rates), _by_rule(counts)
        days = self._days(found)
        thinning, left = _in_quota(engine, counts, rates, days)
        return DryRun(
            predictions=len(found),
            taken=expected,
            days=days,
            items_per_day=expected / days if days else None,
            thinning=thinning,
            items_per_day_in_quota=left,
            rules=[
                DryRunRule(
                    rule=rule.name,
                    rate=rule.rate,
                    matched=matched[rule.name],
                    items_per_day=matched[rule.name] * rule.rate / days if days else None,
                )
                for rule in (rules.rules if rules else ())
            ],
        )

    async def _last(self, model_id: str, count: int) -> list[NewPrediction]:
        found: list[NewPrediction] = []
        after = None
        while len(found) < count:
            query = PredictionQuery(model_id=model_id, limit=min(count, PAGE), after=after)
            page = await self._events.list_predictions(query)
            found += [_as_sent(one) for one in page.items if one.error is None]
            if page.next_cursor is None:
                break
            after = from_cursor(page.next_cursor)
        return found[:count]

    def _days(self, found: list[NewPrediction]) -> float | None:
        """Return over how many days these came, from the oldest one to now; None for less than an hour."""
        times = [to_micros(one.created_at) for one in found if one.created_at is not None]
        span = self._clock() - min(times, default=self._clock())
        return span / DAY if span >= HOUR else None


def _judged(rules: Sequence[sampling.Rule], found: Sequence[NewPrediction]) -> Counter[str]:
    """Return how many predictions match which rules together; many boxes take long."""
    return Counter(",".join(sampling.decide(rules, one, "").matched) for one in found)


def _by_rule(counts: Mapping[str, int]) -> Counter[str]:
    matched: Counter[str] = Counter()
    for names, n in counts.items():
        matched.update(dict.fromkeys(names.split(","), n))
    return matched


def _in_quota(
    engine: DataEngine, counts: Mapping[str, int], rates: Mapping[str, float], days: float | None
) -> tuple[Thinning | None, float | None]:
    """Return by how much a quota would thin rates, and the items a day that are left."""
    if engine.quota is None or not days:
        return None, None
    most, width = quota.most_of(engine.quota)
    share = width / DAY / days
    usual = {matched: n * share for matched, n in counts.items()}
    thinning = quota.kept(usual, rates, most)
    return thinning, quota.expected(usual, sampling.thinned(rates, thinning)) * DAY / width


def _as_sent(one: Prediction) -> NewPrediction:
    """Return a stored prediction as far as rules look at it."""
    return NewPrediction(
        model_id=one.model_id,
        created_at=one.created_at,
        label=one.label,
        confidence=one.confidence,
        scores=one.scores,
        value=one.value,
        detections=one.detections,
        image_size=one.image_size,
    )
