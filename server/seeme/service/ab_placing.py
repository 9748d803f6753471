"""Where a prediction that names an A/B test counts: by the test as it is when the prediction comes."""

from collections.abc import Mapping

from seeme.clock import CLOCK_SKEW, to_micros
from seeme.domain.units import arm_key
from seeme.errors import invalid
from seeme.records.ab_tests import AbTest, Arm
from seeme.records.predictions import NewPrediction
from seeme.service.ab_ranges import arm_of
from seeme.store.ab_tests import StoredAbTest

UNCOUNTED = ("", None)  # a prediction that counts for no test
KnownTests = Mapping[str, StoredAbTest]


def place(new: NewPrediction, tests: KnownTests, at: int) -> tuple[str, str | None]:
    """Return the arm that a prediction counts for, and the one that its unit's hash gives ('' for none).

    What comes when its test is over, or was made before it, is stored and counts for none. Raises Invalid naming the
    field.
    """
    if new.ab_test_id is None or new.unit is None:
        if new.ab_test_id is new.unit:
            return UNCOUNTED
        missing, there = ("$.unit", "ab_test_id") if new.unit is None else ("$.ab_test_id", "unit")
        raise invalid(missing, f"is needed together with `{there}`")
    stored = tests.get(new.ab_test_id)
    if stored is None:
        raise invalid("$.ab_test_id", f"there is no A/B test {new.ab_test_id}; create it first")
    test = stored.test
    seen = [arm for arm in test.arms if _is_of(arm, new)]
    if not seen:
        path = "$.version_id" if any(arm.model_id == new.model_id for arm in test.arms) else "$.model_id"
        arms = ", ".join(_named(arm.model_id, arm.version_id) for arm in test.arms)
        whose = _named(new.model_id, new.version_id)
        raise invalid(path, f"no arm of the A/B test {test.id} is {whose}; its arms are {arms}")
    if test.status == "draft":
        raise invalid("$.ab_test_id", f"the A/B test {test.id} hasn't started; start it first")
    if not runs(test, at) or _is_before(new, test):
        return UNCOUNTED
    given = arm_of(test, new.unit)
    return arm_key(test.id, seen[0].name), "" if given is None else given.name


def _named(model_id: str, version_id: str | None) -> str:
    return model_id if version_id is None else f"{model_id} in the version {version_id}"


def _is_of(arm: Arm, new: NewPrediction) -> bool:
    return arm.model_id == new.model_id and arm.version_id in (None, new.version_id)


def _is_before(new: NewPrediction, test: AbTest) -> bool:
    """Say whether a prediction was made before its test, whose arm it can't follow; clocks may differ a little."""
    made, started = new.created_at, test.started_at
    return made is not None and started is not None and to_micros(made) < to_micros(started) - CLOCK_SKEW


def runs(test: AbTest, at: int) -> bool:
    """Say whether a test takes units at a time."""
    return test.status == "running" and (test.ends_at is None or at < to_micros(test.ends_at))
