"""What earlier versions counted otherwise is found again when their file is opened."""

import sqlite3

from seeme.clock import DAY
from seeme.store.database import migrations


def _insert(file, table, **values):
    """Insert a row; columns that aren't named get 0, or nothing where they may."""
    columns = file.execute(f"pragma table_info({table})").fetchall()
    row = {name: values.get(name, 0 if needed else None) for _, name, _, needed, *_ in columns}
    names = ", ".join(row)
    file.execute(f"insert into {table} ({names}) values ({', '.join('?' * len(row))})", list(row.values()))


def test_decisions_that_were_counted_as_skips_are_unusable():
    """Each is found again by its item, and stands once, with the first of a stratum's writers."""
    file = sqlite3.connect(":memory:")
    scripts = [script for _, script in migrations()]
    (number,) = (n for n, script in enumerate(scripts) if "add column unusable" in script)
    for script in scripts[:number]:
        file.executescript(script)
    key = {"model_id": "m", "version_id": "", "arm": "", "rule_set": 1, "matched": "r", "pi": 0.5}
    for writer, skipped in (("a", 3), ("b", 2)):
        _insert(file, "strata", **key, day=DAY, writer=writer, skipped=skipped)
    for n, (decision, day, round) in enumerate(
        [("unusable", 1, 1), ("unusable", 1, 1), ("unusable", 2, 1), ("unusable", 1, 2), ("correct", 1, 1)]
    ):
        _insert(file, "review_items", **key, id=f"i{n}", created_at=day * DAY + n, round=round, decision=decision)
    file.executescript(scripts[number])
    assert file.execute("select writer, skipped, unusable from strata order by writer").fetchall() == [
        ("a", 1, 2),
        ("b", 2, 0),
    ]
