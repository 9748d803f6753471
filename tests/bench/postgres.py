"""How fast the service is on PostgreSQL: batches through the service floor, singles over HTTP, reading from sums."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from tests.postgres import Postgres, programs

from seeme.records.models import NewModel
from seeme.records.predictions import NewPrediction
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings

from .process import Service
from .reading import metrics_p99
from .run import Run, spread
from .writing import in_turn

SOMEONE = Identity("sk_bench", "secret", "benchmark", frozenset({"ingest"}))
CALLERS = 4


def postgres(run: Run) -> None:
    """Everything on a private server with its defaults, fsync among them."""
    if programs() is None:
        run.add("PostgreSQL: not measured, its server programs are missing", "-")
        return
    # The server's user must reach it, and an fsync there must be a real one: /tmp may be memory.
    server = Postgres(Path(tempfile.mkdtemp(prefix="seeme-bench-", dir="/var/tmp"))).initialise().start()
    try:
        _batches(run, server.create(), (1_000, 20_000), (100, 10_000))
        _singles(run, server.create())
        _reading(run, server.create())
    finally:
        server.remove()


def _batches(run: Run, url: str, *aims: tuple[int, int]) -> None:
    rates: dict[int, list[float]] = {size: [] for size, _ in aims}
    for number in range(run.plan.rounds):
        for size, _ in aims:
            run.say(f"PostgreSQL, batches of {size}, round {number + 1} of {run.plan.rounds}")
            events = size * CALLERS * max(1, run.plan.few // size // 2)
            rate = asyncio.run(_rate(run.folder / "postgres", url, size, events, number))
            rates[size].append(rate)
            run.keep("postgres", round=number, size=size, rate=rate, events=events)
    for size, aim in aims:
        met = statistics.median(rates[size]) >= aim
        run.add(f"PostgreSQL, batches of {size:,} through the store: events/s", spread(rates[size]), f">= {aim:,}", met)


async def _rate(data: Path, url: str, size: int, events: int, number: int) -> float:
    """Return how many predictions a second are stored, with their sums, from a few callers at once."""
    async with Services.open(Settings(data=data, database=url)) as services:
        model_id = f"m{number}"
        await services.models.create(NewModel(name="M", id=model_id))
        batches = iter(
            [
                [
                    NewPrediction(model_id=model_id, id=f"{size}-{start + n}", label=f"label-{n % 10}", confidence=0.9)
                    for n in range(size)
                ]
                for start in range(0, events, size)
            ]
        )

        async def call() -> None:
            for batch in batches:
                outcomes = await services.ingest.predictions(batch, SOMEONE)
                assert all(getattr(one, "status", "") == "created" for one in outcomes)

        began = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(CALLERS)))
        return events / (time.perf_counter() - began)


def _singles(run: Run, url: str) -> None:
    service, floor = in_turn(run, "predictions", "postgres-singles", "--database", url)
    ratios = [one.rate / other.rate for one, other in zip(service, floor, strict=True)]
    met = statistics.median(ratios) >= 0.35
    run.add("PostgreSQL, single predictions / floor", spread(ratios, "{:.2f}"), ">= 0.35", met)
    run.add("- events/s", spread(one.rate for one in service))
    run.add("- p99", f"{spread((one.p99_ms for one in service), '{:.1f}')} ms")


def _reading(run: Run, url: str) -> None:
    with Service(run.folder / "postgres-reading", "--database", url) as service:
        p99 = metrics_p99(run, service)
    run.add("PostgreSQL, 12 weeks of metrics, p99", f"{p99:.1f} ms", "<= 50 ms", p99 <= 50)
