"""What the edge counts for Prometheus: plain dicts of integers, so that counting costs next to nothing."""

from bisect import bisect_left
from collections import defaultdict

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Histogram:
    """How often a duration fell under each bound."""

    def __init__(self, bounds: tuple[float, ...] = BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds


class Counters:
    """Requests by route and status, events by kind and outcome, commits by their duration."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str], defaultdict[int, int]] = {}
        self.events: dict[str, defaultdict[str, int]] = {}
        self.commits = Histogram()

    def observe_commit(self, seconds: float, events: int) -> None:
        """Count one commit of so many events."""
        self.commits.observe(seconds)

    def of_route(self, method: str, route: str) -> defaultdict[int, int]:
        """Return the counts of one route by status."""
        return self.requests.setdefault((method, route), defaultdict(int))

    def of_events(self, kind: str) -> defaultdict[str, int]:
        """Return the counts of one kind of events by outcome."""
        return self.events.setdefault(kind, defaultdict(int))
