"""Hours, days and ISO weeks of a time axis in microseconds UTC, and how they are written."""

from typing import NamedTuple

from seeme.clock import DAY, HOUR, WEEK, from_micros

# 1970-01-01 was a Thursday; weeks start on Monday (ISO 8601).
_MONDAY = 4 * DAY
WIDTHS = {"hour": HOUR, "day": DAY, "week": WEEK}


class Span(NamedTuple):
    """A half-open stretch of time with its name."""

    name: str
    start: int
    stop: int


def start_of(period: str, at: int) -> int:
    """Return the start of the hour, day or week that `at` is in."""
    if period == "week":
        return (at - _MONDAY) // WEEK * WEEK + _MONDAY
    return at // WIDTHS[period] * WIDTHS[period]


def name_of(period: str, start: int) -> str:
    """Return how a period is written: 2026-W47, 2026-11-20, 2026-11-20T13Z.

    >>> name_of("week", 1_763_337_600_000_000), name_of("hour", 1_763_337_600_000_000)
    ('2025-W47', '2025-11-17T00Z')
    """
    at = from_micros(start)
    if period == "week":
        year, week, _ = at.isocalendar()
        return f"{year}-W{week:02d}"
    return at.strftime("%Y-%m-%d" if period == "day" else "%Y-%m-%dT%HZ")


def spans(period: str, first: int, last: int) -> list[Span]:
    """Return the periods from the one that `first` is in to the one that `last` is in, oldest first."""
    width = WIDTHS[period]
    starts = range(start_of(period, first), start_of(period, last) + 1, width)
    return [Span(name_of(period, start), start, start + width) for start in starts]
