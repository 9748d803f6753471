"""A/B tests: made, run and decided, the arm of a unit, and what they say. A key for some models sees theirs."""

from seeme.records.ab_results import AbRebuilt, AbResults, Plan
from seeme.records.ab_tests import AbTest, AbTestPatch, Assignment, Decision, NewAbTest
from seeme.records.types import Id, Page
from seeme.service.ab_planning import plan
from seeme.service.services import Services
from seeme.web.guard import Caller, check_models
from seeme.web.params import ListParams, PlanParams, UnitParams, given
from seeme.web.signature import Made


def _known(services: Services, caller: Caller, ab_test_id: str) -> AbTest:
    """Return a test that the caller may see."""
    test = services.ab_tests.get(ab_test_id)
    check_models(caller.identity, [arm.model_id for arm in test.arms])
    return test


async def create_ab_test(services: Services, caller: Caller, body: NewAbTest) -> Made[AbTest]:
    """Make a test, running at once unless `start` is false."""
    named = [body.model_a_id, body.model_b_id, *(arm.model_id for arm in body.arms or ())]
    check_models(caller.identity, [model_id for model_id in named if model_id is not None])
    return Made(*await services.ab_tests.create(body, caller.identity))


def list_ab_tests(services: Services, caller: Caller, query: ListParams) -> Page[AbTest]:
    """List tests, the oldest first; a key that is for some models sees only theirs."""
    return services.ab_tests.list(query.limit, given(query.cursor), caller.identity.models)


def read_ab_test(services: Services, caller: Caller, ab_test_id: Id) -> AbTest:
    """Get a test."""
    return _known(services, caller, ab_test_id)


async def patch_ab_test(services: Services, caller: Caller, ab_test_id: Id, body: AbTestPatch) -> AbTest:
    """Change a test: of one that has started only the name and, upwards, the coverage."""
    _known(services, caller, ab_test_id)
    return await services.ab_tests.patch(ab_test_id, body)


async def start_ab_test(services: Services, caller: Caller, ab_test_id: Id) -> AbTest:
    """Start a draft."""
    _known(services, caller, ab_test_id)
    return await services.ab_tests.start(ab_test_id, caller.identity)


async def stop_ab_test(services: Services, caller: Caller, ab_test_id: Id) -> AbTest:
    """End a test: what is logged for it from then on isn't counted, its results stay."""
    _known(services, caller, ab_test_id)
    return await services.ab_tests.stop(ab_test_id, caller.identity)


async def decide_ab_test(services: Services, caller: Caller, ab_test_id: Id, body: Decision) -> AbTest:
    """Store which arm was chosen; a running test ends with it."""
    _known(services, caller, ab_test_id)
    return await services.ab_tests.decide(ab_test_id, body, caller.identity)


def ab_test_assignment(services: Services, caller: Caller, ab_test_id: Id, query: UnitParams) -> Assignment:
    """Get the arm of a unit, with what other units' arms follow from."""
    _known(services, caller, ab_test_id)
    return services.ab_tests.assignment(ab_test_id, given(query.unit))


async def ab_test_results(services: Services, caller: Caller, ab_test_id: Id) -> AbResults:
    """Get what a test says so far: nulls with reasons where it says nothing yet."""
    _known(services, caller, ab_test_id)
    return await services.ab_results.results(ab_test_id)


async def rebuild_ab_test(services: Services, caller: Caller, ab_test_id: Id) -> AbRebuilt:
    """Make a test's sums again where they differ from what they were made of."""
    _known(services, caller, ab_test_id)
    return await services.ab_results.rebuild(ab_test_id)


def plan_ab_test(query: PlanParams) -> Plan:
    """Plan a test of two arms: units and days for a wanted effect, or the effect that a duration can show."""
    return plan(query.query())
