"""Our SQL stays in the subset that a cluster (Citus) accepts and several nodes need; what leaves it is told why."""

import ast
import re
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

import seeme
from seeme.store.database import migrations, queries
from seeme.store.postgres_setup import open_postgres

STORE = Path(seeme.__file__).parent / "store"
# Small tables that a cluster has whole on every node, or on one: nothing of them belongs to one model.
REFERENCE = {
    "models", "keys", "sign_in_codes", "sessions", "blobs", "agreements", "task_runs", "seeme_schema",
    "datasets", "dataset_versions", "training_jobs", "ab_tests",
}  # fmt: skip
# All others are about events, and distributed by their model; these by something else.
KEYS = {
    **dict.fromkeys(("ab_units", "ab_sums", "ab_exposures", "ab_looks"), "ab_test_id"),
    **dict.fromkeys(("dataset_items", "dataset_counts"), "dataset_id"),
}
HOLE = "any_table"  # what stands for the {} of an f-string

FORBIDDEN = {
    r"\breferences\b|\bforeign\s+key\b": "no foreign keys: on a cluster the other row may be on another node",
    r"\btrigger\b": "no triggers: a cluster runs none on distributed tables",
    r"\bnow\s*\(\s*\)|\bcurrent_(date|time|timestamp)\b|\blocaltime(stamp)?\b|_timestamp\s*\(|'now'": (
        "time is an argument: each node of a cluster has a clock of its own, and a test a false one"
    ),
    r"\blisten\b|\bnotify\b|\bpg_notify\b": "no LISTEN/NOTIFY: it is lost with the connection; nodes ask again instead",
    r"\bpg_(try_)?advisory_(un)?lock": (
        "no session locks: they stay with a pooled connection; pg_advisory_xact_lock ends with its transaction"
    ),
    r"\bskip\s+locked\b": "no SKIP LOCKED: what is skipped is missed; a task is claimed by moving its time",
    r"\b(big|small)?serial\b|\bnextval\b|\bsequence\b|\bgenerated\b": "no sequences: nodes and senders make the ids",
    r"\brandom\s*\(|\bgen_random_uuid\b": "nothing random: a cluster refuses it in what changes rows",
}

# Statements about events that don't name their model, each with the reason.
OF_ALL_MODELS = {
    "all_versions": "read whole at a start and every two seconds; a model has a few",
    "all_signing_secrets": "read whole at a start and every two seconds; a model has two",
    "models_of_predictions": "which models have these ids: points in the index of ids",
    "prediction_models": "which models have this id: a point in the index of ids",
    "feedback_models": "which models have this id: a point in the index of ids",
    "review_models": "which models have this id: a point in the index of ids",
    "list_review_of_dataset": "a dataset may be fed by several models; a page of its index",
    "review_of_subject": "a person's rows are found in all models, by the index of subjects",
    "predictions_of_subject": "a person's rows are found in all models, by the index of subjects",
    "feedback_of_subject": "a person's rows are found in all models, by the index of subjects",
    "dataset_items_of_predictions": "what datasets have of a person's predictions: points in the index of predictions",
    "dataset_items_of_subject": "what datasets have of a person, whose predictions may have expired, by that index",
    "delete_old_tombstones": "cleaned once an hour, by the index of ages",
}
WHOLE_TABLES = {
    f"select count(*) from {HOLE}": "the move from SQLite counts whole tables, once",
    f"select {HOLE} from {HOLE} order by {HOLE}": "the move from SQLite compares whole tables, once",
}

_KEYWORDS = {"where", "on", "join", "left", "set", "order", "group", "limit", "as", "union", "for", "returning"}
_STATEMENT = re.compile(r"\s*(select|insert|update|delete|with)\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:from|join|update|into)\s+([a-z_]+)(?:\s+(?:as\s+)?([a-z_]+))?")
_MADE = re.compile(r"\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)\s*(?=\()")
_UNIQUE = re.compile(
    r"\bcreate\s+unique\s+index\s+(?:if\s+not\s+exists\s+)?\w+\s+on\s+(\w+)\s*(?=\()"
    r"|\balter\s+table\s+(\w+)\s+add\s+(?:constraint\s+\w+\s+)?(?:primary\s+key|unique)\s*(?=\()"
)
_INSERT = re.compile(r"\binsert\s+into\s+(\w+)\s*(?=\()")


