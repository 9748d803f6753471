"""Accuracy from review: strata and confusions become an estimate, for a time or period by period."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

from seeme.clock import DAY, from_micros
from seeme.domain import periods
from seeme.domain.classes import Cell, class_table
from seeme.domain.estimation import estimate
from seeme.domain.periods import Span
from seeme.domain.strata import Stratum
from seeme.errors import Unavailable
from seeme.records.accuracy import AccuracyEstimate, AccuracyReport
from seeme.records.queries import Period
from seeme.service.models import Models
from seeme.store import strata
from seeme.store.database import Reader, Row
from seeme.store.reading import FIRST, LAST

TRIES = 20
LAST_TIME = 253_402_300_799_999_999  # the end of the year 9999


class Accuracy:
    """What reviews say of all predictions, the unreviewed ones too."""

    def __init__(self, reader: Reader, models: Models) -> None:
        self._reader = reader
        self._models = models

    async def report(
        self, model_id: str, start: int | None, end: int | None, version_id: str | None = None
    ) -> AccuracyReport:
        """Return the estimate for the predictions of whole days (UTC, both included), by stratum and by class."""
        model = self._models.get(model_id)
        first = FIRST if start is None else start // DAY * DAY
        stop = LAST if end is None else end // DAY * DAY + DAY
        rows, cells, copies = await self._read(model_id, first, stop, version_id)
        table = None
        if model.task == "classification":
            table = class_table(
                [
                    Cell((row["rule_set"], strata.rules(row["matched"])), row["predicted"], row["actual"], row["n"])
                    for row in cells
                ],
                [strata.to_stratum(row) for row in rows],
                repeats=[strata.to_repeat(row) for row in copies],
            )
        return AccuracyReport(
            model_id=model_id,
            version_id=version_id,
            start=None if start is None else from_micros(first),
            end=None if end is None else from_micros(min(stop, LAST_TIME)),
            accuracy=_estimate(rows, copies),
            classes=table,
        )

    async def _read(
        self, model_id: str, first: int, stop: int, version_id: str | None
    ) -> tuple[Sequence[Row], Sequence[Row], Sequence[Row]]:
        """Return strata, confusions and copies of one moment: read again when somebody decided in between."""
        for _ in range(TRIES):
            rows = await strata.between(self._reader, model_id, first, stop, version_id)
            cells = await strata.confusions(self._reader, model_id, first, stop, version_id)
            copies = await strata.repeats(self._reader, model_id, first, stop, version_id)
            again = await strata.between(self._reader, model_id, first, stop, version_id)
            if [dict(row) for row in rows] == [dict(row) for row in again]:
                return rows, cells, copies
        raise Unavailable("decisions come too fast to count them; ask again", retry_after=1)

    async def whole(self, model_id: str, start: int, stop: int, version_id: str | None) -> AccuracyEstimate | None:
        """Return the estimate of all days between two times; None for a model whose data engine was never on."""
        if not self._models.get(model_id).data_engine.version:
            return None
        rows = await strata.between(self._reader, model_id, start, stop, version_id)
        return _estimate(rows, await strata.repeats(self._reader, model_id, start, stop, version_id))

    async def by_period(
        self, model_id: str, period: Period, spans: Sequence[Span], version_id: str | None
    ) -> dict[int, AccuracyEstimate]:
        """Return the estimates of days or weeks by their start; none for a model whose data engine was never on."""
        if not self._models.get(model_id).data_engine.version or period == "hour":
            return {}
        groups: defaultdict[int, list[Row]] = defaultdict(list)
        copies: defaultdict[int, list[Row]] = defaultdict(list)
        for row in await strata.between(self._reader, model_id, spans[0].start, spans[-1].stop, version_id):
            groups[periods.start_of(period, row["day"])].append(row)
        for row in await strata.repeats(self._reader, model_id, spans[0].start, spans[-1].stop, version_id):
            copies[periods.start_of(period, row["created_at"])].append(row)
        return {start: _estimate(rows, copies[start]) for start, rows in groups.items()}


def _estimate(rows: Sequence[Row], copies: Sequence[Row]) -> AccuracyEstimate:
    """Return the estimate from the strata of days and versions, of any number of writers, and from what was copied."""
    parts: defaultdict[tuple[int, str], list[Stratum]] = defaultdict(list)
    for row in rows:
        parts[row["day"], row["version_id"]].append(strata.to_stratum(row))
    repeats = [strata.to_repeat(row) for row in copies]
    return estimate(chain.from_iterable(parts.values()), parts=parts.values(), repeats=repeats)
