"""Histograms: which bin a number falls into, and how near the quantiles read from bins are to the true ones."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeme.domain.histograms import (
    CONFIDENCE_BINS,
    COUNT_BINS,
    LATENCY_BINS,
    LATENCY_ERROR,
    confidence_bin,
    count_bin,
    latency_bin,
    latency_of,
    latency_quantiles,
)

RANDOM = numpy.random.default_rng(20251120)
SAMPLES = {
    "uniform": RANDOM.uniform(1, 500, 4001),
    "lognormal": RANDOM.lognormal(3, 1.5, 4001),
    "exponential": RANDOM.exponential(40, 4001) + 0.2,
    "pareto": RANDOM.pareto(1.2, 4001) + 1,
    "two peaks": numpy.concatenate([RANDOM.normal(12, 0.5, 3000), RANDOM.normal(900, 20, 1001)]),
    "constant": numpy.full(500, 37.0),
    "one": numpy.array([3.3]),
    "tiny and huge": numpy.geomspace(0.11, 500_000, 999),
}


def binned(values):
    """Return the counts of values by latency bin."""
    counts = [0] * LATENCY_BINS
    for value in values:
        counts[latency_bin(float(value))] += 1
    return counts


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("q", [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_a_quantile_is_within_two_percent_of_the_true_one(name, q):
    """The quantile read from bins is within 2 % of numpy's nearest-rank quantile of the raw values."""
    true = numpy.quantile(SAMPLES[name], q, method="inverted_cdf")
    assert latency_quantiles(binned(SAMPLES[name]), [q])[0] == pytest.approx(true, rel=LATENCY_ERROR + 1e-9)


@given(st.floats(0.1, 700_000, exclude_min=True))
def test_a_bin_stands_for_all_that_falls_into_it_within_two_percent(milliseconds):
    """Between the end bins the value of a bin is within 2 % of each of its latencies."""
    assert latency_of(latency_bin(milliseconds)) == pytest.approx(milliseconds, rel=LATENCY_ERROR + 1e-9)


def test_latencies_beyond_the_bins_fall_into_the_end_ones():
    """Nothing and 0.1 ms share the first bin; a billion ms is in the last."""
    assert [latency_bin(value) for value in (0.0, 1e-9, 0.1, 1e9, 1e300)] == [0, 0, 0, 399, 399]


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_latency_bins_keep_the_order(first, second):
    """A longer latency is never in an earlier bin."""
    low, high = sorted((first, second))
    assert 0 <= latency_bin(low) <= latency_bin(high) < LATENCY_BINS


def test_a_quantile_in_the_last_bin_is_infinite():
    """The last bin has no end, so no number stands for it."""
    assert latency_quantiles(binned([1.0, 1e9]), [0.5, 1.0]) == [pytest.approx(1.0, rel=0.0201), float("inf")]


def test_no_latencies_have_no_quantile():
    """Of nothing there is no median."""
    assert latency_quantiles([0] * LATENCY_BINS, [0.5, 0.9]) == [None, None]


@given(st.floats(0, 1), st.floats(0, 1))
def test_every_confidence_has_a_bin(first, second):
    """Confidences from 0 to 1, both included, fall into 50 bins in order."""
    low, high = sorted((first, second))
    assert 0 <= confidence_bin(low) <= confidence_bin(high) < CONFIDENCE_BINS


def test_a_confidence_of_one_is_in_the_last_bin():
    """The last bin is closed."""
    assert [confidence_bin(value) for value in (0.0, 0.02, 0.999, 1.0)] == [0, 1, 49, 49]


def test_many_detections_share_the_last_bin():
    """32 detections and more are counted together."""
    assert [count_bin(count) for count in (0, 31, 32, 1000)] == [0, 31, 32, COUNT_BINS - 1]
