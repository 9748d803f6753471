"""Quotas of review queues: looked at every minute, and kept by thinner rates from then on, as a new version."""

from collections.abc import Callable
from functools import partial

from seeme.domain import quota, sampling
from seeme.errors import NotFound
from seeme.records.models import Model
from seeme.service.inbox import Inbox
from seeme.service.models import Models
from seeme.store import registry, strata
from seeme.store.database import Transaction

MADE_BY = "quota"


class Quotas:
    """Keeps the models' quotas."""

    def __init__(self, inbox: Inbox, models: Models, clock: Callable[[], int]) -> None:
        self._inbox = inbox
        self._models = models
        self._clock = clock

    async def keep(self) -> None:
        """Look at every model with a quota, and make its rates thinner or less thin where that is needed."""
        for model in self._models.live():
            if _has_quota(model):
                await self._inbox.run(partial(self._keep_one, model.id), self._take)

    def _take(self, stored: registry.StoredModel | None) -> None:
        if stored is not None:
            self._models.remember(stored)

    async def _keep_one(self, model_id: str, tx: Transaction) -> registry.StoredModel | None:
        """Return a model as it is stored when its rates were changed."""
        try:
            stored = await self._models.held(tx, model_id)
        except NotFound:
            return None
        engine, at = stored.model.data_engine, self._clock()
        if not _has_quota(stored.model) or engine.quota is None:
            return None
        most, width = quota.most_of(engine.quota)
        known = await strata.pace(tx, model_id)
        if known is None or known.width != width:
            first = engine.version - 1
            pace = quota.began(width, at, first, await strata.totals(tx, model_id, first))
        else:
            pace = quota.advanced(known, at, engine.version, await strata.totals(tx, model_id, known.rule_set))
        rates = sampling.rates(stored.model.task, engine)
        thinning = quota.changed(pace, rates, engine.thinning, most, at)
        if thinning is None:
            if pace != known:
                await strata.set_pace(tx, model_id, pace)
            return None
        await strata.set_pace(tx, model_id, quota.marked(pace, at))
        return await self._models.next_rules(tx, stored, MADE_BY, thinning=thinning)


def _has_quota(model: Model) -> bool:
    engine = model.data_engine
    return engine.enabled and engine.auto_queue_for_review and engine.quota is not None
