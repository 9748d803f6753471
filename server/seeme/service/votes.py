"""Which feedback counts: of the feedback of one slot (prediction, kind, voter) the latest by (created_at, id)."""

from collections import defaultdict
from collections.abc import Sequence

from seeme.domain import sums, units
from seeme.records.rows import EventKey, FeedbackRow, Target
from seeme.store import events
from seeme.store.database import Transaction

Targets = dict[EventKey, Target]
_KNOWN = "subject:"


def voter_of(subject: bytes) -> str:
    """Return the name of a voter in slots, from the hash of a subject."""
    return subject.hex()


def slot_of(
    feedback_type: str,
    id: str,
    supersedes: str | None,
    detection_index: int | None,
    voter: str | None,
    of_page: bool = False,
) -> str:
    """Return the slot that feedback competes in.

    A known voter (a subject that a secret key or token vouches for) has one voice per prediction and kind. Anybody
    else is known only by the id of the first feedback of a chain, which later ones name in `supersedes`; pages, whose
    key everybody can read, have chains of their own, as ids of a customer's server may be guessed.
    """
    first = f"{'page' if of_page else 'first'}:{supersedes or id}"
    person = f"{_KNOWN}{voter}" if voter is not None else first
    if voter is not None and feedback_type in ("comment", "missed_object"):  # of these one person may have many
        person = f"{person} {first}"
    if feedback_type in ("rating", "correction", "comment", "missed_object"):
        return f"{feedback_type} {person}"
    return f"detection {'all' if detection_index is None else detection_index} {person}"


def is_known(slot: str) -> bool:
    """Say whether somebody vouches for who is heard in a slot."""
    return f" {_KNOWN}" in slot


def _order(row: FeedbackRow) -> tuple[int, str]:
    return row.created_at, row.id


class Tally:
    """What a batch of feedback does to the sums and to the ratings kept with each prediction."""

    def __init__(self, targets: Targets, delta: sums.Delta) -> None:
        self.targets = targets
        self.delta = delta
        self.ratings: defaultdict[EventKey, int] = defaultdict(int)

    def count(self, row: FeedbackRow, sign: int) -> None:
        """Add an active feedback to its prediction's bucket, or take it away."""
        key = (row.model_id, row.prediction_id)
        target = self.targets.get(key)
        if target is None:  # the prediction's row has expired: its sums stay as they were
            return
        self.delta.add(
            target.model_id,
            target.version_id,
            target.arm,
            target.created_at,
            sums.of_feedback(row.feedback_type, row.rating),
            sign,
        )
        if row.rating:
            self.ratings[key] += sign
            units.count_vote(self.delta, target, row.rating, sign)

    async def store(self, tx: Transaction) -> None:
        """Write the changed ratings, and count the predictions that became rated or unrated."""
        for key, change in self.ratings.items():
            target = self.targets[key]
            before, after = target.ratings, target.ratings + change
            target.ratings = after
            if (before > 0) != (after > 0):
                sign = 1 if after > 0 else -1
                self.delta.add(target.model_id, target.version_id, target.arm, target.created_at, sums.of_rated(), sign)
                units.count_rated(self.delta, target, sign)
        await events.add_ratings(tx, self.ratings)


async def settle(tx: Transaction, arrivals: Sequence[FeedbackRow], tally: Tally) -> list[FeedbackRow]:
    """Decide which feedback of each slot is active, now that `arrivals` have come; return those that lost their place.

    Arrivals get their status; the caller stores them. Rows returned are stored already, with a status to update.
    """
    slots: defaultdict[tuple[str, str, str], list[FeedbackRow]] = defaultdict(list)
    for row in arrivals:
        slots[row.model_id, row.prediction_id, row.slot].append(row)
    active = await events.active_in_slots(tx, slots)
    previous = {(row.model_id, row.prediction_id, row.slot): row for row in active}
    overtaken = []
    for key, rows in slots.items():
        before = previous.get(key)
        winner = max([*rows, before] if before else rows, key=_order)
        for row in rows:
            row.status = "active" if row is winner else "superseded"
            row.status_reason = None
        if winner is before:
            continue
        if before is not None:
            before.status = "superseded"
            before.updated_at = winner.updated_at
            tally.count(before, -1)
            overtaken.append(before)
        tally.count(winner, 1)
    return overtaken


async def withdraw(tx: Transaction, row: FeedbackRow, tally: Tally) -> FeedbackRow | None:
    """Take active feedback out of the counts; return the one of its slot that is active instead, to be stored."""
    if row.status != "active":
        return None
    tally.count(row, -1)
    successor = await events.slot_successor(tx, row)
    if successor is not None:
        successor.status = "active"
        successor.status_reason = None
        tally.count(successor, 1)
    return successor
