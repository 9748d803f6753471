"""What is kept to estimate accuracy from partly reviewed predictions: one record of exact integers per stratum.

A stratum is what one rule set treats alike: the same rules matched, so the inclusion probability `pi` is the same.
"""

from collections.abc import Iterable

from msgspec import Struct, structs

from seeme.domain.sums import MOMENT_SCALE

Key = tuple[int, tuple[str, ...]]


class Sums(Struct, frozen=True):
    """The integers of a stratum, or what one event adds to them; `-` takes back exactly, in any order.

    c is the confidence and d = y - c, where y is 1 for a right prediction and else 0, all in steps of 1e-4; squares and
    products in steps of 1e-8, so that 9e10 events fit 63 bits. The place of a field is where it is stored: new ones
    come last. Squares of c and c * d aren't read yet; they are what a slope of y on c needs, and rows are gone when
    it is asked for.
    """

    n: int = 0  # predictions
    confident: int = 0  # of these, with a confidence
    c_sum: int = 0
    c_squares: int = 0
    taken: int = 0  # by a rule, for review
    decided: int = 0  # of these, reviewed with a verdict
    right: int = 0
    out_of_order: int = 0  # decided, but served to a reviewer before others with a lower hash, which still wait
    skipped: int = 0  # times that a reviewer gave one back without a verdict
    dc_n: int = 0  # decided, with a confidence; the sums below are over these
    dc_sum: int = 0
    dc_squares: int = 0
    d_sum: int = 0
    d_squares: int = 0
    cd_sum: int = 0
    unusable: int = 0  # of those taken, judged to be no input that can be judged
    expired: int = 0  # of those taken, gone by age before anybody decided

    def __add__(self, other: "Sums") -> "Sums":
        """Return both together."""
        return Sums(*(a + b for a, b in zip(structs.astuple(self), structs.astuple(other), strict=True)))

    def __sub__(self, other: "Sums") -> "Sums":
        """Return these without the other: what undoing an event leaves."""
        return Sums(*(a - b for a, b in zip(structs.astuple(self), structs.astuple(other), strict=True)))

    def __neg__(self) -> "Sums":
        """Return what takes these back."""
        return Sums(*(-a for a in structs.astuple(self)))


class Stratum(Struct, frozen=True):
    """The predictions that a rule set treated alike: the rules that matched them, and how likely each was taken."""

    rule_set: int
    matched: tuple[str, ...]
    pi: float  # 1 - product of (1 - rate) over the matched rules; 0 when none matched
    sums: Sums = Sums()

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.rule_set, self.matched

    @property
    def expected(self) -> float:
        """How many predictions its taken ones stand for; on average over the draws that is `n`."""
        return self.sums.taken / self.pi if self.pi > 0 else 0.0

    @property
    def weight(self) -> float | None:
        """How many predictions one decided one stands for: 1/pi times taken/decided. None when none is decided."""
        return self.expected / self.sums.decided if self.sums.decided else None

    @property
    def marked(self) -> bool:
        """Whether decided ones may not be a random part of the taken: served out of order, and some were left behind.

        What expired was left behind for good; what is unusable has had its turn.
        """
        return self.sums.out_of_order > 0 and self.sums.decided + self.sums.unusable < self.sums.taken

    def __add__(self, other: "Stratum") -> "Stratum":
        """Return both together; ValueError unless they are the same stratum (of two days, or two writers)."""
        if (self.key, self.pi) != (other.key, other.pi):
            raise ValueError(f"these are two strata: {self.key} at pi {self.pi} and {other.key} at pi {other.pi}")
        return self.plus(other.sums)

    def plus(self, sums: Sums) -> "Stratum":
        """Return it with sums added, which may be those of one event, or the negative of one."""
        return Stratum(self.rule_set, self.matched, self.pi, self.sums + sums)


def of_prediction(confidence: float | None, taken: bool) -> Sums:
    """Return what one prediction adds to its stratum.

    >>> of_prediction(0.83, taken=True) - of_prediction(0.83, taken=True) == Sums()
    True
    """
    if confidence is None:
        return Sums(n=1, taken=int(taken))
    c = round(confidence * MOMENT_SCALE)
    return Sums(n=1, confident=1, c_sum=c, c_squares=c * c, taken=int(taken))


def of_decided(right: bool, confidence: float | None, *, in_order: bool = True) -> Sums:
    """Return what one verdict adds; `in_order` is false when it was served before one with a lower hash."""
    plain = Sums(decided=1, right=int(right), out_of_order=int(not in_order))
    if confidence is None:
        return plain
    c = round(confidence * MOMENT_SCALE)
    d = right * MOMENT_SCALE - c
    return plain + Sums(dc_n=1, dc_sum=c, dc_squares=c * c, d_sum=d, d_squares=d * d, cd_sum=c * d)


def of_skipped() -> Sums:
    """Return what an item adds that a reviewer gave back without a verdict."""
    return Sums(skipped=1)


def of_unusable() -> Sums:
    """Return what an item adds whose input can't be judged: it has had its turn and has no verdict."""
    return Sums(unusable=1)


def of_expired() -> Sums:
    """Return what an item adds whose prediction was gone before anybody decided."""
    return Sums(expired=1)


def of_turn_come() -> Sums:
    """Return what a verdict adds, once those before it have had their turn too: its order no longer matters."""
    return Sums(out_of_order=-1)


def merged(strata: Iterable[Stratum]) -> list[Stratum]:
    """Return one stratum per key, in the order of the keys: days and writers may come in any order.

    ValueError for counts that can't be: more decided than taken, or some taken where none could be.
    """
    found: dict[Key, Stratum] = {}
    for one in strata:
        found[one.key] = found[one.key] + one if one.key in found else one
    for one in found.values():
        sums = one.sums
        if not 0 <= sums.right <= sums.decided <= sums.taken <= (sums.n if one.pi > 0 else 0):
            raise ValueError(f"the counts of {one.key} at pi {one.pi} can't be: {sums}")
    return [found[key] for key in sorted(found)]
