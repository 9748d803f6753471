"""What an A/B test counts: a row per unit and arm, and the exact sums of each arm that follow from the rows.

A unit counts when it was seen in one arm only, the one that its hash gives, and never while the coverage left it out.
All is in integers, so that any order of events, and taking some away again, gives the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import log
from typing import NamedTuple, Protocol

from msgspec.structs import astuple

from seeme.domain.experiments import ArmSums
from seeme.domain.sums import LEAST_LATENCY_MS, MOMENT_SCALE, Delta, UnitKey
from seeme.records.rows import PredictionRow, UnitRow

# Of each metric what a unit adds up (x) and what it is divided by (n); per exposed unit, n is 1.
MOMENTS = {
    "feedback_score": ("net", "votes"),
    "response_rate": ("rated", "predictions"),
    "error_rate": ("errors", "predictions"),
    "latency": ("latency_sum", "latency_n"),
    "confidence": ("confidence_sum", "confidence_n"),
}
_KEY = 4  # fields of a row before its counts
EXCLUDED = ("mixed", "misplaced", "outside")


class Exposure(NamedTuple):
    """Units seen in an arm; those that the hash gave it, wherever seen; and those seen that don't count, by reason."""

    seen: int = 0
    assigned: int = 0
    mixed: int = 0
    misplaced: int = 0
    outside: int = 0

    @property
    def counted(self) -> int:
        """How many units count."""
        return self.seen - self.mixed - self.misplaced - self.outside


class Tagged(Protocol):
    """A prediction, or what feedback knows of one."""

    arm: str
    ab_test_id: str | None
    unit: str | None


def arm_key(ab_test_id: str, arm: str) -> str:
    """Return how the sums of a model name the arm of a test."""
    return f"{ab_test_id}/{arm}"


def key_of(tagged: Tagged) -> UnitKey | None:
    """Return the row that a prediction counts in, None for one that counts in no test."""
    if not tagged.arm or tagged.ab_test_id is None or tagged.unit is None:
        return None
    return tagged.ab_test_id, tagged.unit, tagged.arm.rpartition("/")[2]


def count_prediction(delta: Delta, new: PredictionRow, sign: int = 1) -> None:
    """Add a prediction to its unit's row, or take it away (sign -1)."""
    key = key_of(new)
    if key is None:
        return
    row = delta.units[key]
    row["predictions"] += sign
    row["errors"] += sign * (new.error is not None)
    if new.confidence is not None:
        row["confidence_n"] += sign
        row["confidence_sum"] += sign * round(new.confidence * MOMENT_SCALE)
    if new.latency_ms is not None:
        row["latency_n"] += sign
        row["latency_sum"] += sign * round(log(max(new.latency_ms, LEAST_LATENCY_MS)) * MOMENT_SCALE)
    if new.assigned:
        delta.assigned[key] = new.assigned
        row["misplaced"] += sign * (new.assigned != key[2])
    else:
        row["outside"] += sign


def count_vote(delta: Delta, target: Tagged, rating: int, sign: int) -> None:
    """Add an active thumb of a prediction, or take it away."""
    key = key_of(target)
    if key is not None:
        delta.units[key]["votes"] += sign
        delta.units[key]["net"] += sign * rating


def count_rated(delta: Delta, target: Tagged, sign: int) -> None:
    """Count that a prediction has thumbs now, or none any more."""
    key = key_of(target)
    if key is not None:
        delta.units[key]["rated"] += sign


def changes_of(delta: Delta) -> dict[str, list[UnitRow]]:
    """Return by test what is to be added to rows of units."""
    found: defaultdict[str, list[UnitRow]] = defaultdict(list)
    for key in sorted(delta.units):
        test, unit, arm = key
        row = UnitRow(ab_test_id=test, unit=unit, arm=arm, assigned=delta.assigned.get(key, ""), **delta.units[key])
        found[test].append(row)
    return dict(found)


def applied(rows: Iterable[UnitRow], changes: Iterable[UnitRow]) -> list[UnitRow]:
    """Return rows with changes added; those that have no predictions any more too."""
    found: dict[tuple[str, str], UnitRow] = {}
    for row in (*rows, *changes):
        before = found.get((row.unit, row.arm))
        values = [*astuple(row)]
        if before is not None:
            values[_KEY:] = [a + b for a, b in zip(astuple(before)[_KEY:], values[_KEY:], strict=True)]
        after = found[row.unit, row.arm] = UnitRow(**dict(zip(UnitRow.__struct_fields__, values, strict=True)))
        known = row.assigned or (before.assigned if before is not None else "")
        after.assigned = known if after.predictions > after.outside else ""
    return list(found.values())


class ArmTotals:
    """Exact sums by arm and metric, and exposures by arm; also what changes in them."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 6)
        self._exposures: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add_units(self, rows: Sequence[UnitRow], sign: int = 1) -> None:
        """Add units, or take them away; of each unit all rows must be among the rows."""
        units: defaultdict[str, list[UnitRow]] = defaultdict(list)
        for row in rows:
            if row.predictions > 0:
                units[row.unit].append(row)
        for seen in units.values():
            for arm in {row.assigned for row in seen if row.assigned}:
                self._exposures[arm]["assigned"] += sign
            for row in seen:
                self._exposures[row.arm]["seen"] += sign
                fate = _fate(row, seen)
                if fate:
                    self._exposures[row.arm][fate] += sign
                else:
                    self._add_row(row, sign)

    def _add_row(self, row: UnitRow, sign: int) -> None:
        for metric, (above, below) in MOMENTS.items():
            x, n = getattr(row, above), getattr(row, below)
            if n:
                moments = self._sums[row.arm, metric]
                for place, amount in enumerate((1, x, n, x * x, n * n, x * n)):
                    moments[place] += sign * amount

    def add_sums(self, arm: str, metric: str, sums: ArmSums) -> None:
        """Add sums as they are stored."""
        moments = self._sums[arm, metric]
        for place, amount in enumerate(sums):
            moments[place] += amount

    def add_exposure(self, arm: str, exposure: Exposure) -> None:
        """Add exposures as they are stored."""
        self._exposures[arm].update(exposure._asdict())

    def sums(self) -> dict[tuple[str, str], ArmSums]:
        """Return the sums that aren't nothing, by arm and metric."""
        return {key: ArmSums(*moments) for key, moments in sorted(self._sums.items()) if any(moments)}

    def exposures(self) -> dict[str, Exposure]:
        """Return the exposures that aren't nothing, by arm."""
        found = {arm: Exposure(**counts) for arm, counts in sorted(self._exposures.items())}
        return {arm: exposure for arm, exposure in found.items() if any(exposure)}

    def of(self, arm: str, metric: str) -> ArmSums:
        """Return the sums of an arm for a metric."""
        if metric != "feedback_per_unit":
            return ArmSums(*self._sums.get((arm, metric), ()))
        votes, counted = self.of(arm, "feedback_score"), self.exposure(arm).counted
        return ArmSums(counted, votes.x, counted, votes.xx, counted, votes.x)

    def exposure(self, arm: str) -> Exposure:
        """Return the exposures of an arm."""
        return Exposure(**self._exposures[arm]) if arm in self._exposures else Exposure()


def _fate(row: UnitRow, seen: Sequence[UnitRow]) -> str | None:
    """Return why a unit doesn't count in an arm where it was seen, or None."""
    if len(seen) > 1:
        return "mixed"
    return "misplaced" if row.misplaced else "outside" if row.outside else None