def plain(text):
    """Return SQL without comments, in small letters, with single blanks."""
    return " ".join(re.sub(r"--.*", "", text).lower().split())


def inside(text, start):
    """Return what stands in the parentheses that open at `start`, cut at its commas."""
    parts, depth = [""], 0
    for sign in text[start:]:
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            break
        if sign == "," and depth == 1:
            parts.append("")
        elif depth > 1 or sign != "(":
            parts[-1] += sign
    return [part.strip() for part in parts]


def outside(text):
    """Return a text without what stands in parentheses."""
    while (shorter := re.sub(r"\([^()]*\)", " ", text)) != text:
        text = shorter
    return text


def key_of(table):
    """Return the column by which a table is distributed, None for one that isn't."""
    return None if table in REFERENCE else KEYS.get(table, "model_id")


def _unique_columns(element):
    """Return the columns that an element of a table makes unique, None where it makes none."""
    if listed := re.match(r"(?:constraint\s+\w+\s+)?(?:primary\s+key|unique)\s*(?=\()", element):
        return inside(element, listed.end())
    return [element.split()[0]] if re.search(r"\bprimary\s+key\b|\bunique\b", element) else None


def wrong_keys(script):
    """Return what is wrong with the keys of the tables that a script makes."""
    script = plain(script)
    found = []
    for match in _MADE.finditer(script):
        unique = [columns for element in inside(script, match.end()) if (columns := _unique_columns(element))]
        if not unique and key_of(match[1]):
            found.append(f"{match[1]} has no primary key: a row must be found by its model and id")
        found += [(match[1], columns) for columns in unique]
    found += [(match[1] or match[2], inside(script, match.end())) for match in _UNIQUE.finditer(script)]
    keys = [(one, key_of(one[0])) for one in found if isinstance(one, tuple)]
    return [one for one in found if isinstance(one, str)] + [
        f"{table} ({', '.join(columns)}) must start with {key}: a cluster keeps unique only what is so within one shard"
        for (table, columns), key in keys
        if key and columns[0] != key
    ]


def forbidden(text):
    """Return what of a text isn't in the subset."""
    return [why for pattern, why in FORBIDDEN.items() if re.search(pattern, plain(text))]


def _is_table(name):
    return name == HOLE or name in TABLES


def _of_events(part):
    """Return the tables of events that a select, update or delete uses, each with its alias and key."""
    used = [(table, alias if alias and alias not in _KEYWORDS else table) for table, alias in _TABLE.findall(part)]
    return [(table, alias, key) for table, alias in used if (key := key_of(table)) and _is_table(table)]


def _unnamed(of_events, part):
    """Return those tables of events whose rows aren't kept to one named model."""
    named = set()
    for _, alias, key in of_events:
        prefix = rf"(?:{alias}\.)?" if len(of_events) == 1 else rf"\b{alias}\."
        if re.search(rf"(?<![\w.]){prefix}{key} = :{key}\b", part):
            named.add(alias)
    for _ in of_events:  # a join from one that is named, over any number of steps
        for left, key, right, other in re.findall(r"\b(\w+)\.(\w+) = (\w+)\.(\w+)", part):
            if key == other and key in ("model_id", *KEYS.values()) and {left, right} & named:
                named |= {left, right}
    return [(table, key) for table, alias, key in of_events if alias not in named]


def wrong_scope(statement):
    """Return what keeps a statement about events from going to the one shard of its model."""
    text, found = plain(statement), []
    insert = _INSERT.search(text)
    if insert and (key := key_of(insert[1])) and _is_table(insert[1]):
        columns = inside(text, insert.end())
        values = text[text.index(")", insert.end()) + 1 :]
        first = inside(values, values.index("("))[0] if values.lstrip().startswith("values") else values.split()[1]
        if (columns[0], first.rstrip(",")) != (key, f":{key}"):
            found.append(f"an insert into {insert[1]} begins with {key} and :{key}: it goes to one shard")
        text = text[insert.end() :]
    for part in re.split(r"\bunion(?: all)?\b", text):
        of_events = _of_events(part)
        found += [f"{name}: say {key} = :{key}, else all shards are asked" for name, key in _unnamed(of_events, part)]
        if of_events and re.search(r"\bor\b", outside(part)):
            found.append("an `or` beside the model's name asks all shards")
    table = re.match(r"update (\w+) set\b", text)
    keys = [key_of(table[1])] if table else ["model_id", *KEYS.values()]
    for changed in re.findall(r"\bset\b(.*?)(?:\bwhere\b|$)", text):
        if re.search(rf"(?<![\w.])({'|'.join(map(str, keys))}) =", changed):
            found.append("a row stays with its model: a cluster can't move it to another shard")
    return found


