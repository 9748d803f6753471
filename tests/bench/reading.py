"""What reading costs, and that it doesn't depend on how much is stored."""

import http.client
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from .process import Service
from .run import Run
from .writing import make_model

WEEKS = 12
_WEEK = 7 * 24 * 3600.0


class Cost(NamedTuple):
    """What one kind of request costs."""

    cpu_ms: float
    p50_ms: float
    p99_ms: float


def reading(run: Run) -> None:
    """A page of predictions and twelve weeks of metrics, with few and with many predictions stored."""
    few, many = run.plan.few, run.plan.many
    with Service(run.folder / "reading") as service:
        make_model(service, "few")
        _store(run, service, "few", few)
        small = _costs(run, service, "few", few)
        make_model(service, "many")
        _store(run, service, "many", many)
        large = _costs(run, service, "many", many)
        run.keep("memory", after="reading", megabytes=service.memory())
        service.stop()
        starts = []
        for _ in range(run.plan.starts):
            starts.append(service.start())
            service.stop()
    for what, most in (("page of 50", 1.0), ("page of 50 from the middle", 1.0), ("12 weeks of metrics", 2.0)):
        cpu = large[what].cpu_ms
        run.add(f"{what} at {many:,} predictions: server CPU", f"{cpu:.2f} ms", f"<= {most:.0f} ms", cpu <= most)
        run.add("- time to the answer, p50", f"{large[what].p50_ms:.2f} ms")
        run.add(f"- CPU at {few:,} predictions", f"{small[what].cpu_ms:.2f} ms")
    run.add(f"ready after a start with {many:,} predictions", f"{statistics.median(starts):.2f} s")


def metrics_p99(run: Run, service: Service) -> float:
    """Return the milliseconds in which 99 of 100 requests for twelve weeks of metrics are answered."""
    make_model(service, "few")
    _store(run, service, "few", run.plan.few)
    return _costs(run, service, "few", run.plan.few)["12 weeks of metrics"].p99_ms


def _costs(run: Run, service: Service, model: str, stored: int) -> dict[str, Cost]:
    middle = time.strftime("%Y-%m-%d", time.gmtime(time.time() - WEEKS * _WEEK / 2))
    page = f"/v1/predictions?model_id={model}&limit=50"
    paths = {
        "page of 50": page,
        "page of 50 from the middle": f"{page}&end_date={middle}",
        "12 weeks of metrics": f"/v1/models/{model}/metrics?period=week&lookback_weeks={WEEKS}",
    }
    costs = {}
    for what, path in paths.items():
        run.say(f"reading: {what} at {stored:,} predictions")
        costs[what] = cost_of(service, path, run.plan.reads)
        run.keep("reading", what=what, predictions=stored, requests=run.plan.reads, **costs[what]._asdict())
    return costs


def cost_of(service: Service, path: str, requests: int) -> Cost:
    """Ask for a path again and again over one connection, after a few times that don't count."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    times = []
    for number in range(-20, requests):
        if number == 0:
            before = service.cpu()
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {service.key}"})
        answer = connection.getresponse()
        found = json.loads(answer.read())
        times.append(time.perf_counter() - began)
        if answer.status != 200 or not found.get("items", True):
            raise RuntimeError(f"{path}: {answer.status}, {found}")
    used = service.cpu() - before
    connection.close()
    counted = sorted(times[20:])
    return Cost(used / requests * 1e3, statistics.median(counted) * 1e3, counted[int(len(counted) * 0.99)] * 1e3)


def _store(run: Run, service: Service, model: str, count: int) -> None:
    """Load predictions, their times spread over twelve weeks."""
    send(run, service, "/v1/predictions", model, _bodies(model, count), count)


def send(run: Run, service: Service, path: str, model: str, bodies: Iterable[bytes], count: int) -> None:
    """Send events through the API in batches of 1,000, and see that all are stored."""
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {service.key}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    for number, body in enumerate(bodies, 1):
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 207 or b'"refused"' in text:
            raise RuntimeError(f"a batch of {model} wasn't stored: {answer.status} {text[:500]!r}")
        done = min(number * 1000, count)
        if number % max(1, count // 10_000) == 0 or done == count:
            run.say(f"storing {model}: {done:,} of {count:,}, {done / (time.perf_counter() - began):,.0f} a second")
    connection.close()
    run.keep("stored", model=model, path=path, events=count, seconds=time.perf_counter() - began)


def _bodies(model: str, count: int) -> Iterator[bytes]:
    first = time.time() - WEEKS * _WEEK + 3600
    step = (WEEKS * _WEEK - 7200) / count
    return batches_of(
        count,
        lambda n: (
            f'{{"model_id":"{model}","id":"{model}-{n:012x}","label":"label-{n % 10}",'
            f'"confidence":0.{1000 + n * 37 % 9000},"latency_ms":{5 + n % 40}.{n % 10},'
            f'"created_at":"{time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(first + n * step))}Z"}}'
        ),
    )


def batches_of(count: int, event: Callable[[int], str]) -> Iterator[bytes]:
    """Yield so many events, each by its number as JSON, as bodies of 1,000."""
    for start in range(0, count, 1000):
        items = map(event, range(start, min(start + 1000, count)))
        yield ('{"items":[' + ",".join(items) + "]}").encode()
