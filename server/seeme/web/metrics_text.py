"""What the service counts, in the text format of Prometheus (version 0.0.4)."""

from collections.abc import Iterable, Iterator, Mapping

from seeme.version import __version__
from seeme.web.counters import Counters, Histogram

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, object], float]


def render(counters: Counters, waiting: int) -> str:
    """Return everything counted so far, and how many events wait to be stored."""
    lines = [
        *_family("seeme_up", "gauge", "Whether the service runs.", [({}, 1)]),
        *_family("seeme_build_info", "gauge", "The version that runs.", [({"version": __version__}, 1)]),
        *_family("seeme_queue_length", "gauge", "Events that wait to be stored.", [({}, waiting)]),
        *_family("seeme_http_requests_total", "counter", "Requests answered.", _requests(counters)),
        *_family("seeme_events_total", "counter", "Events received, by what became of them.", _events(counters)),
        *_histogram("seeme_commit_seconds", "Seconds that a commit took, fsync included.", counters.commits),
    ]
    return "\n".join(lines) + "\n"


def _requests(counters: Counters) -> Iterator[Sample]:
    for (method, route), statuses in counters.requests.items():
        for status, count in statuses.items():
            yield {"method": method, "route": route, "status": status}, count


def _events(counters: Counters) -> Iterator[Sample]:
    for kind, outcomes in counters.events.items():
        for outcome, count in outcomes.items():
            yield {"kind": kind, "outcome": outcome}, count


def _family(name: str, kind: str, explanation: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {explanation}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield f"{name}{_labels(labels)} {value}"


def _histogram(name: str, explanation: str, histogram: Histogram) -> Iterator[str]:
    yield f"# HELP {name} {explanation}"
    yield f"# TYPE {name} histogram"
    total = 0
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        total += count
        yield f'{name}_bucket{{le="{bound}"}} {total}'
    yield f"{name}_sum {histogram.sum}"
    yield f"{name}_count {total}"


def _labels(labels: Mapping[str, object]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(str(text))}"' for name, text in labels.items()) + "}" if labels else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
