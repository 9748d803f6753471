"""Time as an int: microseconds since 1970, UTC. Only `now()` reads the clock, and only the edges call it."""

import time
from datetime import UTC, datetime, timedelta

MICROSECOND = 1
MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
CLOCK_SKEW = 5 * MINUTE  # by how much clocks of others may be off

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """Return the time in microseconds UTC."""
    return time.time_ns() // 1000


def to_micros(at: datetime) -> int:
    """Return an aware datetime as microseconds UTC, exactly (no float in between)."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def from_micros(at: int) -> datetime:
    """Return microseconds UTC as an aware datetime."""
    return _EPOCH + timedelta(microseconds=at)
