"""What the results of an A/B test cost, and that they don't depend on how much it has counted."""

from collections.abc import Iterator
from typing import Any

from seeme.assignment import assigned

from .process import Service
from .reading import batches_of, cost_of, send
from .run import Run
from .writing import make_model

PER_UNIT = 10  # predictions, of which one gets a thumb
SEED = "bench"
METRICS = ["feedback_score", "error_rate", "latency", "confidence"]


def ab(run: Run) -> None:
    """The results of a test, with few and with many predictions in it."""
    found = {}
    with Service(run.folder / "ab") as service:
        for test, count in (("few", run.plan.few), ("many", run.plan.many)):
            models = [f"{test}-a", f"{test}-b"]
            for model in models:
                make_model(service, model)
            new = {"id": test, "name": test, "model_a_id": models[0], "model_b_id": models[1]}
            service.call("POST", "/v1/ab-tests", {**new, "config": {"seed": SEED, "metrics": METRICS}})
            send(run, service, "/v1/predictions", test, _predictions(test, count), count)
            votes = count // PER_UNIT
            send(run, service, "/v1/feedback", test, _votes(test, votes), votes)
            found[count] = cost_of(service, f"/v1/ab-tests/{test}/results", run.plan.reads)
            shown: Any = service.call("GET", f"/v1/ab-tests/{test}/results")
            if sum(arm["predictions"] for arm in shown["arms"]) != count or shown["leaks"]:
                raise RuntimeError(f"{test}: {count} predictions were sent, these are counted: {shown['arms']}")
            run.keep("ab", predictions=count, requests=run.plan.reads, **found[count]._asdict())
    few, many = (found[count] for count in (run.plan.few, run.plan.many))
    what = f"results of an A/B test of {run.plan.many:,} predictions: server CPU"
    run.add(what, f"{many.cpu_ms:.2f} ms", "<= 5 ms", many.cpu_ms <= 5)
    run.add("- time to the answer, p50", f"{many.p50_ms:.2f} ms")
    run.add(f"- CPU at {run.plan.few:,} predictions", f"{few.cpu_ms:.2f} ms")


def _arm(unit: int) -> int:
    return assigned(SEED, [0.5, 0.5], 1, f"u{unit}") or 0


def _predictions(test: str, count: int) -> Iterator[bytes]:
    """Yield batches in which units come in turn, so that each is changed by many commits."""
    units = count // PER_UNIT
    return batches_of(
        count,
        lambda n: (
            f'{{"model_id":"{test}-{"ab"[_arm(n % units)]}","id":"{n:x}","ab_test_id":"{test}","unit":"u{n % units}",'
            f'"label":"{n % 10}","confidence":0.{1000 + n * 37 % 9000},"latency_ms":{5 + n % 40}.{n % 10}}}'
        ),
    )


def _votes(test: str, count: int) -> Iterator[bytes]:
    return batches_of(
        count,
        lambda n: (
            f'{{"feedback_type":"rating","model_id":"{test}-{"ab"[_arm(n)]}","id":"f{n:x}","prediction_id":"{n:x}",'
            f'"rating":{1 if n % 5 else -1}}}'
        ),
    )
