"""PostgreSQL that is away: what asks it hears so soon, nothing is taken for stored, and it works again afterwards."""

import asyncio
import time
from contextlib import suppress

import pytest

from seeme.errors import Unavailable
from seeme.service import pulse
from seeme.service.pulse import Pulse
from seeme.store import postgres_setup
from seeme.store.database import TryAgain
from seeme.store.postgres import GIVE_UP, _number
from seeme.store.postgres_setup import open_postgres

from .traffic import BLOB, LOCKED, connect_all, put, stored

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


@pytest.fixture
def name(postgres):
    """The name of a new database."""
    return postgres.create().rpartition("/")[2]


@pytest.mark.parametrize("how", ["the connection is cut", "it takes too long"])
async def test_a_commit_that_is_lost_is_not_repeated(own_postgres, monkeypatch, how):
    """It may be stored, as here, where it waits for a standby: it is Unavailable, and never TryAgain."""
    monkeypatch.setattr(postgres_setup, "COMMAND_SECONDS", 2 if "long" in how else 30)
    name = own_postgres.create().rpartition("/")[2]
    database = await open_postgres(own_postgres.url(name))
    own_postgres.sql("alter system set synchronous_standby_names = 'nobody'")
    own_postgres.sql("select pg_reload_conf()")
    own_postgres.wait_for("show synchronous_standby_names", "nobody")
    writing = asyncio.create_task(put(database, "a"))
    if "cut" in how:
        waiting = f"select count(*) from pg_stat_activity where datname = '{name}' and wait_event = 'SyncRep'"
        await asyncio.to_thread(own_postgres.wait_for, waiting, "1")
        await asyncio.to_thread(own_postgres.cut, name)
    with pytest.raises(Unavailable) as raised:
        await writing
    assert not isinstance(raised.value, TryAgain)
    own_postgres.sql("alter system reset synchronous_standby_names")
    own_postgres.sql("select pg_reload_conf()")
    own_postgres.wait_for("show synchronous_standby_names", "")
    assert [row["refs"] for row in await database.all("blob", hash="a")] == [1]
    await put(database, "b")
    await database.close()


@pytest.mark.parametrize("stop", ["fast", "immediate", "kill"])
async def test_a_server_that_is_stopped_is_unavailable_and_comes_back(own_postgres, stop):
    """Everything says so within seconds, and works again as soon as it is started; what was stored is there."""
    name = own_postgres.create().rpartition("/")[2]
    database = await open_postgres(own_postgres.url(name))
    await put(database, "a")
    await connect_all(database)
    with own_postgres.stopped(stop):
        began = time.monotonic()
        for attempt in (stored(database), put(database, "b"), database.one("ping"), Pulse(database).feel()):
            with pytest.raises(Unavailable) as raised:
                await attempt
            assert raised.value.retry_after
        with pytest.raises(Unavailable):
            async with database.snapshot() as reader:
                await stored(reader)
        assert time.monotonic() - began < 2
    await Pulse(database).feel()
    await put(database, "b")
    assert await stored(database) == ["a", "b"]
    await database.close()


async def test_a_database_can_be_closed_while_its_server_is_stopped(own_postgres):
    """A service that is told to stop stops."""
    database = await open_postgres(own_postgres.create())
    await connect_all(database)
    with own_postgres.stopped():
        await asyncio.wait_for(database.close(), 5)


async def test_a_statement_that_waits_too_long_is_unavailable(postgres, name, monkeypatch):
    """For a read, a write and a lock; nothing is stored by it, and the next one works."""
    monkeypatch.setattr(postgres_setup, "COMMAND_SECONDS", 0.5)
    database = await open_postgres(postgres.url(name))

    async def hold():
        async with database.transaction() as tx:
            await tx.run("agree", name="a", value="b")
            await tx.hold(["m"])

    taken = f"{LOCKED}; do $$ begin perform pg_advisory_xact_lock({_number('m')}); end $$"
    with postgres.held(taken, name):
        for attempt in (stored(database), put(database, "a"), hold()):
            began = time.monotonic()
            with pytest.raises(Unavailable) as raised:
                await attempt
            assert not isinstance(raised.value, TryAgain)
            assert time.monotonic() - began < 2
    await hold()
    await put(database, "b")
    assert await stored(database) == ["b"]
    await database.close()


async def test_a_server_that_hangs_is_given_up(own_postgres, monkeypatch):
    """A read, a write under way and readiness end soon after their time; when it goes on, all works again."""
    for module, setting in (
        (postgres_setup, "COMMAND_SECONDS"),
        (postgres_setup, "CONNECT_SECONDS"),
        (pulse, "PATIENCE"),
    ):
        monkeypatch.setattr(module, setting, 1.0)
    database = await open_postgres(own_postgres.create())
    felt = Pulse(database)
    await connect_all(database)

    async def write():
        async with database.transaction() as tx:
            async with tx.savepoint():
                await tx.run("add_blob", hash="a", **BLOB)
            with own_postgres.frozen():
                began = time.monotonic()
                for attempt in (stored(database), felt.feel(), tx.run("add_blob", hash="b", **BLOB)):
                    with pytest.raises(Unavailable):
                        await attempt
                assert time.monotonic() - began < 3 + 3 * GIVE_UP + 2
                raise KeyError

    with suppress(KeyError):
        await write()
    await felt.feel()
    await put(database, "b")
    assert await stored(database) == ["b"]
    await database.close()


async def test_too_many_connections_are_unavailable(postgres, name):
    """Other users of the server may have taken them."""
    postgres.sql("drop role if exists narrow")
    postgres.sql("create role narrow superuser login connection limit 1")
    await (await open_postgres(postgres.url(name))).close()
    database = await open_postgres(postgres.url(name, "narrow"))
    postgres.sql("alter role narrow nosuperuser")
    async with database._acquired():
        with pytest.raises(Unavailable, match="TooManyConnections"):
            await database.one("ping")
    assert await database.one("ping")
    await database.close()


async def test_a_user_who_may_not_connect_any_more_finds_the_database_away(postgres, name):
    """A password that was changed, or a right that was taken, is no failure of the service."""
    postgres.sql("drop role if exists gone")
    postgres.sql("create role gone superuser login")
    database = await open_postgres(postgres.url(name, "gone"))
    postgres.sql("alter role gone nologin")
    postgres.cut(name)
    with pytest.raises(Unavailable, match="the database is away"):
        await database.one("ping")
    with pytest.raises(Unavailable, match="the database is away"):
        await put(database, "a")
    await database.close()
