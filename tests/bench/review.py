"""What the data engine costs: judging a prediction, claiming from a long queue, and fifty reviewers at once."""

import asyncio
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
from tests.postgres import Postgres, programs

from seeme.domain import strata
from seeme.domain.sampling import rules_of
from seeme.records.engine import DataEngine
from seeme.records.models import Model, ModelPatch, NewModel
from seeme.records.predictions import NewPrediction
from seeme.records.review import Claim
from seeme.records.rows import PredictionRow, ReviewRow
from seeme.service.keys import Identity
from seeme.service.sampling import Sampling, item_id
from seeme.service.services import Services
from seeme.settings import Settings
from seeme.store import review as stored
from seeme.store.database import Transaction
from seeme.store.strata import Strata, key_of

from .run import Run

REVIEWERS = 50
CHUNK = 5_000
ENGINE = {
    "enabled": True,
    "low_confidence": {"enabled": True, "threshold": 0.7, "sample_rate": 0.5},
    "margin": {"enabled": True},
    "random_sample": {"enabled": True, "rate": 0.05},
}


def review(run: Run) -> None:
    """Sampling per prediction, a claim among a million open items, and no item for two of fifty reviewers."""
    cost = _sampling(run)
    run.add("sampling inside intake, per prediction", f"{cost:.1f} us", "<= 10 us", cost <= 10)
    asyncio.run(_claims(run, "SQLite", [Settings(data=run.folder / "review")]))
    _on_postgres(run)


def _sampling(run: Run) -> float:
    """Return the microseconds of judging and counting one prediction, the best of five rounds."""
    engine = msgspec.convert(ENGINE, DataEngine)
    model = msgspec.structs.replace(_model(), data_engine=engine)
    assert rules_of(model.id, model.task, model.labels, engine) is not None
    sampling = Sampling("main")
    pairs = [
        (
            PredictionRow(model_id="m", id=f"p{n}", version_id="", created_at=0, received_at=0, digest=b""),
            NewPrediction(model_id="m", label="a", confidence=n % 100 / 100, scores={"a": 0.5, "b": 0.3, "c": 0.2}),
        )
        for n in range(run.plan.few)
    ]
    costs = []
    for _ in range(5):
        began = time.perf_counter()
        counted = Strata()
        for row, new in pairs:
            sampling.judge(row, new, model)
            key = key_of("m", row, row.rule_set or 0, row.matched or "")
            counted.add(key, row.pi or 0.0, strata.of_prediction(new.confidence, bool(row.taken)))
        counted.rows("main")
        costs.append((time.perf_counter() - began) / len(pairs) * 1e6)
    return min(costs)


def _model() -> Model:
    return msgspec.json.decode(
        b'{"id":"m","name":"M","task":"classification","labels":["a","b","c"],"config":{},"data_engine":{},'
        b'"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}',
        type=Model,
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """Yield a service with a model whose data engine is on."""
    async with Services.open(settings) as services:
        await services.models.create(NewModel(id="m", name="M", labels=["a", "b", "c"]))
        await services.models.patch("m", msgspec.convert({"data_engine": ENGINE}, ModelPatch))
        yield services


async def fill(services: Services, first: int, count: int) -> None:
    """Put open items into the queue, without their predictions."""
    for start in range(first, first + count, CHUNK):
        rows = [_item(n) for n in range(start, min(start + CHUNK, first + count))]

        async def insert(tx: Transaction, rows: list[ReviewRow] = rows) -> None:
            await stored.insert(tx, rows)

        await services.inbox.run(insert)


def _item(n: int) -> ReviewRow:
    return ReviewRow(
        model_id="m",
        id=item_id("m", str(n), 0),
        prediction_id=str(n),
        reasons="random_sample",
        place=n * 2_654_435_761 % 2**62,  # scattered, each its own
        version_id="",
        arm="",
        created_at=0,
        queued_at=0,
        rule_set=1,
        matched="random_sample",
        pi=0.05,
        label="a",
        confidence=0.5,
    )


def _on_postgres(run: Run) -> None:
    """Claim through two nodes on one private server with its defaults, fsync among them."""
    if programs() is None:
        run.add("PostgreSQL: claims not measured, its server programs are missing", "-")
        return
    # An fsync must be a real one: /tmp may be memory.
    server = Postgres(Path(tempfile.mkdtemp(prefix="seeme-bench-", dir="/var/tmp"))).initialise().start()
    try:
        url = server.create()
        nodes = [Settings(data=run.folder / f"review-{n}", database=url, secret="bench") for n in range(2)]
        asyncio.run(_claims(run, "PostgreSQL, two nodes", nodes))
    finally:
        server.remove()


async def _claims(run: Run, engine: str, settings: Sequence[Settings]) -> None:
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(opened(settings[0]))]
        nodes += [await stack.enter_async_context(Services.open(one)) for one in settings[1:]]
        run.say(f"review: {run.plan.many:,} open items, {engine}")
        await fill(nodes[0], 0, run.plan.many)
        p50 = await _claim_ms(nodes[0])
        what = f"{engine}: a claim among {run.plan.many:,} open items, on disk, p50"
        run.add(what, f"{p50:.2f} ms", "<= 5 ms", p50 <= 5)
        claims = run.plan.many // 10
        run.say(f"review: {claims:,} claims by {REVIEWERS} reviewers at once, {engine}")
        began = time.perf_counter()
        twice = await double_leases(nodes, claims)
        seconds = time.perf_counter() - began
        what = f"{engine}: items leased to two of {REVIEWERS} reviewers, in {claims:,} claims"
        run.add(what, str(twice), "0", twice == 0)
        run.add("- claims per second", f"{claims / seconds:,.0f}")


async def _claim_ms(services: Services) -> float:
    """Return the median of 200 claims of one item each, in milliseconds."""
    ada = Identity("sk_ada", "secret", "Ada", frozenset({"review"}))
    costs = []
    for _ in range(200):
        began = time.perf_counter()
        assert len(await services.queue.claim(Claim(model_id="m"), ada)) == 1
        costs.append((time.perf_counter() - began) * 1e3)
    return statistics.median(costs)


async def double_leases(nodes: Sequence[Services], claims: int) -> int:
    """Let fifty reviewers, spread over the nodes, claim one item after the other at once.

    Returns:
        How many items two of them got.
    """
    seen: Counter[str] = Counter()

    async def one(n: int) -> None:
        who = Identity(f"sk_{n:03}", "secret", f"Reviewer {n}", frozenset({"review"}))
        for _ in range(claims // REVIEWERS):
            for row in await nodes[n % len(nodes)].queue.claim(Claim(model_id="m", lease_seconds=86_400), who):
                seen[row.id] += 1

    await asyncio.gather(*(one(n) for n in range(REVIEWERS)))
    assert sum(seen.values()) == claims
    return sum(count > 1 for count in seen.values())
