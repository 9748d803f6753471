"""What an estimate of accuracy leaves out and rests on, in plain words."""

from collections import Counter
from collections.abc import Iterable, Sequence

from seeme.domain.intervals import Limits
from seeme.domain.repeats import Repeat
from seeme.domain.strata import Stratum, merged

NO_PREDICTIONS = "there are no predictions"
ONLY_ZERO = "no rule could take any of these predictions for review: add a random_sample rule"
NONE_TAKEN = "no prediction has been taken for review yet"
NONE_DECIDED = "{taken} predictions were taken for review and none has been decided yet"
ONE_DECIDED = "one reviewed prediction is too few to estimate from"
LAG = 0.05  # the least share of predictions that wait for a note about them


def percent(share: float) -> str:
    """Return a share in words, such as 4.5 %; a part that isn't the whole never rounds to it.

    >>> percent(0.0451), percent(1), percent(0.99999), percent(0.00001)
    ('4.5 %', '100 %', 'over 99.9 %', 'under 0.1 %')
    """
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def too_little(every: Sequence[Stratum]) -> str | None:
    """Return why nothing can be estimated, or None."""
    if not sum(one.sums.n for one in every):
        return NO_PREDICTIONS
    if not any(one.pi > 0 for one in every):
        return ONLY_ZERO
    taken = sum(one.sums.taken for one in every)
    decided = sum(one.sums.decided for one in every)
    if not taken:
        return NONE_TAKEN
    return NONE_DECIDED.format(taken=taken) if not decided else ONE_DECIDED if decided == 1 else None


def coverage_notes(every: Sequence[Stratum], found: Limits | None) -> list[str]:
    """Return what isn't covered, and which assumptions are broken."""
    notes = []
    total = sum(one.sums.n for one in every)
    never = sum(one.sums.n for one in every if one.pi <= 0)
    waiting = [one for one in every if one.pi > 0 and one.sums.n and not one.sums.decided]
    if never:
        notes.append(
            f"{percent(never / total)} of the predictions match no rule and can't be taken for review; the estimate "
            "is for the others. A random_sample rule reaches all."
        )
    if waiting and found:
        part = sum(one.sums.n for one in waiting) / total
        notes.append(f"{percent(part)} of the predictions are of kinds ({_kinds(waiting)}) of which none is decided "
                     "yet; the estimate is for the others.")  # fmt: skip
    part = (never + sum(one.sums.n for one in waiting)) / total if total else 0.0
    if part and found:
        worst = (1 - part) * found.low
        notes.append(f"If all of those left out were wrong, or all right, the accuracy of all predictions would be "
                     f"between {percent(worst)} and {percent((1 - part) * found.high + part)}.")  # fmt: skip
    return notes + _marks(every) + _unusable(every, found) + _unseen(every)


def _marks(every: Sequence[Stratum]) -> list[str]:
    """Return where the order of service may bias the estimate, which no interval shows."""
    marked = [one for one in every if one.sums.decided and one.marked]
    if not marked:
        return []
    gone = sum(one.sums.expired for one in marked)
    waits = any(one.sums.decided + one.sums.unusable + one.sums.expired < one.sums.taken for one in marked)
    return [
        f"Not to be trusted: in {_kinds(marked)}, {sum(one.sums.out_of_order for one in marked)} reviewed ones "
        "were served out of hash order while others wait, so they may not be a random part."
        + (f" {gone} of those are gone by age." if gone else "")
        + (" Decide those before them." if waits else "")
    ]


