"""Law 3, 4 and 6 as a property: order and repetition of events leave rows and sums equal, bit for bit."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from seeme.domain import sums
from seeme.records.feedback import Comment, Correct, Correction, FalsePositive, MissedObject, Rating, WrongLabel
from seeme.records.models import NewModel
from seeme.records.predictions import Detection, NewLabel, NewPrediction
from seeme.service import recount
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings
from seeme.store import events

SOMEONE = Identity("sk_test", "secret", "Ada", frozenset({"ingest"}))
START = datetime(2025, 11, 18, tzinfo=UTC)
times = st.integers(0, 50).map(lambda hours: START + timedelta(hours=hours))
targets = st.sampled_from(["p0", "p1", "p2"])
people = st.sampled_from([None, "ann", "bob"])
unsure = st.one_of(st.none(), st.floats(0, 1))
classes = st.sampled_from(["cat", "dog", "owl"])


def predictions(task: str):
    """Return a strategy for predictions of a task."""
    said = {
        "classification": {"label": classes},
        "regression": {"value": st.floats(-1e12, 1e12)},
        "detection": {
            "detections": st.lists(st.builds(Detection, label=classes, box=st.just((1.0, 1.0, 5.0, 5.0))), max_size=3)
        },
    }[task]
    return st.builds(
        NewPrediction,
        model_id=st.just("m"),
        id=targets,
        created_at=times,
        confidence=unsure,
        latency_ms=st.one_of(st.none(), st.floats(0, 1e9)),
        subject=people,
        **said,
    )


def feedback(task: str):
    """Return a strategy for feedback on a model of a task; ids are few, so that chains and changes of mind happen."""
    shared = {
        "model_id": st.just("m"),
        "prediction_id": targets,
        "created_at": times,
        "subject": people,
        "supersedes": st.one_of(st.none(), st.sampled_from(["first-1", "first-2"])),
    }
    kinds = [
        st.builds(Rating, rating=st.sampled_from([1, 0, -1]), **shared),
        st.builds(Comment, notes=st.just("hm"), **shared),
        st.builds(Correct, **shared),
    ]
    if task == "regression":
        kinds.append(st.builds(Correction, correct_value=st.floats(-1e12, 1e12), **shared))
    else:
        kinds.append(st.builds(Correction, correct_label=classes, **shared))
    if task == "detection":
        index = st.integers(0, 2)
        kinds.append(st.builds(WrongLabel, detection_index=index, correct_label=classes, **shared))
        kinds.append(st.builds(FalsePositive, detection_index=index, **shared))
        box = st.just((0.0, 0.0, 2.0, 2.0))
        kinds.append(st.builds(MissedObject, correct_label=classes, box=box, **shared))
    return st.one_of(kinds)


def labels(task: str):
    """Return a strategy for true labels."""
    said = {
        "classification": {"label": classes},
        "regression": {"value": st.floats(-1e12, 1e12)},
        "detection": {"boxes": st.just([])},
    }[task]
    return st.builds(NewLabel, model_id=st.just("m"), prediction_id=targets, created_at=times, **said)


@st.composite
def histories(draw):
    """Draw a task, events with their own ids, and two orders of them with repetitions."""
    task = draw(st.sampled_from(["classification", "detection", "regression"]))
    drawn = draw(st.lists(predictions(task), max_size=3, unique_by=lambda one: one.id))
    for n, event in enumerate(draw(st.lists(st.one_of(feedback(task), labels(task)), max_size=12))):
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        drawn.append(type(event)(**{**fields, "id": f"e{n}"}))
    orders = []
    for _ in range(2):
        order = draw(st.permutations(drawn))
        repeated = draw(st.lists(st.sampled_from(order), max_size=5)) if order else []
        sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
        orders.append(([*order, *repeated], sizes))
    return task, orders


async def play(nodes: list[Services], model_id, history, sizes):
    """Send events to a model in batches of the given sizes, each kind by its own call, at once, to nodes in turn."""
    n = 0
    while history:
        size = sizes[n % len(sizes)]
        chunk, history, n = history[:size], history[size:], n + 1
        calls = []
        for one in chunk:
            ingest = nodes[len(calls) % len(nodes)].ingest
            kind = {NewPrediction: ingest.predictions, NewLabel: ingest.labels}.get(type(one), ingest.feedback)
            calls.append(kind([msgspec.structs.replace(one, model_id=model_id)], SOMEONE))
        await asyncio.gather(*calls)


def plain(row):
    """Return what of a row must not depend on order, nor on the name of its model."""
    return {name: row[name] for name in row.keys() if name not in ("updated_at", "model_id", "digest")}  # noqa: SIM118


async def picture(services: Services, model_id):
    """Return every row and sum of a model."""
    rows = {}
    for target in ("p0", "p1", "p2"):
        rows[target] = [plain(row) for row in await services.database.all("prediction", model_id=model_id, id=target)]
        for kind in ("labels", "feedback"):
            query = f"{kind}_of_prediction"
            found = [plain(row) for row in await services.database.all(query, model_id=model_id, prediction_id=target)]
            # What doesn't fit its prediction is refused when it comes later; what came first can only be set aside.
            rows[target] += [row for row in found if row["status"] != "quarantined"]
    every = {"model_id": model_id, "start": -(2**62), "stop": 2**62, "version_id": None}
    vectors = {}
    positions = await events.label_positions(services.database, model_id)
    places = {label: sums.label_lane(position) for label, position in positions.items()}
    for grain in (1, 2, 3):
        for row in await services.database.all("sums_between", grain=grain, **every):
            lanes = list(sums.unpack(row["vector"]))
            # Which lane a label has depends on which came first; what is counted under its name must not.
            by_label = {label: sum(lanes[n : n + 1]) for label, n in places.items()}
            by_label = {label: count for label, count in by_label.items() if count}
            vectors[grain, row["start"], row["version_id"]] = lanes[: sums.FIRST_LABEL], by_label
    return rows, vectors


async def disagreements(services: Services, model_id):
    """Return where the sums of a model differ from a recount of its rows."""
    wrong = []
    for day, _ in await recount.days(services.database, model_id):
        delta = await recount.day(services.database, model_id, day)
        wrong += await recount.differences(services.database, model_id, day, delta)
    return wrong


async def compare(nodes: list[Services], task, orders):
    """Play two orders of one history into two models; assert that nothing tells them apart, and erase everybody."""
    pictures = []
    services = nodes[0]
    models = [uuid4().hex for _ in orders]
    for model_id, (history, sizes) in zip(models, orders, strict=True):
        await services.models.create(NewModel(name="M", id=model_id, task=task))
        for other in nodes[1:]:
            await other.cluster.refresh()
        await play(nodes, model_id, history, sizes)
        if len(nodes) > 1:
            assert await disagreements(services, model_id) == []
            await nodes[1].cluster.join_orphans()
            await services.cluster.fold()
        pictures.append(await picture(services, model_id))
        assert await disagreements(services, model_id) == []
    assert pictures[0] == pictures[1]
    for person in ("ann", "bob"):
        await services.removal.erase(services.ingest.subject_hash(person))
    for model_id in models:
        assert await disagreements(services, model_id) == []


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(1, id="sqlite"),
        *(pytest.param(n, id=f"{n} nodes", marks=[pytest.mark.long, pytest.mark.timeout(300)]) for n in (1, 2)),
    ],
)
def test_any_order_and_repetition_leaves_rows_and_sums_equal(count, request):
    """Two orders of the same events, some repeated, leave equal rows and sums; erasing subtracts exactly."""
    shared = "nodes" in request.node.name
    database = request.getfixturevalue("postgres").create() if shared else ""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        stack = AsyncExitStack()
        folders = [Path(folder) / name for name in "ab"]
        nodes = [
            runner.run(stack.enter_async_context(Services.open(settings, lambda: 1_763_640_000_000_000)))
            for settings in (Settings(data=one, database=database, secret="the same") for one in folders[:count])
        ]

        @hypothesis_settings(
            max_examples=60 if shared else 150, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink]
        )
        @given(histories())
        def hold(history):
            runner.run(compare(nodes, *history))

        try:
            hold()
        finally:
            runner.run(stack.aclose())
