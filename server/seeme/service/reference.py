"""References of models: made from the predictions that were logged, stored as a new version of the settings."""

import asyncio
from collections.abc import Callable

from seeme.domain.reference import LEAST_IMAGES, MOST_BOXES, Seen, reference_of
from seeme.errors import invalid
from seeme.records.engine import Reference
from seeme.records.queries import PredictionQuery, from_cursor
from seeme.service.events import Events
from seeme.service.inbox import Inbox
from seeme.service.models import Models
from seeme.store import registry
from seeme.store.database import Transaction

PAGE = 1000


class References:
    """Learns what is usual for a model."""

    def __init__(self, inbox: Inbox, models: Models, events: Events, clock: Callable[[], int]) -> None:
        self._inbox = inbox
        self._models = models
        self._events = events
        self._clock = clock

    async def make(self, model_id: str, start: int | None, end: int | None, last: int, by: str) -> Reference:
        """Make a model's reference from its `last` predictions between two times; the rules go by it from now on.

        Raises:
            Invalid: for too few predictions, or a task whose rules need no reference.
        """
        task = self._models.get(model_id).task
        if task == "regression":
            raise invalid("$", "no rule for a regression goes by a reference")
        seen = await self._seen(model_id, start, end, last)
        if seen.predictions < LEAST_IMAGES:
            raise invalid(
                "$.last",
                f"a reference needs {LEAST_IMAGES} predictions that didn't fail; here are {seen.predictions:,}: "
                "name a longer time, or log more",
            )
        made = await asyncio.to_thread(reference_of, task, seen, self._clock())

        async def work(tx: Transaction) -> registry.StoredModel:
            stored = await self._models.held(tx, model_id)
            return await self._models.next_rules(tx, stored, by, reference=made)

        await self._inbox.run(work, self._models.remember)
        return made

    async def _seen(self, model_id: str, start: int | None, end: int | None, last: int) -> Seen:
        seen, left, after = Seen(), last, None
        while left and len(seen.share) < MOST_BOXES:
            query = PredictionQuery(model_id=model_id, start=start, end=end, limit=min(left, PAGE), after=after)
            page = await self._events.list_predictions(query)
            await asyncio.to_thread(seen.add, page.items)
            left -= len(page.items)
            if page.next_cursor is None:
                break
            after = from_cursor(page.next_cursor)
        return seen
