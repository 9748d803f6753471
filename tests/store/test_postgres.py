"""Opening PostgreSQL: whatever is wrong with it is one clear line, and nodes may start at once."""

import asyncio
import os
import socket
import sys

import pytest
from cli.conftest import seeme
from live import free_port

from seeme.errors import SetupError
from seeme.settings import Settings
from seeme.store import postgres_setup
from seeme.store.database import migrations
from seeme.store.engines import open_database, open_to_read
from seeme.store.postgres_setup import open_postgres

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

PASSWORD = "hunter2"
NEWEST = migrations()[-1][0]


@pytest.fixture(scope="module")
def ada(postgres):
    """A user who needs a password and owns nothing, as `user:password`."""
    postgres.sql("create role guarded")
    postgres.sql(f"create role ada login password '{PASSWORD}' in role guarded")
    return f"ada:{PASSWORD}"


def prepared(postgres, *statements, options=""):
    """Return the name of a new database in which statements were run."""
    name = postgres.create(options=options).rpartition("/")[2]
    for statement in statements:
        postgres.sql(statement.format(name=name), name)
    return name


# Addresses that are wrong in themselves, and what is said of them.
ADDRESSES = {
    f"mysql://ada:{PASSWORD}@127.0.0.1/x": "--database / SEEME_DATABASE is an address such as postgresql://",
    f"postgresql://ada:{PASSWORD}@127.0.0.1:abc/x": "--database isn't a PostgreSQL address such as",
    f"postgresql://ada:{PASSWORD}@127.0.0.1:99999/x": "--database",  # some loops find that nobody listens there
    f"postgresql://ada:{PASSWORD}/2@127.0.0.1/x": "in a password / ? # @ [ are written %2F %3F %23 %40 %5B",
    f"postgresql://ada:{PASSWORD}#2@127.0.0.1/x": "in a password / ? # @ [ are written %2F %3F %23 %40 %5B",
    f"postgresql://ada:{PASSWORD}?2@127.0.0.1/x": "in a password / ? # @ [ are written %2F %3F %23 %40 %5B",
    f"postgresql://ada:{PASSWORD}\u2100@127.0.0.1/x": "--database isn't a PostgreSQL address such as",
    f"postgresql://ada:{PASSWORD}@[::1/x": "--database isn't a PostgreSQL address such as",
    f"postgresql://ada:{PASSWORD}@127.0.0.1/x?sslmode=never": "isn't a PostgreSQL address: `sslmode` parameter must be",
    f"postgresql://ada:{PASSWORD}@127.0.0.1:1/x": "PostgreSQL can't be reached with --database: ",
    f"postgresql://ada:{PASSWORD}@nowhere.invalid/x": "PostgreSQL can't be reached with --database: ",
}
# What is wrong with a database: user, statements, options of `create database`, what is said.
DATABASES = {
    "wrong password": ("ada:hunter3", (), "", "PostgreSQL refuses the user or the password of --database"),
    "no password": ("ada", (), "", "PostgreSQL refuses the user or the password of --database"),
    "unknown user": (f"bob:{PASSWORD}", (), "", "PostgreSQL refuses the user or the password of --database"),
    "SQL_ASCII": ("", (), "encoding 'SQL_ASCII' template template0", "the database's encoding is SQL_ASCII; create it"),
    "LATIN1": ("", (), "encoding 'LATIN1' template template0", "the database's encoding is LATIN1; create it with: "),
    "newer schema": (
        "",
        ("create table seeme_schema (version bigint)", "insert into seeme_schema values (1), (99)"),
        "",
        f"the database has schema 99, this version of seeme knows {NEWEST}: it was written by a newer version",
    ),
    "no rights to make tables": ("ada", (), "", "may not make its tables or use them: permission denied for schema"),
    "no right to connect": (
        "ada",
        ('revoke connect on database "{name}" from public',),
        "",
        "the user of --database may not make its tables or use them: permission denied for database",
    ),
    "no right to our tables": (
        "ada",
        ("create table seeme_schema (version bigint)",),
        "",
        "may not make its tables or use them: permission denied for table seeme_schema",
    ),
    "read-only": (
        "",
        ('alter database "{name}" set default_transaction_read_only = on',),
        "",
        "the database is read-only: is --database the primary?",
    ),
    "tables of somebody else": (
        "",
        ("create table models (name text)",),
        "",
        'PostgreSQL can\'t be used with --database: relation "models" already exists',
    ),
    "no room for connections": (
        "ada",
        ('alter database "{name}" connection limit 0',),
        "",
        "PostgreSQL can't be used with --database: too many connections for database",
    ),
}


@pytest.fixture(params=[*ADDRESSES, *DATABASES])
def mistake(request, postgres, ada):
    """An address that can't be opened, and what is to be said of it."""
    if request.param in ADDRESSES:
        return request.param, ADDRESSES[request.param]
    user, statements, options, says = DATABASES[request.param]
    name = prepared(postgres, *statements, options=options)
    return postgres.url(name, ada if user == "ada" and "password" not in request.param else user or "postgres"), says


