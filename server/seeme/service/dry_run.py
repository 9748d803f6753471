"""What settings of the data engine would queue, tried on the predictions that were logged last."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from seeme.clock import DAY, HOUR, to_micros
from seeme.domain import sampling
from seeme.errors import Invalid
from seeme.records.engine import DryRun, DryRunRequest, DryRunRule
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
        rules = sampling.rules_of(model.id, model.task, model.labels, engine)
        found = await self._last(model_id, request.last)
        matched, expected = await asyncio.to_thread(_judged, rules.rules if rules else (), found)
        days = self._days(found)
        return DryRun(
            predictions=len(found),
            taken=expected,
            days=days,
            items_per_day=expected / days if days else None,
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


def _judged(rules: Sequence[sampling.Rule], found: Sequence[NewPrediction]) -> tuple[Counter[str], float]:
    """Return how many predictions each rule matches, and how many are expected to be taken; many boxes take long."""
    matched: Counter[str] = Counter()
    expected = 0.0
    for one in found:
        sampled = sampling.decide(rules, one, "")
        matched.update(sampled.matched)
        expected += sampled.pi
    return matched, expected


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
