"""How a quota of items becomes thinner rates, set ahead: from exact counts of what matched, never from what was drawn.

So the rates don't depend on chance, and each prediction's inclusion probability is just what its rules' rates say.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from seeme.clock import DAY, HOUR
from seeme.domain.sampling import RANDOM, thinned
from seeme.records.engine import Quota, Thinning

LEAST = 1e-9  # of its rate keeps every rule: what can't be taken at all can't be estimated
RESERVE = 0.1  # of its even share is left to the rest of a period whose quota is used up already
SLACK = 0.1  # of the quota may be too much before rates change
ALARM = 0.5  # of the quota too much changes them at once
ROOM = 0.2  # of the quota must be left unused before rates go up again
_STEPS = 50

Counts = Mapping[str, float]  # predictions by the rules that they matched, as "one,two"


class Total(NamedTuple):
    """How many predictions a rule set has judged that matched the same rules, since it is in force."""

    rule_set: int
    matched: str
    pi: float
    n: int


class Pace(Struct, frozen=True):
    """How a model's traffic has gone in this day or hour (`width`, microseconds), and in the one before."""

    width: int
    start: int
    since: int  # when counting began in this period
    matched: dict[str, float]  # how many predictions matched which rules in this period
    expected: float  # how many of them were taken, on average over the draws
    before: dict[str, float] | None  # the period before, None when nothing is known of it
    rule_set: int  # the first one that `marks` are of
    marks: dict[str, int]  # the totals as they were last seen
    changed_at: int  # when rates were last changed for the quota


def most_of(quota: Quota) -> tuple[int, int]:
    """Return a quota as items per microseconds.

    >>> most_of(Quota(per_hour=5)) == (5, HOUR)
    True
    """
    return (quota.per_day, DAY) if quota.per_day is not None else (quota.per_hour or 0, HOUR)


def expected(counts: Counts, rates: Mapping[str, float]) -> float:
    """Return how many of some predictions are taken on average: the sum of n * (1 - product of (1 - rate)).

    >>> round(expected({"margin,random_sample": 100, "": 50}, {"margin": 0.5, "random_sample": 0.1}), 9)
    55.0
    """
    total = 0.0
    for matched, n in counts.items():
        missed = 1.0
        for rule in matched.split(","):
            missed *= 1.0 - rates.get(rule, 0.0)
        total += n * (1.0 - missed)
    return total


def kept(counts: Counts, rates: Mapping[str, float], most: float) -> Thinning:
    """Return by how much rates are thinned, so that at most `most` of some predictions are taken on average.

    The random sample and the other rules have half of it each, and what the other half doesn't need. All rates alike
    would take the random sample away just when a model gets unsure of everything; the random sample last would take
    every hard case away when traffic grows. The others keep their proportions.
    """
    if expected(counts, rates) <= most:
        return Thinning()
    other = {name: rate for name, rate in rates.items() if name != RANDOM}
    drawn = expected(counts, {RANDOM: rates.get(RANDOM, 0.0)})
    room = max(most / 2, most - expected(counts, other))
    random = min(1.0, max(LEAST, room / drawn)) if drawn else 1.0

    def fits(random: float, others: float) -> bool:
        return expected(counts, thinned(rates, Thinning(random_sample=random, others=others))) <= most * (1 + 1e-9)

    if fits(random, 1.0):  # what several rules take is one item, so that there may be room for more
        return Thinning(random_sample=_highest(lambda share: fits(share, 1.0)), others=1.0)
    return Thinning(random_sample=random, others=_highest(lambda share: fits(random, share)))