def assert_clear(line, says):
    """Check that a line says it, and no password."""
    assert says in line
    assert "\n" not in line
    assert PASSWORD not in line
    assert "hunter3" not in line


async def test_a_mistake_is_one_clear_line(mistake, tmp_path):
    """What is wrong with an address or a database is a SetupError of one line, without the password."""
    url, says = mistake
    with pytest.raises(SetupError) as raised:
        await open_database(Settings(data=tmp_path, database=url))
    assert_clear(str(raised.value), says)


def test_serve_ends_with_one_line(mistake, tmp_path):
    """Exit 1, with nothing else printed, not a traceback."""
    url, says = mistake
    refused = seeme("serve", "--port", free_port(), "--database", url, data=tmp_path / "data")
    assert (refused.code, refused.out) == (1, "")
    (line,) = refused.err.splitlines()
    assert line.startswith("seeme: ")
    assert_clear(line, says)


async def test_an_unknown_database_is_named(postgres, tmp_path):
    """Whoever forgot to create it is told so, on the command line too."""
    url = postgres.url("nowhere")
    with pytest.raises(SetupError, match='no such database: database "nowhere" does not exist; create it first'):
        await open_postgres(url)
    refused = seeme("serve", "--port", free_port(), data=tmp_path / "data", SEEME_DATABASE=url)
    assert (refused.code, refused.out) == (1, "")
    (line,) = refused.err.splitlines()
    assert 'database "nowhere" does not exist; create it first' in line


@pytest.mark.parametrize("command", [["check"], ["export", "--model", "m"]])
async def test_a_command_that_reads_makes_no_tables(postgres, tmp_path, command):
    """In an empty database it says that there is nothing, and leaves it empty."""
    name = prepared(postgres)
    refused = seeme(*command, "--database", postgres.url(name), data=tmp_path)
    assert (refused.code, refused.out) == (1, "")
    (line,) = refused.err.splitlines()
    assert "there is nothing of SeeMe in the database that --database names; is it right?" in line
    assert postgres.sql("select count(*) from pg_tables where schemaname = 'public'", name) == "0"


@pytest.mark.parametrize("name", ["no right to our tables", "newer schema"])
async def test_a_command_that_reads_says_what_is_wrong(postgres, ada, name, tmp_path):
    """What it may not read or can't understand is one line as well."""
    user, statements, _, says = DATABASES[name]
    url = postgres.url(prepared(postgres, *statements), ada if user else "postgres")
    with pytest.raises(SetupError) as raised:
        await open_to_read(Settings(data=tmp_path, database=url))
    assert_clear(str(raised.value), says)


async def test_a_database_that_is_read_only_can_be_read(postgres, tmp_path):
    """A standby is good enough for an export or a check."""
    name = prepared(postgres)
    await (await open_postgres(postgres.url(name))).close()
    postgres.sql(f'alter database "{name}" set default_transaction_read_only = on')
    with pytest.raises(SetupError, match="the database is read-only: is --database the primary"):
        await open_postgres(postgres.url(name))
    database = await open_to_read(Settings(data=tmp_path, database=postgres.url(name)))
    assert await database.all("all_models") == []
    await database.close()


async def test_servers_without_a_primary_are_said_to_be_read_only(postgres):
    """An address of several servers asks for the one that can be written; there may be none."""
    name = prepared(postgres, 'alter database "{name}" set default_transaction_read_only = on')
    with pytest.raises(SetupError, match="the database is read-only: is --database the primary"):
        await open_postgres(f"{postgres.url(name)}?target_session_attrs=read-write")


async def test_an_older_server_is_named(postgres, monkeypatch):
    """The version that is there and the one that is needed."""
    monkeypatch.setattr(postgres_setup, "OLDEST", 99)
    with pytest.raises(SetupError, match=r"this is PostgreSQL \d+; 99 or newer is needed"):
        await open_postgres(postgres.create())


async def test_a_server_that_hangs_is_given_up(monkeypatch):
    """One that takes the connection and says nothing can't be reached."""
    monkeypatch.setattr(postgres_setup, "CONNECT_SECONDS", 0.3)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(SetupError, match="PostgreSQL can't be reached with --database: TimeoutError"):
        await asyncio.wait_for(open_postgres(f"postgresql://a@127.0.0.1:{silent.getsockname()[1]}/x"), 10)


@pytest.mark.parametrize(
    "command", [["serve", "--database"], ["check", "--database"], ["migrate", "--from", ".", "--to"]]
)
def test_without_the_driver_its_package_is_named(tmp_path, command):
    """One line with the extra to install; SQLite works without it."""
    (tmp_path / "asyncpg.py").write_text("raise ModuleNotFoundError(\"No module named 'asyncpg'\", name='asyncpg')")
    import_path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    refused = seeme(*command, "postgresql://ada@127.0.0.1/x", **import_path)
    assert (refused.code, refused.out) == (1, "")
    (line,) = refused.err.splitlines()
    assert "pip install 'seeme-feedback[postgres]'" in line
    without = seeme("check", data=tmp_path / "data", **import_path)
    assert "there is no database at" in without.err


