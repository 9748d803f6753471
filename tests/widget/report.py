"""Print what the widget's tests have measured, beside its targets: `make widget-report`."""

import sys
from collections import defaultdict
from xml.etree import ElementTree

from measures import TARGETS


def main(results: str) -> int:
    """Print a table from pytest's XML; return 1 when a target was missed or not measured."""
    measured: defaultdict[str, list[float]] = defaultdict(list)
    for one in ElementTree.parse(results).iter("property"):
        if one.get("name") in TARGETS:
            measured[str(one.get("name"))].append(float(str(one.get("value"))))
    missed = 0
    for name, target in TARGETS.items():
        worst = max(measured[name], default=None)
        met = worst is not None and worst <= target
        missed += not met
        shown = "not measured" if worst is None else f"{worst:,.0f}"
        print(f"{name:<52} {shown:>12}   <= {target:<6,} {'met' if met else 'MISSED'}  ({len(measured[name])} x)")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
