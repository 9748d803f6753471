"""Which feedback is kept aside, uncounted, for a person to look at: misfits, bad tokens, duplicates and bursts."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from seeme.clock import HOUR, SECOND
from seeme.domain import fit
from seeme.errors import FieldError
from seeme.records.models import Model
from seeme.records.rows import EventKey, FeedbackRow
from seeme.service.votes import Targets, is_known
from seeme.settings import Settings
from seeme.store import events
from seeme.store.database import Transaction

BURST_WINDOW = HOUR
DUPLICATE_WINDOW = 10 * SECOND


class _Heard:
    """What is known of predictions before a batch, and so far in it."""

    def __init__(self) -> None:
        self.busy: set[EventKey] = set()  # predictions that come near the limit of votes
        self.slots: set[tuple[str, str, str]] = set()  # who has a vote there already
        self.votes: defaultdict[EventKey, list[int]] = defaultdict(list)  # when votes of pages there were received
        self.chains: set[tuple[str, str, str]] = set()  # of unknown people who changed their minds
        self.said: defaultdict[events.Content, list[tuple[int, str]]] = defaultdict(list)  # by unknown people, and when

    def take(self, row: FeedbackRow) -> None:
        """Remember feedback that counts."""
        key = (row.model_id, row.prediction_id)
        if key in self.busy and row.rating:
            if _is_of_page(row) and (*key, row.slot) not in self.slots:
                self.votes[key].append(row.received_at)
            self.slots.add((*key, row.slot))
        if _is_unknown(row):
            self.chains.add((*key, row.slot))
            self.said[events.content(row)].append((row.received_at, row.id))

    def could_repeat(self, row: FeedbackRow) -> bool:
        """Say whether nobody knows who sent it, and it replaces nothing that is there."""
        return _is_unknown(row) and (row.supersedes is None or (*_key(row), row.slot) not in self.chains)


class Quarantine:
    """Sorts feedback whose prediction is there, each by the time of its receipt, whenever that prediction came."""

    def __init__(self, settings: Settings, model: Callable[[str], Model]) -> None:
        self._most = settings.burst_votes
        self._model = model

    def misfit(self, row: FeedbackRow, targets: Targets) -> FieldError | None:
        """Return why feedback doesn't fit its prediction."""
        target = targets[row.model_id, row.prediction_id]
        return fit.feedback_misfit(
            self._model(row.model_id).task,
            row.feedback_type,
            correct_label=row.correct_label,
            correct_value=row.correct_value,
            detection_index=row.detection_index,
            detections=target.detection_count or 0,
        )

    async def sort(self, tx: Transaction, rows: Sequence[FeedbackRow], targets: Targets) -> list[FeedbackRow]:
        """Return the rows that count; the others get their status and the reason, whose first word is the cause."""
        heard = _Heard()
        await self._hear_votes(tx, rows, targets, heard)
        await self._hear_words(tx, rows, heard)
        counted = []
        for row in sorted(rows, key=lambda row: row.received_at):
            reason = self._reason(row, targets, heard)
            if reason is None:
                heard.take(row)
                counted.append(row)
            else:
                row.status, row.status_reason = "quarantined", reason
        return counted

    def _reason(self, row: FeedbackRow, targets: Targets, heard: _Heard) -> str | None:
        wrong = self.misfit(row, targets)
        if wrong is not None:  # an orphan whose prediction is another than it thought: a person decides
            return f"misfit: {wrong.message}"
        if row.status_reason is not None:  # its token was found wanting when it came
            return row.status_reason
        if not _is_of_page(row):
            return None
        return _duplicate(row, heard) or self._burst(row, heard)

    def _burst(self, row: FeedbackRow, heard: _Heard) -> str | None:
        key = (row.model_id, row.prediction_id)
        if key not in heard.busy or not row.rating or (*key, row.slot) in heard.slots:  # a change of mind adds no vote
            return None
        have = sum(row.received_at - BURST_WINDOW < at <= row.received_at for at in heard.votes[key])
        return f"burst: the prediction had {have} votes within an hour" if have >= self._most else None

    async def _hear_votes(self, tx: Transaction, rows: Sequence[FeedbackRow], targets: Targets, heard: _Heard) -> None:
        """Ask for the votes on predictions that have, with those that have come now, as many as make a burst."""
        votes = [row for row in rows if row.rating]
        coming = Counter((row.model_id, row.prediction_id) for row in votes if _is_of_page(row))
        heard.busy = {key for key, count in coming.items() if targets[key].ratings + count > self._most}
        votes = [row for row in votes if (row.model_id, row.prediction_id) in heard.busy]
        if not votes:
            return
        slots = [(row.model_id, row.prediction_id, row.slot) for row in votes]
        active = await events.active_in_slots(tx, slots)
        heard.slots = {(row.model_id, row.prediction_id, row.slot) for row in active if row.rating}
        for key, at in await events.page_votes(tx, _spans(votes, BURST_WINDOW, 0)):
            heard.votes[key].append(at)

    async def _hear_words(self, tx: Transaction, rows: Sequence[FeedbackRow], heard: _Heard) -> None:
        """Ask what unknown people have said in the same words at about the same time."""
        slots = [(*_key(row), row.slot) for row in rows if _is_unknown(row) and row.supersedes is not None]
        if slots:
            heard.chains = {(*_key(row), row.slot) for row in await events.active_in_slots(tx, slots)}
        news = [row for row in rows if heard.could_repeat(row)]
        if not news:
            return
        spans = _spans(news, DUPLICATE_WINDOW, DUPLICATE_WINDOW)
        for row in await events.lookalikes(tx, {(events.content(row), *spans[_key(row)]) for row in news}):
            if _is_unknown(row):
                heard.said[events.content(row)].append((row.received_at, row.id))


def _key(row: FeedbackRow) -> EventKey:
    return row.model_id, row.prediction_id


def _spans(rows: Sequence[FeedbackRow], before: int, after: int) -> dict[EventKey, tuple[int, int]]:
    """Return for each prediction the time around its rows' receipts; orphans may have come long ago."""
    spans: dict[EventKey, tuple[int, int]] = {}
    for row in rows:
        first, last = spans.get(_key(row), (row.received_at - before, row.received_at + after))
        spans[_key(row)] = min(first, row.received_at - before), max(last, row.received_at + after)
    return spans


def _is_of_page(row: FeedbackRow) -> bool:
    return row.key_id.startswith("pk_")


def _is_unknown(row: FeedbackRow) -> bool:
    return _is_of_page(row) and not is_known(row.slot)


def _duplicate(row: FeedbackRow, heard: _Heard) -> str | None:
    if not heard.could_repeat(row):
        return None
    for at, id in heard.said[events.content(row)]:
        if abs(row.received_at - at) < DUPLICATE_WINDOW:
            return f"duplicate: it says the same as {id}, received within {DUPLICATE_WINDOW // SECOND} seconds"
    return None