async def test_nodes_that_start_at_once_all_start(postgres):
    """On an empty database one makes the tables, the others wait; each can then write and read."""
    name = prepared(postgres)
    nodes = await asyncio.gather(*(open_postgres(postgres.url(name)) for _ in range(5)))
    for number, node in enumerate(nodes):
        async with node.transaction() as tx:
            await tx.run("add_blob", hash=f"h{number}", size=1, media_type="image/png", created_at=1)
    assert [len(await node.all("all_blobs")) for node in nodes] == [5] * 5
    await asyncio.gather(*(node.close() for node in nodes))
    assert postgres.sql("select string_agg(version::text, ' ' order by version) from seeme_schema", name) == " ".join(
        str(number) for number, _ in migrations()
    )


async def test_a_node_waits_for_anothers_migration_longer_than_for_a_statement(postgres, monkeypatch):
    """A migration may take long."""
    monkeypatch.setattr(postgres_setup, "COMMAND_SECONDS", 0.3)
    name = prepared(postgres)
    taken = f"do $$ begin perform pg_advisory_xact_lock({postgres_setup._MIGRATION_LOCK}); end $$"
    with postgres.held(taken, name):
        opening = asyncio.create_task(open_postgres(postgres.url(name)))
        await asyncio.sleep(1)
        assert not opening.done()
    await (await opening).close()


async def test_an_older_schema_is_brought_up(postgres, monkeypatch):
    """Only what is missing is done, and what was stored stays."""
    url = postgres.create()
    with monkeypatch.context() as older:
        older.setattr(postgres_setup, "migrations", lambda: migrations()[:1])
        database = await open_postgres(url)
        async with database.transaction() as tx:
            await tx.run("add_blob", hash="h", size=1, media_type="image/png", created_at=1)
        await database.close()
    database = await open_postgres(url)
    assert [row["hash"] for row in await database.all("all_blobs")] == ["h"]
    assert await database.all("agreed", name="x") == []
    await database.close()


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(postgres, monkeypatch):
    """All of it is one transaction."""
    name = prepared(postgres)
    await (await open_postgres(postgres.url(name))).close()
    broken = [*migrations(), (NEWEST + 1, "create table more (id text primary key); select 1 / 0;")]
    with monkeypatch.context() as newer:
        newer.setattr(postgres_setup, "migrations", lambda: broken)
        with pytest.raises(SetupError, match="PostgreSQL can't be used with --database: division by zero"):
            await open_postgres(postgres.url(name))
    assert postgres.sql("select to_regclass('more') is null, max(version) from seeme_schema", name) == f"t|{NEWEST}"
    await (await open_postgres(postgres.url(name))).close()


@pytest.mark.parametrize(
    ("default", "ours"),
    [("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"), ("remote_apply", "remote_apply")],
)
async def test_a_commit_is_durable_whatever_the_database_thinks(postgres, default, ours):
    """Each connection has it, the first time it is used and the tenth."""
    name = prepared(postgres, f'alter database "{{name}}" set synchronous_commit = {default}')
    database = await open_postgres(postgres.url(name))
    for _ in range(10):
        async with database._acquired() as one, database._acquired() as other:
            for raw in (one, other):
                assert await raw.fetchval("show synchronous_commit") == ours
                assert await raw.fetchval("show enable_seqscan") == "off"
                assert await raw.fetchval("show jit") == "off"
    async with database.transaction() as tx:
        assert await tx.raw.fetchval("show synchronous_commit") == ours
    await database.close()


async def test_texts_are_compared_by_their_bytes(postgres):
    """Every column of text says so itself, whatever the database's language is."""
    name = prepared(postgres)
    await (await open_postgres(postgres.url(name))).close()
    columns = "from information_schema.columns where table_schema = 'public' and data_type"
    assert int(postgres.sql(f"select count(*) {columns} = 'text' and collation_name = 'C'", name)) > 50
    other = f"select string_agg(table_name || '.' || column_name, ' ') {columns} in ('text', 'character varying')"
    assert postgres.sql(f"{other} and collation_name is distinct from 'C'", name) == ""


async def test_no_connection_is_left_open(postgres):
    """Neither by a database that was closed nor by one that couldn't be opened."""
    name = prepared(postgres, "create table models (name text)")
    with pytest.raises(SetupError):
        await open_postgres(postgres.url(name))
    postgres.sql("drop table models", name)
    database = await open_postgres(postgres.url(name))
    await asyncio.gather(*(database.all("all_models") for _ in range(10)))
    assert int(postgres.sql(f"select count(*) from pg_stat_activity where datname = '{name}'")) >= 1
    await database.close()
    postgres.wait_for(f"select count(*) from pg_stat_activity where datname = '{name}'", "0")
