"""The description of the API against its answers: Schemathesis makes requests from it, right and wrong ones."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from described import CHECKS, ROUTES, credentials, hosted, judge, schema, start
from hypothesis import HealthCheck, settings
from schemathesis_exclusions import EVENTS, EXCLUSIONS, ITEMS

answered: defaultdict[str, set[int]] = defaultdict(set)


@pytest.fixture(scope="module", autouse=True)
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    start(tmp_path_factory.mktemp("described"))
    yield
    hosted.stop()


# Which of its fields go together no schema says, so that requests of chance may miss it; tests/client calls it.
HARD_TO_HIT = {"POST /v1/models/{model_id}/compare"}


def call(case: Any) -> None:
    """Send a request, and check the answer."""
    response = case.call(headers=credentials())
    label = case.operation.label
    answered[label].add(response.status_code)
    judge(case, response)
    if label in EVENTS | ITEMS and response.status_code == 207 and case.meta.generation.mode.is_negative:
        assert "refused" in {item["status"] for item in response.json()["items"]}, case.as_curl_command()


@schema.parametrize()
@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_it_is_described(case: Any) -> None:
    """Each route, with examples, with values at the edges, and with some at random (the same ones each time)."""
    call(case)


@pytest.mark.long
@pytest.mark.timeout(300)
@schema.parametrize()
@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_more_answers_are_as_they_are_described(case: Any) -> None:
    """Each route, with more requests (the same ones each time)."""
    call(case)


def test_the_requests_reach_what_is_there() -> None:
    """Each route has done what it is for: the checks weren't all about refusals."""
    if set(answered) < ROUTES:
        pytest.skip("not all routes were called")
    missed = {label for label, statuses in answered.items() if not any(status < 300 for status in statuses)}
    assert missed <= HARD_TO_HIT


def test_every_exclusion_names_a_check_and_routes() -> None:
    """A route that is renamed loses its exclusions."""
    for one in EXCLUSIONS:
        assert one.check in CHECKS
        assert one.routes <= ROUTES
