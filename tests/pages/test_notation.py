"""How numbers, shares and bars are written."""

import pytest

from seeme.records.metrics import LabelCount
from seeme.web.pages_charts import label_mix, sparkline
from seeme.web.pages_view import milliseconds, percent


class Period:
    """As much of a period as the label mix reads."""

    def __init__(self, *labels: LabelCount) -> None:
        self.labels = list(labels)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (0.9999, ">99.9 %"), (0.0001, "<0.1 %"), (0.5, "50 %"), (0.123, "12.3 %")],
)
def test_only_a_whole_share_is_written_as_whole(share: float, text: str) -> None:
    """99.99 % isn't 100 %: one failure in ten thousand is still one."""
    assert percent(share) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0.423, "0.42 ms"), (0.001, "0.001 ms"), (0, "0 ms"), (12.34, "12.3 ms"), (123.4, "123 ms"), (2345, "2.35 s")],
)
def test_durations_have_three_figures_at_most(duration: float, text: str) -> None:
    """Latencies are known to 2 %, so more would be pretence."""
    assert milliseconds(duration) == text


def test_rare_labels_are_one_bar_together() -> None:
    """The bars add up to everything that was counted, labels without a name included."""
    labels = [LabelCount(label=f"l{i}", count=100 - i) for i in range(20)]
    bars = label_mix([Period(*labels), Period(LabelCount(label=None, count=7))])  # type: ignore[list-item]
    assert len(bars) == 13
    assert bars[-1].label == "all other labels"
    assert sum(bar.number for bar in bars) == sum(100 - i for i in range(20)) + 7
    assert max(bar.length for bar in bars) == 1


def test_a_flat_week_has_no_line() -> None:
    """Nothing happened, so nothing is drawn."""
    assert sparkline([0, 0, 0]) == ""
    assert sparkline([0, 5]).split() == ["1.0,26.0", "119.0,2.0"]
