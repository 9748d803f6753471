"""How fast events are stored, beside the floor: singles, feedback, batches."""

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from .process import Process, Service
from .run import Load, Run, spread

_FLOOR = Path(__file__).with_name("floor.py")
KNOWN = 10_000


def singles(run: Run) -> None:
    """One prediction a request, service and floor in turn."""
    service, floor = in_turn(run, "predictions", "singles")
    ratios = [one.rate / other.rate for one, other in zip(service, floor, strict=True)]
    run.add("single predictions / floor", spread(ratios, "{:.2f}"), ">= 0.60", statistics.median(ratios) >= 0.6)
    run.add("- events/s", spread(one.rate for one in service))
    run.add("- events/s of the floor", spread(one.rate for one in floor))
    cpu = [one.cpu_us for one in service]
    run.add("- server CPU per event", f"{spread(cpu)} us", "<= 100 us", statistics.median(cpu) <= 100)
    run.add("- the floor's CPU per event", f"{spread(one.cpu_us for one in floor)} us")
    run.add("- p50", f"{spread((one.p50_ms for one in service), '{:.1f}')} ms")
    p99 = [one.p99_ms for one in service]
    run.add("- p99", f"{spread(p99, '{:.1f}')} ms", "<= 25 ms", statistics.median(p99) <= 25)
    run.add(
        "- p50, p99 of the floor",
        " and ".join(f"{spread((getattr(one, name) for one in floor), '{:.1f}')} ms" for name in ("p50_ms", "p99_ms")),
    )
    memory = max(one.memory_mb for one in service)
    run.add("- most resident memory", f"{memory:.0f} MB", "<= 120 MB", memory <= 120)


def feedback(run: Run) -> None:
    """One rating a request, on predictions that are stored; service and floor in turn."""
    service, floor = in_turn(run, "feedback", "feedback")
    ratios = [one.rate / other.rate for one, other in zip(service, floor, strict=True)]
    run.add("single ratings / floor", spread(ratios, "{:.2f}"))
    run.add("- events/s", spread(one.rate for one in service))
    run.add("- server CPU per event", f"{spread(one.cpu_us for one in service)} us")
    run.add("- p99", f"{spread((one.p99_ms for one in service), '{:.1f}')} ms")


def batches(run: Run) -> None:
    """A hundred predictions a request."""
    plan = run.plan
    with Service(run.folder / "batches") as service:
        make_model(service)
        if plan.warm_up:
            run.load(service, "predictions", key=service.key, size=100, seconds=plan.warm_up)
        rounds = []
        for number in range(plan.rounds):
            run.say(f"batches, round {number + 1} of {plan.rounds}")
            rounds.append(run.load(service, "predictions", key=service.key, size=100))
            run.keep("batches", round=number, subject="service", **rounds[-1]._asdict())
    rates = [one.rate for one in rounds]
    _refusals(run, "batches", rounds)
    run.add("batches of 100: events/s", spread(rates), ">= 30,000", statistics.median(rates) >= 30_000)
    run.add("- server CPU per event", f"{spread((one.cpu_us for one in rounds), '{:.1f}')} us")
    memory = max(one.memory_mb for one in rounds)
    run.add("- most resident memory", f"{memory:.0f} MB", "<= 120 MB", memory <= 120)


def in_turn(run: Run, kind: str, section: str, *options: str) -> tuple[list[Load], list[Load]]:
    """Load the service and the floor in turn, each first in every second round; return the rounds of both."""
    plan = run.plan
    loads: tuple[list[Load], list[Load]] = ([], [])
    with (
        Service(run.folder / section, *options) as service,
        Process([str(_FLOOR), "PORT"], run.folder / f"{section}-floor.log") as floor,
    ):
        make_model(service)
        if kind == "feedback":
            store_known(service)
        subjects: tuple[tuple[str, Process], ...] = (("service", service), ("floor", floor))
        for _, process in subjects if plan.warm_up else ():
            run.load(process, kind, key=service.key, known=KNOWN, seconds=plan.warm_up)
        for number in range(plan.rounds):
            for place in (0, 1) if number % 2 == 0 else (1, 0):
                name, process = subjects[place]
                run.say(f"{section}, round {number + 1} of {plan.rounds}: {name}")
                load = run.load(process, kind, key=service.key, known=KNOWN)
                loads[place].append(load)
                run.keep(section, round=number, subject=name, **load._asdict())
        _count(run, service, section, kind, loads[0])
    _refusals(run, section, [*loads[0], *loads[1]])
    return loads


def make_model(service: Service, id: str = "bench") -> None:
    """Make a model with ten labels."""
    service.call("POST", "/v1/models", {"id": id, "name": id, "labels": [f"label-{n}" for n in range(10)]})


def store_known(service: Service) -> None:
    """Store the predictions that feedback is about."""
    for first in range(0, KNOWN, 1000):
        items = [
            {"model_id": "bench", "id": f"known-{n}", "label": f"label-{n % 10}", "confidence": 0.9, "latency_ms": 12.5}
            for n in range(first, first + 1000)
        ]
        service.call("POST", "/v1/predictions", {"items": items})


def _count(run: Run, service: Service, section: str, kind: str, rounds: Sequence[Load]) -> None:
    """Compare what was answered with what the sums count: the figures are of stored events, or worthless."""
    answered = sum(one.events for one in rounds)
    periods = service.call("GET", "/v1/models/bench/metrics?period=week&lookback_weeks=2")["items"]
    assert isinstance(periods, list)
    names = ("predictions",) if kind == "predictions" else ("thumbs_up", "thumbs_down")
    stored = sum(period[name] for period in periods for name in names)
    run.keep("counts", of=section, answered=answered, stored=stored)
    if stored < answered:
        run.add(f"{section}: stored of {answered:,} answered", f"{stored:,}", "all", False)


def _refusals(run: Run, section: str, rounds: Sequence[Load]) -> None:
    wrong = sum(one.refused + one.broken for one in rounds)
    if wrong:
        run.add(f"{section}: answers that weren't 2xx, or none", f"{wrong:,}", "0", False)
        print(f"{section}: {wrong} requests failed; the figures of this section mean little", file=sys.stderr)
