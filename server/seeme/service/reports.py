"""Numbers by period, from the sums alone, and the rebuild of sums from rows."""

from collections.abc import Callable
from functools import partial

from seeme.clock import DAY, WEEK
from seeme.domain import periods, sums
from seeme.domain.metrics import Subject, of_period
from seeme.errors import invalid
from seeme.records.metrics import PeriodMetrics, Rebuilt
from seeme.records.queries import MetricsQuery
from seeme.service import recount
from seeme.service.accuracy import Accuracy
from seeme.service.inbox import Inbox
from seeme.service.intake import FINE_KEPT
from seeme.service.models import Models
from seeme.store import events, strata
from seeme.store.database import Reader, Transaction
from seeme.store.sums import Sums, vectors

MOST_PERIODS = 2_500
FIRST, LAST = -62_104_060_800_000_000, 253_370_764_800_000_000  # beyond them the ends of a period can't be written


class Reports:
    """What the sums say."""

    def __init__(
        self,
        reader: Reader,
        inbox: Inbox,
        models: Models,
        store: Sums,
        accuracy: Accuracy,
        clock: Callable[[], int],
    ) -> None:
        self._reader = reader
        self._accuracy = accuracy
        self._inbox = inbox
        self._models = models
        self._sums = store
        self._clock = clock

    async def metrics(self, model_id: str, query: MetricsQuery) -> list[PeriodMetrics]:
        """Return one row per period, oldest first, empty periods too."""
        spans = self._spans(query)
        rows: dict[int, list[bytes]] = {}
        for at, blob in await self._vectors(model_id, query, spans):
            rows.setdefault(periods.start_of(query.period, at), []).append(blob)
        subject = await self._subject(model_id)
        reviewed = await self._accuracy.by_period(model_id, query.period, spans, query.version_id)
        now = self._clock()
        return [
            of_period(
                one,
                sums.total(rows.get(one.start, [])),
                subject,
                partial=one.start <= now < one.stop,
                reviewed=reviewed.get(one.start),
            )
            for one in spans
        ]

    async def total(self, model_id: str, query: MetricsQuery) -> PeriodMetrics:
        """Return the numbers of all periods of a query as one; quantiles can't be had from those of parts."""
        spans = self._spans(query)
        whole = periods.Span(f"{spans[0].name}/{spans[-1].name}", spans[0].start, spans[-1].stop)
        found = [blob for _, blob in await self._vectors(model_id, query, spans)]
        partial = whole.start <= self._clock() < whole.stop
        subject = await self._subject(model_id)
        # Reviews are counted by whole days, also of a range that begins within one.
        first, stop = whole.start // DAY * DAY, -(-whole.stop // DAY) * DAY
        reviewed = await self._accuracy.whole(model_id, first, stop, query.version_id)
        return of_period(whole, sums.total(found), subject, partial=partial, reviewed=reviewed)

    def _spans(self, query: MetricsQuery) -> list[periods.Span]:
        end = self._clock() if query.end is None else query.end
        width = periods.WIDTHS[query.period]
        start = end - (query.lookback_weeks * WEEK - width) if query.start is None else query.start
        if start < FIRST or end >= LAST:
            raise invalid("$.end_date" if end >= LAST else "$.start_date", "periods are those of the years 2 to 9998")
        if start > end:
            raise invalid("$.start_date", "lies after end_date")
        if (end - start) // width >= MOST_PERIODS:
            raise invalid("$.period", f"this would be more than {MOST_PERIODS:,} periods; take a shorter time")
        return periods.spans(query.period, start, end)

    async def _vectors(self, model_id: str, query: MetricsQuery, spans: list[periods.Span]) -> list[tuple[int, bytes]]:
        self._models.get(model_id)
        grain = sums.HOURLY if query.period == "hour" else sums.DAILY
        return await vectors(self._reader, model_id, grain, spans[0].start, spans[-1].stop, query.version_id)

    async def _subject(self, model_id: str) -> Subject:
        model = self._models.get(model_id)
        labels = await events.label_positions(self._reader, model_id)
        return Subject(model.task, list(labels), model.config.labels_complete)

    async def rebuild(self, model_id: str, start: int | None, end: int | None) -> Rebuilt:
        """Make the sums of whole days again from rows; days that have lost rows to retention are refused."""
        self._models.get(model_id)
        days, changed, refused = [], [], {}
        for day, thinned in await recount.days(self._reader, model_id, start, end):
            name = periods.name_of("day", day)
            if thinned:
                refused[name] = "rows of this day were deleted by retention, so its sums can't be made again"
                continue
            days.append(name)
            if await self._inbox.run(partial(self._rebuild_day, model_id, day)):
                changed.append(name)
        return Rebuilt(days=days, changed=changed, refused=refused)

    async def _rebuild_day(self, model_id: str, day: int, tx: Transaction) -> bool:
        await tx.hold([model_id], alone=True)
        delta = await recount.day(tx, model_id, day)
        counted = await recount.strata_day(tx, model_id, day)
        wrong = bool(await strata.differences(tx, model_id, day, counted))
        if wrong:
            await strata.replace(tx, model_id, day, counted, self._sums.writer)
        if not await recount.differences(tx, model_id, day, delta):
            return wrong
        await self._sums.replace(tx, model_id, day, day + DAY, delta, self._clock() - FINE_KEPT)
        return True