def _highest(fits: Callable[[float], bool]) -> float:
    """Return the highest share that fits, by halving."""
    if fits(1.0):
        return 1.0
    low, high = LEAST, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def began(width: int, at: int, rule_set: int, totals: Iterable[Total]) -> Pace:
    """Return the pace of a model that is looked at for the first time: what it did before isn't known."""
    marks = {_mark(one): one.n for one in totals}
    return Pace(width, at // width * width, at, {}, 0.0, None, rule_set, marks, 0)


def advanced(pace: Pace, at: int, rule_set: int, totals: Iterable[Total]) -> Pace:
    """Return a pace with what was judged since it was last looked at, in the period that is now.

    `totals` are of the rule sets from `pace.rule_set` on. The one before `rule_set`, which is in force, goes on being
    looked at: other nodes judge by it for a moment.
    """
    start = at // pace.width * pace.width
    if start != pace.start:
        before = _whole(pace) if start - pace.start == pace.width else None
        pace = replace(pace, start=start, since=start, matched={}, expected=0.0, before=before)
    matched, taken, marks = Counter[str](), pace.expected, dict[str, int]()
    matched.update(pace.matched)
    for one in totals:
        more = max(0, one.n - pace.marks.get(_mark(one), 0))  # erasing takes away
        if more:
            matched[one.matched] += more
            taken += more * one.pi
        if one.rule_set >= rule_set - 1:
            marks[_mark(one)] = one.n
    return replace(pace, matched=dict(matched), expected=taken, rule_set=rule_set - 1, marks=marks)


def changed(pace: Pace, rates: Mapping[str, float], present: Thinning, most: int, at: int) -> Thinning | None:
    """Return by how much rates, as they were set, are to be thinned from now on; None when it may stay as it is.

    Down when the rest of the period would go beyond the quota by a tenth; up when a fifth of it would stay unused, or
    rates fit as they were set, and a whole period at these rates would fit too. Neither soon after a change, unless
    it would go far beyond.
    """
    left = pace.start + pace.width - at
    ahead = _ahead(pace, rates, at)
    room = max(most - pace.expected, RESERVE * most * left / pace.width)
    now = expected(ahead, thinned(rates, present))
    since = at - pace.changed_at
    if now > room + SLACK * most:
        soon = since < pace.width // 48 and now <= room + ALARM * most
        return None if soon else _other(kept(ahead, rates, room), present)
    if present == Thinning() or since < pace.width // 24:
        return None
    whole = {key: pace.matched.get(key, 0) + ahead.get(key, 0) for key in pace.matched.keys() | ahead.keys()}
    one, other = kept(ahead, rates, room), kept(whole, rates, most * (1 - SLACK))
    wanted = Thinning(random_sample=min(one.random_sample, other.random_sample), others=min(one.others, other.others))
    unused = expected(ahead, thinned(rates, wanted)) - now > ROOM * most
    return _other(wanted, present) if unused or wanted == Thinning() else None


def marked(pace: Pace, at: int) -> Pace:
    """Return a pace that knows that rates were changed."""
    return replace(pace, changed_at=at)


def _ahead(pace: Pace, rates: Mapping[str, float], at: int) -> Counts:
    """Return what is to come in the rest of a period: as in the one before, or more when it goes on as it began.

    Then the mean of both, as busy hours are no day: what is too little is seen in time, and put right.
    """
    on = (pace.start + pace.width - at) / max(at - pace.since, pace.width // 24)
    alike = {matched: n * on for matched, n in pace.matched.items()}
    if pace.before is None:
        return alike
    again = {matched: max(0.0, n - pace.matched.get(matched, 0)) for matched, n in pace.before.items()}
    if expected(alike, rates) <= expected(again, rates):
        return again
    return {key: (alike.get(key, 0) + again.get(key, 0)) / 2 for key in alike.keys() | again.keys()}


def _whole(pace: Pace) -> dict[str, float]:
    """Return what a period had, as though it had been looked at from its beginning on."""
    seen = max(pace.start + pace.width - pace.since, pace.width // 24)
    return {matched: n * pace.width / seen for matched, n in pace.matched.items()}


def _other(wanted: Thinning, present: Thinning) -> Thinning | None:
    return None if wanted == present else wanted


def _mark(one: Total) -> str:
    return f"{one.rule_set} {one.matched}"
