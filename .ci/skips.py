"""Fail when a test was skipped for a reason that a complete machine doesn't have: skips.py RESULTS.xml...

A skip is allowed when its message holds a line of `.ci/allowed-skips.txt`. Nothing is printed when all is well.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def allowed() -> list[str]:
    """Return the messages that may be given for a skip."""
    text = (Path(__file__).parent / "allowed-skips.txt").read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def skipped(results: Path) -> list[tuple[str, str]]:
    """Return (test, message) of each skipped test; an expected failure isn't a skip."""
    return [
        (f"{case.get('classname')}.{case.get('name')}", f"{skip.get('message')} {skip.text}")
        for case in ElementTree.parse(results).iter("testcase")
        for skip in case.iter("skipped")
        if skip.get("type") != "pytest.xfail"
    ]


def main(paths: list[str]) -> int:
    """Print the skips that aren't allowed; return 1 if there are any."""
    messages = allowed()
    wrong = [
        (test, message)
        for path in paths
        for test, message in skipped(Path(path))
        if not any(known in message for known in messages)
    ]
    for test, message in wrong:
        print(f"skipped, but a complete machine runs it: {test}: {message}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