def _unusable(every: Sequence[Stratum], found: Limits | None) -> list[str]:
    """Return how many inputs couldn't be judged, and the accuracy if all of these were wrong, or right."""
    unusable = sum(one.sums.unusable for one in every)
    seen = [one for one in every if one.pi > 0 and one.sums.decided]
    size = sum(one.expected for one in seen)
    if not unusable:
        return []
    start = f"{unusable} of the reviewed predictions were called unusable and have no verdict"
    if found is None or not size:
        return [f"{start}."]
    part = sum(one.expected * one.sums.unusable / (one.sums.decided + one.sums.unusable) for one in seen) / size
    return [
        f"{start}; they stand for {percent(part)} of the predictions, and the estimate is as if these were like the "
        f"others of their rules. If all of them were wrong, or all right, the accuracy would be between "
        f"{percent((1 - part) * found.low)} and {percent((1 - part) * found.high + part)}."
    ]


def _unseen(every: Sequence[Stratum]) -> list[str]:
    """Return how many taken ones got no verdict for other reasons."""
    notes = []
    skipped, expired = sum(one.sums.skipped for one in every), sum(one.sums.expired for one in every)
    if skipped:
        notes.append(
            f"{skipped} times a prediction was skipped; while these have no verdict and are the harder ones, the "
            "estimate is too high."
        )
    if expired:
        notes.append(
            f"{expired} predictions that were taken for review were gone by age before anybody decided; the decided "
            "ones of the same rules stand for them."
        )
    return notes


def lag_note(parts: Iterable[Iterable[Stratum]], seen: Sequence[Stratum]) -> list[str]:
    """Return what share of the predictions is of days or versions that others, already decided, stand for.

    A stratum of several days has one weight. That is right while all of them are decided alike, as in hash order.
    """
    known = {one.key for one in seen}
    late = sum(
        one.sums.n
        for part in parts
        for one in merged(part)
        if one.key in known and one.sums.taken and not one.sums.decided
    )
    total = sum(one.sums.n for one in seen)
    if not total or late / total < LAG:
        return []
    return [
        f"{percent(late / total)} of the predictions are of days or versions of which none of their kind is decided "
        "yet; the decided ones of the same rules stand for them, as if accuracy hadn't changed."
    ]


def _copies(repeats: Sequence[Repeat]) -> list[str]:
    """Return how many of the reviewed are copies of one another."""
    inputs = [count for count in Counter(one.place for one in repeats).values() if count > 1]
    if not inputs:
        return []
    words = "one input that came" if len(inputs) == 1 else f"{len(inputs)} inputs that came"
    return [
        f"{sum(inputs)} of the reviewed predictions are of {words} more than once; copies tell no more than "
        "one, and the interval counts them so."
    ]


def difference_note(
    seen: Sequence[Stratum], found: Limits | None, naive: float | None, repeats: Sequence[Repeat] = ()
) -> list[str]:
    """Return how the estimate counts copies among the reviewed, and why it and the naive number differ."""
    if found is None or naive is None:
        return []
    return [*_copies(repeats), _difference(seen, found, naive)]


def _difference(seen: Sequence[Stratum], found: Limits, naive: float) -> str:
    size, decided = sum(one.expected for one in seen), sum(one.sums.decided for one in seen)
    most = max(seen, key=lambda one: (one.sums.decided / decided - one.expected / size, one.key))
    stands, reviewed = most.expected / size, most.sums.decided / decided
    start = f"Of the reviewed, {percent(naive)} are right; the estimate is {percent(found.mean)}"
    if len(seen) == 1 or reviewed - stands < 0.005:
        return f"{start}: all kinds were reviewed at about the same rate, so the two are close."
    others = decided - most.sums.decided
    rest = (sum(one.sums.right for one in seen) - most.sums.right) / others
    return (
        f"{start}, because those of {_kinds([most])} are {percent(reviewed)} of the reviewed but {percent(stands)} of "
        f"the predictions, and {percent(most.sums.right / most.sums.decided)} of them are right against "
        f"{percent(rest)} of the other reviewed ones."
    )


def _kinds(strata: Sequence[Stratum]) -> str:
    """Return the rules of strata, each combination once."""
    names = dict.fromkeys(" + ".join(one.matched) for one in strata)
    return ", ".join(names)
