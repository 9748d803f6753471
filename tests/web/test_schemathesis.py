"""The description of the API against its answers: Schemathesis makes requests from it, right and wrong ones."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from described import document
from hosted import UNLIMITED, Hosted
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis_exclusions import EVENTS, EXCLUSIONS, excluded
from seeds import found, sow
from test_api import PNG

from seeme.settings import Settings

hosted = Hosted()
schema = schemathesis.openapi.from_dict(document())
schema.app = hosted
LABELS = {result.ok().label for result in schema.get_all_operations()}
CHECKS = {check.__name__: check for check in schemathesis.checks.CHECKS.get_all()}
answered: defaultdict[str, set[int]] = defaultdict(set)


@schema.hook("flatmap_path_parameters")
def _path(context: Any, path_parameters: Any) -> Any:
    return found(context.operation, path_parameters)


@schema.hook("flatmap_query")
def _query(context: Any, query: Any) -> Any:
    return found(context.operation, query)


@schema.hook("flatmap_body")
def _body(context: Any, body: Any) -> Any:
    image = context.operation.label.startswith("PUT")
    return st.sampled_from([PNG, body]) if image else found(context.operation, body)


@pytest.fixture(scope="module", autouse=True)
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    hosted.start(Settings(data=tmp_path_factory.mktemp("described"), burst_votes=2, **UNLIMITED), sow)
    yield
    hosted.stop()


def call(case: Any) -> None:
    """Send a request, and check the answer by all the rules that hold for it."""
    headers = {"Authorization": f"Bearer {hosted.key}"}
    response = case.call(headers=headers)
    label = case.operation.label
    answered[label].add(response.status_code)
    left_out = [CHECKS[name] for name in excluded(label, response.status_code)]
    case.validate_response(response, excluded_checks=left_out, headers=headers, transport_kwargs={"headers": headers})
    if label in EVENTS and response.status_code == 207 and case.meta.generation.mode.is_negative:
        assert "refused" in {item["status"] for item in response.json()["items"]}, case.as_curl_command()


@schema.parametrize()
@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_it_is_described(case: Any) -> None:
    """Each route, with examples, with values at the edges, and with some at random (the same ones each time)."""
    call(case)


@pytest.mark.long
@pytest.mark.timeout(300)
@schema.parametrize()
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_more_answers_are_as_they_are_described(case: Any) -> None:
    """Each route, with other requests each time."""
    call(case)


def test_the_requests_reach_what_is_there() -> None:
    """Each route has done what it is for, and refused something; the checks weren't all about refusals."""
    if set(answered) < LABELS:
        pytest.skip("not all routes were called")
    assert [label for label, statuses in answered.items() if not any(status < 300 for status in statuses)] == []
    assert [label for label, statuses in answered.items() if max(statuses) < 400] == []


def test_every_exclusion_names_a_check_and_routes() -> None:
    """A route that is renamed loses its exclusions."""
    for one in EXCLUSIONS:
        assert one.check in CHECKS
        assert one.routes <= LABELS
