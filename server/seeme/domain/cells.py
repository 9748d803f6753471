"""Values as cells of a CSV, such that no spreadsheet runs them."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

# Signs of full width too, which some spreadsheets read as the plain ones, and whatever blanks come first. Quoted ones
# are quoted again, so that an import can take back just what was added.
FORMULA = re.compile(r"'*\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def cell(value: Any) -> Any:
    """Return a value as a cell: lists and objects as JSON, and text that a spreadsheet would run, quoted.

    >>> [cell("=1+1"), cell("cat"), cell([1, 2]), cell(None), cell(-1.5)]
    ["'=1+1", 'cat', '[1,2]', '', -1.5]
    """
    if value is None:
        return ""
    if isinstance(value, (dict, list, tuple)):
        return msgspec.json.encode(value).decode()
    if isinstance(value, str) and FORMULA.match(value):
        return "'" + value
    return value


def csv_line(values: Sequence[Any]) -> str:
    r"""Return values as a line of a CSV (RFC 4180), defused.

    >>> csv_line(["a", "b,c", None, 2, "=3"])
    'a,"b,c",,2,\'=3\r\n'
    """
    return ",".join(map(_quoted, values)) + "\r\n"


def _quoted(value: Any) -> str:
    text = str(cell(value))
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in '",\r\n') else text
