"""The part of the client that is about A/B tests; a unit's arm is computed here, from a definition that is kept."""

import logging
from collections.abc import Mapping, Sequence
from threading import Lock
from time import monotonic
from typing import Any

from seeme.assignment import assigned
from seeme.calls import Calls, ab_test_path
from seeme.clock import now, to_micros
from seeme.errors import ConnectionFailed, ServiceError
from seeme.ids import short_id
from seeme.outgoing import query
from seeme.records.ab_results import AbRebuilt, AbResults, Plan
from seeme.records.ab_tests import AbTest, Assignment
from seeme.results import Record, Records

log = logging.getLogger("seeme")
KEPT = 30.0  # seconds; a coverage that has grown, or an end, is seen this much later at most


class AbCalls(Calls):
    """A/B tests: what they compare, which arm a unit is in, what they say."""

    def __init__(self, base_url: str | None = None, api_key: str | None = None, timeout: float = 30.0) -> None:
        super().__init__(base_url, api_key, timeout)
        self._definitions: dict[str, tuple[float, Record]] = {}
        self._fetching = Lock()

    def create_ab_test(
        self,
        name: str,
        model_a_id: str | None = None,
        model_b_id: str | None = None,
        config: Mapping[str, Any] | None = None,
        arms: Sequence[Mapping[str, Any]] | None = None,
        id: str | None = None,
        start: bool = True,
    ) -> Record:
        """Create an A/B test, running at once unless `start` is False, and return it.

        Args:
            name: for people.
            model_a_id: the model now, arm A.
            model_b_id: the challenger, arm B.
            config: `traffic_split` (B's share, 0 to 1), `coverage` (the part of all units that is in the test),
                `metrics`, `duration_days`, `alpha`, `guardrails` and `seed`.
            arms: instead of the two models two or more of `{model_id, version_id, name, share}`.
            id: an id of your own; doing it again then returns the same test.
            start: False makes a draft, for `start_ab_test`.
        """
        models = {"model_a_id": model_a_id, "model_b_id": model_b_id, "arms": arms}
        body = {"id": id or short_id("ab"), "name": name, **models, "config": config, "start": start}
        return self._do("POST", "/v1/ab-tests", AbTest, body=body)

    def get_ab_test(self, ab_test_id: str) -> Record:
        """Return one A/B test."""
        return self._do("GET", ab_test_path(ab_test_id), AbTest)

    def list_ab_tests(self, limit: int | None = None) -> Records:
        """Return the A/B tests, the oldest first."""
        return self._list("/v1/ab-tests", AbTest, limit)

    def update_ab_test(
        self, ab_test_id: str, name: str | None = None, config: Mapping[str, Any] | None = None
    ) -> Record:
        """Change a test's name or parts of its `config`, and return it; once it runs, `coverage` alone, upwards."""
        return self._changed("PATCH", ab_test_id, body={"name": name, "config": config})

    def start_ab_test(self, ab_test_id: str) -> Record:
        """Start a draft, and return it."""
        return self._changed("POST", ab_test_id, "start")

    def stop_ab_test(self, ab_test_id: str) -> Record:
        """End a test, and return it: what is logged for it from then on isn't counted, its results stay."""
        return self._changed("POST", ab_test_id, "stop")

    def decide_ab_test(self, ab_test_id: str, arm: str, note: str | None = None) -> Record:
        """Store which arm was chosen, signed with the holder of the key, and return the test, which ends with it."""
        return self._changed("POST", ab_test_id, "decide", body={"arm": arm, "note": note})

    def _changed(self, method: str, ab_test_id: str, *parts: str, body: dict[str, Any] | None = None) -> Record:
        """Change a test, and forget its definition: `assign` goes by what this client has changed at once."""
        try:
            return self._do(method, ab_test_path(ab_test_id, *parts), AbTest, body=body)
        finally:
            self._definitions.pop(ab_test_id, None)

    def get_ab_test_results(self, ab_test_id: str) -> Record:
        """Return what a test says: `verdict`, `metrics`, `p_value` of the first metric, `model_a`, `model_b` ...

        Numbers that aren't known are NaN; `reason` and `reasons` say why. Looking at any time is fine.
        """
        return self._do("GET", ab_test_path(ab_test_id, "results"), AbResults)

    def rebuild_ab_test(self, ab_test_id: str) -> Record:
        """Make a test's sums again from what they were made of, and return whether anything was `changed`."""
        return self._do("POST", ab_test_path(ab_test_id, "rebuild"), AbRebuilt)

    def plan_ab_test(
        self,
        metric: str = "feedback_score",
        effect: float | None = None,
        value: float | None = None,
        sd: float | None = None,
        units_per_day: float | None = None,
        duration_days: float | None = None,
        traffic_split: float | None = None,
        alpha: float | None = None,
        comparisons: int | None = None,
        power: float | None = None,
    ) -> Record:
        """Return how many units and days a test needs to find `effect`, or which effect `duration_days` can show.

        `effect` is B - A (for latency relative: 0.05 is 5 % slower), `value` that of A now (for rates), `sd` the
        standard deviation of one unit's value (for others; for latency of its logarithm).
        """
        wanted = {"metric": metric, "effect": effect, "value": value, "sd": sd}
        traffic = {"units_per_day": units_per_day, "duration_days": duration_days, "traffic_split": traffic_split}
        where = query(**wanted, **traffic, alpha=alpha, comparisons=comparisons, power=power)
        return self._do("GET", "/v1/ab-test-plan", Plan, where)

    def assign(self, ab_test_id: str, unit: str) -> Record | None:
        """Return the arm of a unit (`name`, `model_id`, `version_id`), None where it is in none.

        It is computed here, with no call but one every 30 seconds for the test's definition; while the service can't be
        reached, the one that is known holds. A unit is in no arm when the coverage leaves it out, and while the test
        doesn't run. Log its predictions with the same `ab_test_id` and `unit`.
        """
        known = self._definition(ab_test_id)
        over = known.ends_at is not None and to_micros(known.ends_at) <= now()
        index = assigned(known.seed, [arm.share for arm in known.arms], known.coverage, unit)
        if index is None or over or known.status != "running":
            return None
        arm: Record = known.arms[index]
        return arm

    def _definition(self, ab_test_id: str) -> Record:
        known = self._definitions.get(ab_test_id)
        if known is not None and monotonic() - known[0] < KEPT:
            return known[1]
        with self._fetching:  # of many threads one asks
            known = self._definitions.get(ab_test_id)
            if known is None or monotonic() - known[0] >= KEPT:
                known = monotonic(), self._fetched(ab_test_id, known)
                self._definitions[ab_test_id] = known
        return known[1]

    def _fetched(self, ab_test_id: str, known: tuple[float, Record] | None) -> Record:
        try:
            return self._do("GET", ab_test_path(ab_test_id, "assignment"), Assignment)
        except (ConnectionFailed, ServiceError) as error:
            if known is None:
                raise
            log.warning("the A/B test %s can't be asked for (%s); what is known of it holds", ab_test_id, error)
            return known[1]
