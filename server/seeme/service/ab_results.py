"""What an A/B test says, from its arms' sums alone, and what it showed time after time."""

from collections.abc import Callable, Sequence
from math import exp
from typing import NamedTuple

from msgspec.structs import asdict

from seeme.clock import DAY, HOUR, from_micros, to_micros
from seeme.domain.ab_accuracy import NO_ESTIMATE, ArmEstimate, of_strata
from seeme.domain.experiments import METRICS, Comparison, Metric, compare, compare_estimates
from seeme.domain.mismatch import Mismatch, mismatch
from seeme.domain.units import ArmTotals, arm_key
from seeme.domain.verdict import verdict
from seeme.records.ab_results import (
    AbRebuilt,
    AbResults,
    ArmResult,
    Challenger,
    Excluded,
    Look,
    LookMetric,
    MetricResult,
    SampleRatio,
)
from seeme.records.ab_tests import AbMetric, AbTest, Arm
from seeme.service import ab_recount
from seeme.service.ab_ranges import shares_counted
from seeme.service.ab_tests import AbTests
from seeme.service.inbox import Inbox
from seeme.store import ab_tests, ab_units, registry, strata
from seeme.store.database import Database, Reader, Transaction

MOST_LEFT_OUT = 0.01  # of an arm's units, for an accuracy that is of all its reviewed predictions
LOOKS = 168  # in the time that a test has run: one an hour in its first week
_DELETED = "its model was deleted, and the reviews with it; what they showed is in the history"
_SIDES = {1: "higher", -1: "lower", 0: "neither"}
_VALUES = {
    "feedback_score": "feedback_score",
    "feedback_per_unit": "feedback_per_unit",
    "response_rate": "response_rate",
    "latency": "latency_ms",
    "error_rate": "error_rate",
    "confidence": "avg_confidence",
}
_WITHOUT = {
    "feedback_score": "nobody has voted yet",
    "latency_ms": "no prediction has a latency yet",
    "avg_confidence": "no prediction has a confidence yet",
}


class _Known(NamedTuple):
    """What results are made of."""

    test: AbTest
    totals: ArmTotals
    accuracies: dict[str, ArmEstimate]
    at: int


class AbResultsOf:
    """The results of A/B tests."""

    def __init__(self, reader: Database, inbox: Inbox, tests: AbTests, writer: str, clock: Callable[[], int]) -> None:
        self._reader = reader
        self._writer = writer
        self._inbox = inbox
        self._tests = tests
        self._clock = clock

    async def results(self, ab_test_id: str) -> AbResults:
        """Return what a test says now; raises NotFound."""
        test = self._tests.get(ab_test_id)
        known = await _read(self._reader, test, self._clock())
        return _results(known, await ab_tests.looks(self._reader, ab_test_id))

    async def look(self) -> None:
        """End the tests whose time is over, and keep what each shows: now and then, and once after its end."""
        await self._tests.end_due()
        for stored in await ab_tests.tests(self._reader):
            if _is_due(stored, self._clock()):
                await self._inbox.run(lambda tx, id=stored.test.id: self._look(tx, id))  # type: ignore[misc]

    async def _look(self, tx: Transaction, ab_test_id: str) -> None:
        stored = await ab_tests.test(tx, ab_test_id)
        at = self._clock()
        if stored is None or not _is_due(stored, at):
            return
        known = await _read(tx, stored.test, at)
        await ab_tests.insert_look(tx, ab_test_id, at, _to_look(known))

    async def rebuild(self, ab_test_id: str) -> AbRebuilt:
        """Make a test's units and sums again where they differ from what they are made of."""
        test = self._tests.get(ab_test_id)

        async def work(tx: Transaction) -> bool:
            await tx.hold({arm.model_id for arm in test.arms}, alone=True)
            stored = await ab_tests.test(tx, ab_test_id)
            return stored is not None and await ab_recount.mend(tx, stored, self._writer)

        return AbRebuilt(ab_test_id=ab_test_id, changed=await self._inbox.run(work))


