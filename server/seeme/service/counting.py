"""What reviewing does to the strata: decisions about predictions that a rule took count, second reviews don't."""

from seeme.domain import strata
from seeme.records.rows import ReviewRow
from seeme.store import review
from seeme.store.database import Transaction
from seeme.store.strata import Strata, key_of


def decision(counted: Strata, item: ReviewRow, sign: int) -> None:
    """Count the decision about an item, or take it away; an unusable input is one that couldn't be judged."""
    if item.round == 2 or item.rule_set is None or item.pi is None:
        return
    key = key_of(item.model_id, item, item.rule_set, item.matched)
    if item.was_right is None:
        counted.add(key, item.pi, strata.of_unusable(), sign)
    else:
        decided = strata.of_decided(bool(item.was_right), item.confidence, in_order=bool(item.in_order))
        counted.add(key, item.pi, decided, sign)
        actual = item.label if item.was_right else item.decided_label
        if item.label is not None and actual is not None:
            counted.confuse(key, item.label, actual, sign)


async def catch_up(tx: Transaction, counted: Strata, item: ReviewRow) -> None:
    """Count as in order what was decided out of order, once an item has had its turn and none before these waits."""
    if item.round == 1 and item.rule_set is not None and item.pi is not None:
        for row in await review.bring_in_order(tx, item):
            if row.pi is not None:
                key = key_of(row.model_id, row, item.rule_set, item.matched)
                counted.add(key, row.pi, strata.of_turn_come())


def expiry(counted: Strata, item: ReviewRow) -> None:
    """Count that an open item went with its prediction."""
    if item.round == 1 and item.rule_set is not None and item.pi is not None:
        counted.add(key_of(item.model_id, item, item.rule_set, item.matched), item.pi, strata.of_expired())


def skip(counted: Strata, item: ReviewRow, sign: int = 1) -> None:
    """Count that an item was seen and left without a decision, or take that away."""
    if item.round == 1 and item.rule_set is not None and item.pi is not None:
        key = key_of(item.model_id, item, item.rule_set, item.matched)
        counted.add(key, item.pi, strata.of_skipped(), sign)
