"""Chains of requests, each with what the ones before it answered: what was made is there, what was deleted is gone."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from described import credentials, hosted, judge, schema, start
from hypothesis import HealthCheck, settings


class Chain(schema.as_state_machine()):  # type: ignore[misc]
    """One chain, on a service of its own: what a chain meets must not depend on the chains before it."""

    def setup(self) -> None:
        """Start the service."""
        super().setup()
        self._folder = TemporaryDirectory()
        start(Path(self._folder.name))

    def teardown(self) -> None:
        """Stop the service."""
        hosted.stop()
        self._folder.cleanup()
        super().teardown()

    def get_call_kwargs(self, case: Any) -> dict[str, Any]:
        """Come with a key that may do everything."""
        return {"headers": credentials()}

    def validate_response(self, response: Any, case: Any, additional_checks: Any = None, **_: Any) -> None:
        """Check an answer, also against those before it."""
        judge(case, response, additional_checks=additional_checks, recorder=self.recorder)


def run(**options: Any) -> None:
    """Make chains."""
    Chain.run(settings=settings(deadline=None, suppress_health_check=list(HealthCheck), **options))


def test_chains_of_requests_are_answered_as_described() -> None:
    """Some short ones (the same ones each time)."""
    run(max_examples=15, stateful_step_count=8, derandomize=True)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_many_longer_chains_are_answered_as_described() -> None:
    """More and longer ones (the same ones each time)."""
    run(max_examples=60, stateful_step_count=15, derandomize=True)