def _is_due(stored: ab_tests.StoredAbTest, at: int) -> bool:
    """Say whether it is time for another look: often at first, more seldom later, and once after the end."""
    test, last = stored.test, stored.looked_at
    if test.started_at is None:
        return False
    started = to_micros(test.started_at)
    if test.stopped_at is not None:
        return last is None or last < to_micros(test.stopped_at)
    return at - (started if last is None else last) >= max(HOUR, (at - started) // LOOKS)


async def _read(reader: Reader, test: AbTest, at: int) -> _Known:
    accuracies = {}
    day = 0 if test.started_at is None else to_micros(test.started_at) // DAY * DAY - DAY
    for arm in test.arms:
        key = arm_key(test.id, arm.name)
        rows = await strata.of_arm(reader, arm.model_id, key, day)
        reviewed = any(row["decided"] for row in rows)  # the only rows that are read; people don't make many
        judged = await strata.judged_of_arm(reader, arm.model_id, key, day) if reviewed else []
        accuracies[arm.name] = of_strata(map(strata.to_stratum, rows), judged)
        if not rows and await registry.model(reader, arm.model_id) is None:
            accuracies[arm.name] = ArmEstimate(None, None, 0.0, _DELETED)
    totals = await ab_units.totals(reader, test.id)
    for name, found in accuracies.items():
        seen, counted = totals.exposure(name).seen, totals.exposure(name).counted
        if found.value is not None and seen - counted > MOST_LEFT_OUT * seen:
            reason = f"{seen - counted} of {seen} units are left out, and the reviews of theirs can't be told apart"
            accuracies[name] = ArmEstimate(None, None, 0.0, reason)
    return _Known(test, totals, accuracies, at)


def _results(known: _Known, history: list[Look]) -> AbResults:
    test = known.test
    split = _split(known)
    days = _days(test, known.at)
    challengers = [_challenger(known, arm, split, days) for arm in test.arms[1:]]
    first = challengers[0]
    arms = [_arm_result(known, arm) for arm in test.arms]
    p_value = first.metrics[test.config.metrics[0]]
    return AbResults(
        ab_test_id=test.id,
        name=test.name,
        status=test.status,
        at=from_micros(known.at),
        days=days,
        alpha=test.config.alpha,
        comparisons=_comparisons(test),
        planned_end=test.ends_at is not None and test.stopped_at == test.ends_at,
        verdict=first.verdict,
        state=first.state,
        winner=first.winner,
        chosen_arm=test.chosen_arm,
        notes=first.notes,
        p_value=p_value.p_value,
        model_a=arms[0],
        model_b=arms[1],
        arms=arms,
        metrics=first.metrics,
        challengers=challengers,
        sample_ratio=SampleRatio(
            alarm=split.alarm,
            log_e_value=split.log_e_value,
            counts=list(split.counts),
            expected=list(split.expected),
        ),
        leaks=sum(arm.excluded.misplaced + arm.excluded.outside for arm in arms),
        history=history,
        reasons={} if p_value.p_value is not None else {"p_value": p_value.reason or ""},
    )


def _days(test: AbTest, at: int) -> float | None:
    if test.started_at is None:
        return None
    ends = [to_micros(one) for one in (test.stopped_at or test.ends_at,) if one is not None]
    end = min([at, *ends])
    return max(0, end - to_micros(test.started_at)) / DAY


def _split(known: _Known) -> Mismatch:
    counts = [known.totals.exposure(arm.name).assigned for arm in known.test.arms]
    return mismatch(counts, shares_counted(known.test, counts))


def _comparisons(test: AbTest) -> int:
    return len(test.config.metrics) * (len(test.arms) - 1)


def _shown(test: AbTest) -> dict[AbMetric, str]:
    """Return the metrics that are shown, with what each is for; those that were named come first."""
    named: Sequence[AbMetric] = test.config.metrics
    shown: dict[AbMetric, str] = dict.fromkeys(named, "metric")
    if {"feedback_score", "feedback_per_unit"} & set(named):
        shown.setdefault("response_rate", "beside")
    for name in _bounds(test):
        shown.setdefault(name, "guardrail")  # type: ignore[arg-type]
    return shown


def _bounds(test: AbTest) -> dict[str, float]:
    bounds: dict[str, float | None] = asdict(test.config.guardrails)
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _compared(known: _Known, name: AbMetric, b: Arm) -> Comparison:
    test, metric = known.test, METRICS[name]
    a = test.arms[0]
    alpha, comparisons = test.config.alpha, _comparisons(test)
    arms = (a.name, b.name)
    if name == "accuracy":
        ours, theirs = (known.accuracies[arm.name] for arm in (a, b))
        found = compare_estimates(metric, ours[:3], theirs[:3], alpha=alpha, comparisons=comparisons, arms=arms)
        lacks = {arm: one.reason for arm, one in zip(arms, (ours, theirs), strict=True) if one.reason}
        reason = "; ".join(f"arm {arm}: {lack}" for arm, lack in lacks.items())
        return found._replace(reason=reason) if reason else found
    sums = [known.totals.of(arm.name, name) for arm in (a, b)]
    return compare(metric, *sums, alpha=alpha, comparisons=comparisons, arms=arms)


def _challenger(known: _Known, arm: Arm, split: Mismatch, days: float | None) -> Challenger:
    test = known.test
    shown = _shown(test)
    found = {name: _compared(known, name, arm) for name in shown}
    # What only guards isn't among the comparisons that alpha is shared by: it makes no winner.
    said = [one._replace(significant=None) if shown[name] == "guardrail" else one for name, one in found.items()]
    judged = verdict(
        said,
        arms=(test.arms[0].name, arm.name),
        split=split,
        guardrails=_bounds(test),
        # A forecast needs a day of traffic, and one who can wait.
        days=None if days is None or days < 1 or test.stopped_at is not None else days,
        only_guards=[name for name, use in shown.items() if use == "guardrail"],
    )
    return Challenger(
        arm=arm.name,
        state=judged.state,
        verdict=_before_units(known) or judged.text,
        winner=judged.winner,
        notes=list(judged.notes),
        metrics={name: _metric_result(test, shown[name], one, arm) for name, one in found.items()},
    )


def _before_units(known: _Known) -> str | None:
    """Return what there is to say of a test that no unit has been in."""
    if known.test.status == "draft":
        return "it hasn't started"
    if any(known.totals.exposure(arm.name).seen for arm in known.test.arms):
        return None
    return "nobody has been in it yet" if known.test.stopped_at is None else "nobody was in it"


def _metric_result(test: AbTest, role: str, found: Comparison, arm: Arm) -> MetricResult:
    metric = METRICS[found.metric]
    names = set(MetricResult.__struct_fields__) & set(Comparison._fields) - {"metric"}
    return MetricResult(
        metric=metric.name,  # type: ignore[arg-type]
        role=role,  # type: ignore[arg-type]
        kind="ratio" if metric.kind == "log" else metric.kind,
        better=_SIDES[metric.better],  # type: ignore[arg-type]
        arm_a=test.arms[0].name,
        arm_b=arm.name,
        **{name: getattr(found, name) for name in names},
    )


def _arm_result(known: _Known, arm: Arm) -> ArmResult:
    exposure, totals = known.totals.exposure(arm.name), known.totals
    values = {field: _value(METRICS[name], totals, arm.name) for name, field in _VALUES.items()}
    accuracy = known.accuracies[arm.name]
    missing = {
        field: _WITHOUT.get(field, "no unit of this arm counts yet") for field in values if values[field] is None
    }
    if accuracy.value is None:
        missing["accuracy"] = accuracy.reason or NO_ESTIMATE
    return ArmResult(
        name=arm.name,
        model_id=arm.model_id,
        version_id=arm.version_id,
        share=arm.share,
        units=exposure.counted,
        seen=exposure.seen,
        assigned=exposure.assigned,
        excluded=Excluded(mixed=exposure.mixed, misplaced=exposure.misplaced, outside=exposure.outside),
        predictions=totals.of(arm.name, "error_rate").n,
        votes=totals.of(arm.name, "feedback_score").n,
        accuracy=accuracy.value,
        reasons=missing,
        **values,
    )


def _value(metric: Metric, totals: ArmTotals, arm: str) -> float | None:
    sums = totals.of(arm, metric.name)
    if not sums.n:
        return None
    mean = sums.x / (sums.n * metric.scale)
    return exp(mean) if metric.kind == "log" else mean


def _to_look(known: _Known) -> Look:
    test = known.test
    metrics = []
    for arm in test.arms[1:]:
        for name in test.config.metrics:
            found = _compared(known, name, arm)
            parts = {part: getattr(found, part) for part in ("difference", "low", "high", "p_value")}
            metrics.append(LookMetric(arm=arm.name, metric=name, **parts))
    units = [known.totals.exposure(arm.name).counted for arm in test.arms]
    return Look(at=from_micros(known.at), units=units, alarm=_split(known).alarm, metrics=metrics)
