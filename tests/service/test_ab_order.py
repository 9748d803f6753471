"""A/B tests as a property: whatever comes, in whatever order and how often, the sums are those of a recount."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from seeme.assignment import assigned
from seeme.records.ab_tests import NewAbConfig, NewAbTest
from seeme.records.feedback import Rating
from seeme.records.models import NewModel
from seeme.records.predictions import NewPrediction
from seeme.service import ab_recount
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings
from seeme.store import ab_tests, ab_units

SOMEONE = Identity("sk_test", "secret", "Ada", frozenset({"ingest"}))
PAGE = Identity("pk_test", "publishable", "page", frozenset({"feedback"}), frozenset(), frozenset({"*"}))
UNITS = ["ann", "cem", "gus"]  # with the seed `s` outside of half a coverage, in A and in B; see below
MODELS = ["now", "new"]
times = st.integers(0, 50).map(lambda hours: datetime(2025, 11, 18, tzinfo=UTC) + timedelta(hours=hours))
unsure = st.one_of(st.none(), st.floats(0, 1))
ids = st.sampled_from([f"p{n}" for n in range(5)])

predictions = st.builds(
    NewPrediction,
    model_id=st.sampled_from(MODELS),
    id=ids,
    created_at=times,
    label=st.just("cat"),
    confidence=unsure,
    latency_ms=st.one_of(st.none(), st.floats(0, 1e9)),
    error=st.one_of(st.none(), st.just("late")),
    subject=st.sampled_from([None, "eve"]),
    unit=st.sampled_from(UNITS),
)
votes = st.builds(
    Rating,
    model_id=st.sampled_from(MODELS),
    prediction_id=ids,
    created_at=times,
    rating=st.sampled_from([1, 0, -1]),
    subject=st.sampled_from([None, "ann", "eve"]),
    supersedes=st.one_of(st.none(), st.just("first-1")),
)


@st.composite
def histories(draw):
    """Draw tagged predictions and votes with their own ids, some by pages, and two orders of them with repetitions."""
    drawn = [
        (one, SOMEONE) for one in draw(st.lists(predictions, max_size=6, unique_by=lambda one: (one.model_id, one.id)))
    ]
    for n, vote in enumerate(draw(st.lists(votes, max_size=10))):
        drawn.append((msgspec.structs.replace(vote, id=f"e{n}"), draw(st.sampled_from([SOMEONE, PAGE]))))
    orders = []
    for _ in range(2):
        order = draw(st.permutations(drawn))
        repeated = draw(st.lists(st.sampled_from(order), max_size=4)) if order else []
        orders.append(([*order, *repeated], draw(st.integers(1, 4))))
    return orders


async def play(nodes, test_id, history, size):
    """Send events in batches at once, to the nodes in turn, while one of several folds the sums."""
    for start in range(0, len(history), size):
        calls = []
        for n, (one, who) in enumerate(history[start : start + size]):
            ingest = nodes[n % len(nodes)].ingest
            if isinstance(one, NewPrediction):
                one = msgspec.structs.replace(one, ab_test_id=test_id, model_id=f"{test_id}-{one.model_id}")
                calls.append(ingest.predictions([one], who))
            else:
                calls.append(ingest.feedback([msgspec.structs.replace(one, model_id=f"{test_id}-{one.model_id}")], who))
        await asyncio.gather(*calls, *(node.cluster.fold() for node in nodes[1:]))


async def check(services: Services, test_id):
    """Assert that the sums of a test are those of its units, and these those of its events; return the sums."""
    stored = await ab_tests.test(services.database, test_id)
    assert await ab_recount.differences(services.database, stored) == []
    totals = await ab_units.totals(services.database, test_id)
    return totals.sums(), totals.exposures()


async def compare(nodes: list[Services], orders, number):
    """Play two orders of one history into two tests; assert that both agree with recounts, and erase everybody."""
    services = nodes[0]
    tests = [f"t{number}-{at}" for at in range(2)]
    for test_id, (history, size) in zip(tests, orders, strict=True):
        for name in MODELS:
            await services.models.create(NewModel(name=name, id=f"{test_id}-{name}"))
        config = NewAbConfig(seed="s", coverage=0.5)
        pair = {"model_a_id": f"{test_id}-now", "model_b_id": f"{test_id}-new"}
        await services.ab_tests.create(NewAbTest(name="T", id=test_id, config=config, **pair), SOMEONE)
        for other in nodes[1:]:
            await other.cluster.refresh()
        await play(nodes, test_id, history, size)
        if len(nodes) > 1:
            await check(services, test_id)
            await nodes[1].cluster.join_orphans()
            await nodes[1].cluster.fold()
            assert len(await ab_units.writers(services.database, test_id)) <= 1
        await check(services, test_id)
    await services.removal.erase(services.ingest.subject_hash("eve"))
    for test_id in tests:
        await check(services, test_id)
        for name in MODELS:
            for cause, _, held in await services.review.held(f"{test_id}-{name}", 100):
                if cause != "misfit":
                    for one in held:
                        await services.review.release(one.id, f"{test_id}-{name}", SOMEONE)
        await check(services, test_id)
    for unit in UNITS:
        await services.removal.erase(services.ingest.subject_hash(unit))
    for test_id in tests:
        assert await check(services, test_id) == ({}, {})


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(1, id="sqlite"),
        *(pytest.param(n, id=f"{n} nodes", marks=[pytest.mark.long, pytest.mark.timeout(300)]) for n in (1, 2)),
    ],
)
def test_any_order_and_repetition_leaves_the_sums_of_a_recount(count, request):
    """Events of any kind in any order; then a person is erased, quarantined votes are released, all are erased."""
    shared = "nodes" in request.node.name
    database = request.getfixturevalue("postgres").create() if shared else ""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        stack = AsyncExitStack()
        folders = [Path(folder) / name for name in "ab"]
        shared_settings = {"database": database, "secret": "the same", "burst_votes": 1}
        nodes = [
            runner.run(stack.enter_async_context(Services.open(settings, lambda: 1_763_640_000_000_000)))
            for settings in (Settings(data=one, **shared_settings) for one in folders[:count])
        ]
        numbers = iter(range(1_000_000))

        @hypothesis_settings(
            max_examples=40 if shared else 30, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink]
        )
        @given(histories())
        def hold(orders):
            runner.run(compare(nodes, orders, next(numbers)))

        try:
            hold()
        finally:
            runner.run(stack.aclose())


def test_the_units_of_this_file_are_of_all_kinds():
    """At half of the coverage some units are in A, some in B and some outside, and all are somewhere at the whole."""
    assert {assigned("s", [0.5, 0.5], 0.5, unit) for unit in UNITS} == {None, 0, 1}
    assert None not in {assigned("s", [0.5, 0.5], 1, unit) for unit in UNITS}
