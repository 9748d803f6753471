"""The query files: every query loads, is prepared by SQLite, and is called with just the values it names."""

import ast
import re
import sqlite3
from pathlib import Path

import pytest

import seeme
from seeme.store.database import Query, migrations, queries

QUERIES = queries("sqlite")
PACKAGE = Path(seeme.__file__).parent
SOURCES = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py")]


@pytest.fixture(scope="module")
def schema():
    """A database with every migration."""
    connection = sqlite3.connect(":memory:")
    for _, script in migrations():
        connection.executescript(script)
    yield connection
    connection.close()


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_prepared_and_names_its_values(name, schema):
    """SQLite understands the query, and takes just as many values as it names."""
    query = QUERIES[name]
    assert "--" not in query.text
    assert ":" not in re.sub(r"'[^']*'", "", query.numbered("?"))
    schema.execute(f"explain {query.numbered('?')}", [None] * len(query.names))
    with pytest.raises(sqlite3.ProgrammingError):
        schema.execute(f"explain {query.numbered('?')}", [None] * (len(query.names) + 1))


def named_queries():
    """Return what stands as a text in the calls of all, one, run and run_many; f-strings with * for their holes."""
    found = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "*" for part in node.values]
                found.add("".join(str(part) for part in parts))
    return found


def test_no_query_is_left_over():
    """Each query's name stands somewhere in the code."""
    named = named_queries()
    patterns = [re.compile(text.replace("*", r"\w+")) for text in named if re.fullmatch(r"\w*\*\w*", text)]
    grants = {"sign_in_code", "session"}  # named by their kind alone
    unused = [
        name
        for name in QUERIES
        if name not in named | grants and not any(pattern.fullmatch(name) for pattern in patterns)
    ]
    assert unused == []


def test_a_value_that_stands_twice_has_one_place():
    """The same :name is the same number."""
    query = Query("select :a, :b, :a, x::text", ("a", "b"))
    assert query.numbered("$") == "select $1, $2, $1, x::text"


def test_queries_of_one_model_start_at_its_key(schema):
    """Reads by model, page and time use an index and never scan a table of events."""
    small = {"all_models", "all_versions", "all_keys", "all_blobs", "unreferenced_blobs", "blob"}
    for name, query in QUERIES.items():
        if name in small or not query.text.startswith("select"):
            continue
        plan = schema.execute(f"explain query plan {query.numbered('?')}", [None] * len(query.names)).fetchall()
        scans = [
            row[3] for row in plan if re.match(r"SCAN (predictions|labels|feedback|sums|tombstones|[pflst])\b", row[3])
        ]
        assert scans == [], name


def test_units_of_a_test_are_looked_up_one_by_one(schema):
    """By test and unit: going through all units of the test for each of a batch made events five times as dear."""
    query = QUERIES["ab_units_of"]
    plan = schema.execute(f"explain query plan {query.numbered('?')}", ["[]", "t"]).fetchall()
    assert "(ab_test_id=? AND unit=?)" in " ".join(row[3] for row in plan)


def test_migrations_are_numbered_without_gaps():
    """A node knows by one number which schema a file has."""
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))
