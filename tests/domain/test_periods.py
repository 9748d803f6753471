"""Hours, days and ISO weeks, against Python's own calendar."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeme.clock import DAY, HOUR, WEEK, from_micros, to_micros
from seeme.domain.periods import name_of, spans, start_of

YEAR_ENDS = [datetime(year, 12, 31, tzinfo=UTC) + timedelta(days=n) for year in range(1969, 2061) for n in range(-3, 5)]
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


def iso(at):
    """Return the ISO week of a datetime as it is written."""
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02d}"


def test_weeks_at_the_ends_of_years_are_iso_weeks():
    """Around every New Year from 1969 to 2060 a week has the name and the Monday of the ISO calendar."""
    for at in YEAR_ENDS:
        start = start_of("week", to_micros(at))
        assert name_of("week", start) == iso(at)
        assert from_micros(start) == at - timedelta(days=at.isocalendar().weekday - 1)


@given(moments)
def test_a_moment_is_within_its_periods(at):
    """The hour, day and week of a moment contain it, start where they should, and are named after it."""
    micros = to_micros(at)
    hour, day, week = (start_of(period, micros) for period in ("hour", "day", "week"))
    assert hour <= micros < hour + HOUR
    assert day <= micros < day + DAY
    assert week <= micros < week + WEEK
    assert from_micros(hour) == at.replace(minute=0, second=0, microsecond=0)
    assert from_micros(day) == at.replace(hour=0, minute=0, second=0, microsecond=0)
    assert from_micros(week).isocalendar().weekday == 1
    assert name_of("week", week) == iso(at)
    assert name_of("day", day) == at.date().isoformat()


def test_names_say_what_is_meant():
    """A week, a day and an hour are told apart by how they are written; hours are marked as UTC."""
    at = to_micros(datetime(2024, 12, 30, 13, 59, tzinfo=UTC))
    assert [name_of(period, start_of(period, at)) for period in ("week", "day", "hour")] == [
        "2025-W01",
        "2024-12-30",
        "2024-12-30T13Z",
    ]


def test_both_ends_are_included():
    """From the last microsecond of one day to the first of another are two days and what lies between."""
    midnight = to_micros(datetime(2025, 11, 20, tzinfo=UTC))
    assert [one.name for one in spans("day", midnight - 1, midnight)] == ["2025-11-19", "2025-11-20"]
    assert [one.name for one in spans("day", midnight, midnight + DAY - 1)] == ["2025-11-20"]
    assert [one.name for one in spans("week", midnight - 1, midnight)] == ["2025-W47"]
    assert len(spans("hour", midnight, midnight + DAY)) == 25


@pytest.mark.parametrize("period", ["hour", "day", "week"])
@given(moments, st.integers(0, 3 * WEEK))
def test_periods_follow_each_other_without_gaps(period, at, length):
    """Each period begins where the one before it stops."""
    first = to_micros(at)
    found = spans(period, first, first + length)
    assert found[0].start <= first < found[0].stop
    assert found[-1].start <= first + length < found[-1].stop
    assert all(one.stop == following.start for one, following in pairwise(found))


def test_before_1970_a_day_is_still_a_day():
    """Negative times are rounded down too."""
    assert name_of("day", start_of("day", -1)) == "1969-12-31"
    assert name_of("week", start_of("week", -1)) == "1970-W01"