def wrong_insert(statement):
    """Return what is wrong with a bulk insert on PostgreSQL."""
    text = plain(statement).rstrip("; ")
    if text.startswith("insert") and not text.endswith("on conflict do nothing returning id"):
        return ["ends with `on conflict do nothing returning id`: another node may have taken an id"]
    return []


TABLES = {match[1] for _, script in migrations() for match in _MADE.finditer(plain(script))}
FILES = {str(path.relative_to(STORE)): path.read_text("utf-8") for path in sorted(STORE.rglob("*.sql"))}
STATEMENTS = {name: query.text for name, query in queries("postgres").items()}
NAMED = {
    engine: set(re.findall(r"^-- name: (\w+)$", FILES[f"{engine}.sql"], re.MULTILINE))
    for engine in ("postgres", "sqlite")
}


def _texts(path):
    """Return the strings of a module that aren't docstrings, with a word in place of each hole."""
    tree = ast.parse(path.read_text("utf-8"))
    pieces = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    pieces |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(value.value if isinstance(value, ast.Constant) else HOLE for value in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
            yield node.value


IN_PYTHON = {path.name: list(_texts(path)) for path in sorted(STORE.glob("*.py"))}


@pytest.mark.parametrize("name", [*FILES, *IN_PYTHON])
def test_nothing_forbidden_stands_in_the_store(name):
    """Neither a file of SQL nor a string of a module has what a cluster refuses or nodes can't share."""
    texts = [FILES[name]] if name in FILES else IN_PYTHON[name]
    assert [why for text in texts for why in forbidden(text)] == []


@pytest.mark.parametrize("name", [*FILES, *IN_PYTHON])
def test_keys_start_with_the_model(name):
    """Whatever is unique in a table of events is so within one model."""
    texts = [FILES[name]] if name in FILES else IN_PYTHON[name]
    assert [why for text in texts for why in wrong_keys(text)] == []


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_about_events_names_its_model(name):
    """It goes to one shard, but for the few that are listed with a reason, and no more are listed than needed."""
    wrong = wrong_scope(STATEMENTS[name])
    assert bool(wrong) == (name in OF_ALL_MODELS), wrong


@pytest.mark.parametrize("name", [name for name in IN_PYTHON if not name.startswith("sqlite")])
def test_a_statement_in_a_module_names_its_model(name):
    """SQLite's module alone is never on a cluster."""
    for text in IN_PYTHON[name]:
        if _STATEMENT.match(text) and plain(text) not in WHOLE_TABLES:
            assert wrong_scope(text) == [], text


def test_no_exception_is_left_over():
    """What is listed as an exception is still there."""
    assert set(OF_ALL_MODELS) <= set(STATEMENTS)
    assert set(WHOLE_TABLES) <= {plain(text) for text in IN_PYTHON["postgres.py"]}
    assert REFERENCE - {"seeme_schema"} <= TABLES
    assert set(KEYS) <= TABLES


@pytest.mark.parametrize("name", sorted(NAMED["postgres"]))
def test_a_bulk_insert_says_which_ids_were_free(name):
    """On PostgreSQL each insert is counted by what it returns."""
    assert wrong_insert(STATEMENTS[name]) == []


def test_what_one_engine_has_the_other_has_too():
    """Each query of one engine's file has a namesake in the other's."""
    assert NAMED["postgres"] == NAMED["sqlite"]


WRONG = [
    (forbidden, "create table t (model_id text references models (id))", "no foreign keys"),
    (forbidden, "alter table t add foreign key (model_id) references models", "no foreign keys"),
    (forbidden, "create trigger t after insert on labels begin select 1; end", "no triggers"),
    (forbidden, "select * from labels where created_at < NOW()", "time is an argument"),
    (forbidden, "select current_timestamp", "time is an argument"),
    (forbidden, "select current_date", "time is an argument"),
    (forbidden, "select clock_timestamp()", "time is an argument"),
    (forbidden, "select strftime('%s', 'now')", "time is an argument"),
    (forbidden, "listen changes", "no LISTEN/NOTIFY"),
    (forbidden, "select pg_notify('changes', :id)", "no LISTEN/NOTIFY"),
    (forbidden, "select pg_advisory_lock($1)", "no session locks"),
    (forbidden, "select pg_try_advisory_lock_shared($1)", "no session locks"),
    (forbidden, "select pg_advisory_unlock_all()", "no session locks"),
    (forbidden, "select id from labels where model_id = :model_id for update\n  skip locked", "no SKIP LOCKED"),
    (forbidden, "create table t (model_id text, n bigserial)", "no sequences"),
    (forbidden, "update labels set id = random() where model_id = :model_id", "nothing random"),
    (wrong_keys, "create table t (model_id text, id text primary key)", "t (id) must start with model_id"),
    (wrong_keys, "create table t (model_id text, id text unique, primary key (model_id, id))", "t (id) must start"),
    (
        wrong_keys,
        "create table t (\n  id text,\n  model_id text,\n  primary key (id, model_id)\n)",
        "(id, model_id) must",
    ),
    (wrong_keys, "create table t (model_id text, id text, constraint u unique (id, model_id))", "(id, model_id) must"),
    (wrong_keys, "create table t (model_id text, id text)", "t has no primary key"),
    (wrong_keys, "create unique index x on labels (id)", "labels (id) must start with model_id"),
    (wrong_keys, "alter table labels add constraint u unique (digest)", "labels (digest) must start with model_id"),
    (wrong_keys, "create unique index x on ab_units (model_id, unit)", "must start with ab_test_id"),
    (wrong_scope, "select * from labels where id = :id", "labels: say model_id = :model_id"),
    (wrong_scope, "select * from labels where model_id = :model_id or id = :id", "an `or` beside"),
    (wrong_scope, "select * from labels where other.model_id = :model_id", "labels: say"),
    (wrong_scope, "delete from feedback where created_at < :before", "feedback: say"),
    (wrong_scope, "update sums set layout = 1", "sums: say"),
    (
        wrong_scope,
        "select id from labels where model_id = :model_id union all select id from feedback where id = :id",
        "feedback: say",
    ),
    (
        wrong_scope,
        "select f.id from feedback f join predictions p on p.id = f.prediction_id where f.model_id = :model_id",
        "predictions: say",
    ),
    (
        wrong_scope,
        "select f.id from feedback f join predictions p on p.model_id = f.model_id where model_id = :model_id",
        "feedback: say",
    ),
    (wrong_scope, f"select * from {HOLE} where id = $1", f"{HOLE}: say"),
    (wrong_scope, "insert into labels (id, model_id) values (:id, :model_id)", "begins with model_id"),
    (wrong_scope, "insert into labels (model_id, id) values (:id, :id)", "begins with model_id"),
    (wrong_scope, "insert into labels (model_id, id) select x.m, x.id from unnest(:m, :id) as x(m, id)", "begins with"),
    (wrong_scope, "update labels set model_id = :other where model_id = :model_id", "stays with its model"),
    (wrong_insert, "insert into labels (model_id, id) values (:model_id, :id)", "returning id"),
    (wrong_insert, "insert into labels (model_id) values (:model_id) on conflict do nothing", "returning id"),
]


@pytest.mark.parametrize(("check", "snippet", "says"), WRONG)
def test_what_leaves_the_subset_is_found(check, snippet, says):
    """Each rule refuses what it is there for, and says why."""
    assert any(says in why for why in check(snippet)), check(snippet)


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_both_engines_answer_with_the_same_columns(postgres):
    """PostgreSQL prepares every query, and what it answers has the names that SQLite's answer has."""
    values = {"most": 1, "keys": "[]", "ids": "[]"}
    schema = sqlite3.connect(":memory:")
    for _, script in migrations():
        schema.executescript(script)
    database = await open_postgres(postgres.create())
    async with database._acquired() as raw:
        for name, query in queries("postgres").items():
            columns = [one.name for one in (await raw.prepare(query.numbered("$"))).get_attributes()]
            other = queries("sqlite")[name]
            if query.text.startswith("insert into"):
                assert columns in ([], ["id"]), name  # PostgreSQL alone says which ids were free
                continue
            with suppress(sqlite3.IntegrityError):  # with no values much is refused
                cursor = schema.execute(other.numbered("?"), [values.get(value) for value in other.names])
                assert columns == [one[0] for one in cursor.description or ()], name
    await database.close()
    schema.close()
