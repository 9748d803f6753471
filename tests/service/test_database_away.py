"""The service while PostgreSQL fails: every caller is answered, rightly, and what was answered is stored."""

import asyncio
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from live import Live

from seeme import Client
from seeme.errors import Invalid, ServiceFailed, Unavailable
from seeme.records.feedback import Rating
from seeme.records.keys import NewKey
from seeme.records.models import NewModel
from seeme.records.predictions import NewPrediction
from seeme.records.queries import PredictionQuery
from seeme.service.inbox import TRIES
from seeme.service.services import Services
from seeme.settings import Settings
from seeme.store.database import TryAgain

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


@pytest.fixture
def name(own_postgres):
    """The name of a new database."""
    return own_postgres.create().rpartition("/")[2]


@pytest.fixture
async def services(own_postgres, name, tmp_path, clock):
    """A real service on it, with one model."""
    async with Services.open(Settings(data=tmp_path / "data", database=own_postgres.url(name)), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        yield services


def prediction(id, **fields):
    """Return a prediction of the model."""
    return NewPrediction(model_id="digits", id=id, label="1", **fields)


async def stored(services):
    """Return the ids of the stored predictions."""
    page = await services.events.list_predictions(PredictionQuery(model_id="digits", order="asc", limit=1000))
    return [one.id for one in page.items]


async def assert_sums_are_right(services):
    """Check that every stored row is counted, once."""
    assert (await services.reports.rebuild("digits", None, None)).changed == []


def statuses(outcomes):
    """Return the statuses of stored events."""
    return [one.status for one in outcomes]


def once(services, monkeypatch, fault):
    """Let something happen at the first time that events are accepted; return how often they were."""
    accept, calls = services.intake.accept, []

    async def first_fail(tx, rows, at):
        calls.append(len(rows))
        if len(calls) == 1:
            await fault(tx)
        return await accept(tx, rows, at)

    monkeypatch.setattr(services.intake, "accept", first_fail)
    return calls


async def test_a_bad_row_fails_alone(services, someone):
    """Of a batch and of the calls beside it everything else is stored and counted."""
    batch = [prediction(f"p{n}", confidence=7.0 if n in (3, 4, 8) else 0.5) for n in range(10)]
    outcomes, other, made = await asyncio.gather(
        services.ingest.predictions(batch, someone),
        services.ingest.predictions([prediction("q")], someone),
        services.keys.create(NewKey(kind="secret", holder="Bob", scopes=["read"])),
    )
    assert [n for n, one in enumerate(outcomes) if isinstance(one, Invalid)] == [3, 4, 8]
    assert statuses(one for one in [*outcomes, *other] if not isinstance(one, Invalid)) == ["created"] * 8
    assert services.keys.authenticate(made.key).holder == "Bob"
    assert sorted(await stored(services)) == ["p0", "p1", "p2", "p5", "p6", "p7", "p9", "q"]
    await assert_sums_are_right(services)


@pytest.mark.parametrize("fault", ["another node", "a cut connection"])
async def test_what_can_be_tried_again_is_and_every_caller_is_answered(
    own_postgres, name, services, someone, monkeypatch, fault
):
    """Events and other work of the commit are stored by the second try, once."""

    async def fail(tx):
        if fault == "another node":
            raise TryAgain("another node was in the way")
        await asyncio.to_thread(own_postgres.cut, name)

    calls = once(services, monkeypatch, fail)
    outcomes = await asyncio.gather(
        *(services.ingest.predictions([prediction(f"p{n}")], someone) for n in range(5)),
        services.keys.create(NewKey(kind="secret", holder="Bob", scopes=["read"])),
    )
    assert statuses(one[0] for one in outcomes[:5]) == ["created"] * 5
    assert services.keys.authenticate(outcomes[5].key).holder == "Bob"
    assert calls == [5, 5]
    assert await stored(services) == [f"p{n}" for n in range(5)]
    await assert_sums_are_right(services)


async def test_work_that_loses_its_connection_is_done_again(own_postgres, name, services):
    """It isn't a failure of the work, and of what it did first nothing is stored twice."""
    tries = []

    async def work(tx):
        tries.append(1)
        await tx.run("add_blob", hash="a", size=1, media_type="image/png", created_at=1)
        if len(tries) == 1:
            await asyncio.to_thread(own_postgres.cut, name)
        return await tx.one("blob", hash="a")

    assert (await services.inbox.run(work))["refs"] == 1
    assert len(tries) == 2


async def test_a_deadlock_with_somebody_else_is_tried_again(own_postgres, name, services, someone, monkeypatch):
    """Votes on two predictions, that somebody locks in the other order, are stored and counted."""
    await services.ingest.predictions([prediction("p1"), prediction("p2")], someone)
    calls = once(services, monkeypatch, lambda tx: asyncio.sleep(0))
    lock = "select id from predictions where id = $1 for update"
    other = await asyncpg.connect(own_postgres.url(name))
    async with other.transaction():
        await other.execute("set deadlock_timeout = '60s'")  # so that the service is the one that gives way
        await other.fetch(lock, "p2")
        news = [Rating(prediction_id=id, model_id="digits", rating=1) for id in ("p1", "p2")]
        voting = asyncio.create_task(services.ingest.feedback(news, someone))
        waiting = f"select count(*) from pg_stat_activity where datname = '{name}' and wait_event_type = 'Lock'"
        await asyncio.to_thread(own_postgres.wait_for, waiting, "1")
        await other.fetch(lock, "p1")
    await other.close()
    assert statuses(await voting) == ["created", "created"]
    assert len(calls) == 2
    await assert_sums_are_right(services)


async def test_what_is_in_the_way_again_and_again_is_unavailable(services, someone, monkeypatch):
    """The caller is told when to come back; nothing is stored, and the next caller is served."""
    accept, tries = services.intake.accept, []

    async def fail(tx, rows, at):
        tries.append(await accept(tx, rows, at))
        raise TryAgain("another node was in the way", retry_after=1)

    with monkeypatch.context() as busy:
        busy.setattr(services.intake, "accept", fail)
        with pytest.raises(Unavailable) as raised:
            await services.ingest.predictions([prediction("p1")], someone)
    assert raised.value.retry_after
    assert len(tries) == TRIES
    assert await stored(services) == []
    assert statuses(await services.ingest.predictions([prediction("p1")], someone)) == ["created"]
    await assert_sums_are_right(services)


async def test_a_commit_that_is_lost_is_answered_so_and_its_retry_finds_it(own_postgres, name, services, someone):
    """Whether it was stored isn't known to the service, but to the sender who tries again; it counts once."""
    own_postgres.sql("alter system set synchronous_standby_names = 'nobody'")
    own_postgres.sql("select pg_reload_conf()")
    own_postgres.wait_for("show synchronous_standby_names", "nobody")
    call = asyncio.create_task(services.ingest.predictions([prediction("p1")], someone))
    waiting = f"select count(*) from pg_stat_activity where datname = '{name}' and wait_event = 'SyncRep'"
    await asyncio.to_thread(own_postgres.wait_for, waiting, "1")
    own_postgres.sql("alter system reset synchronous_standby_names")
    own_postgres.cut(name)
    with pytest.raises(Unavailable, match="lost during a commit"):
        await call
    own_postgres.sql("select pg_reload_conf()")
    own_postgres.wait_for("show synchronous_standby_names", "")
    assert statuses(await services.ingest.predictions([prediction("p1")], someone)) == ["unchanged"]
    await assert_sums_are_right(services)


async def test_while_the_database_is_away_nothing_is_taken_and_afterwards_it_is(own_postgres, services, someone):
    """Events and other changes are refused at once, with a time to come back; reading too; then all works."""
    await services.ingest.predictions([prediction("p1")], someone)
    with own_postgres.stopped():
        began = time.monotonic()
        for attempt in (
            services.ingest.predictions([prediction("p2")], someone),
            services.keys.create(NewKey(kind="secret", holder="Bob", scopes=["read"])),
            stored(services),
            services.pulse.feel(),
        ):
            with pytest.raises(Unavailable) as raised:
                await attempt
            assert not isinstance(raised.value, ServiceFailed)
            assert raised.value.retry_after
        assert time.monotonic() - began < 5
        assert services.health().status == "ok"
        assert [key.holder for key in services.keys.list().items] == []
    await asyncio.sleep(1.1)  # what the pulse was is good for a second
    await services.pulse.feel()
    assert statuses(await services.ingest.predictions([prediction("p2")], someone)) == ["created"]
    assert await stored(services) == ["p1", "p2"]
    await assert_sums_are_right(services)


async def test_those_who_feel_the_pulse_share_one_question(services, monkeypatch):
    """A database that doesn't answer is asked once, however many want to know and however long it takes."""
    asked = []

    async def hang(query):
        asked.append(query)
        await asyncio.sleep(60)

    monkeypatch.setattr(services.database, "one", hang)
    monkeypatch.setattr("seeme.service.pulse.PATIENCE", 2.0)
    callers = [asyncio.create_task(services.pulse.feel()) for _ in range(10)]
    await asyncio.sleep(1.3)
    callers += [asyncio.create_task(services.pulse.feel()) for _ in range(10)]
    ended = await asyncio.gather(*callers, return_exceptions=True)
    assert {type(one) for one in ended} == {Unavailable}
    assert asked == ["ping"]


def get(url):
    """Return the status and the headers of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers)


def test_readiness_follows_the_database_and_health_does_not(own_postgres, name, tmp_path):
    """A balancer sends nothing to a node without its database, nobody restarts it, and no traceback is logged."""
    live = Live(tmp_path / "data", SEEME_DATABASE=own_postgres.url(name)).start()
    try:
        Client(live.url, live.admin_key).create_model("Digits", id="digits")
        assert get(f"{live.url}/readyz")[0] == 200
        while "Later:" not in live.log():  # the first start makes a key and a link, for which it needs the database
            time.sleep(0.05)
        with ThreadPoolExecutor(1) as other, own_postgres.stopped():
            time.sleep(1.1)
            status, headers = get(f"{live.url}/readyz")
            assert (status, headers["retry-after"]) == (503, "2")
            assert get(f"{live.url}/healthz")[0] == 200
            with pytest.raises(Unavailable) as raised:
                Client(live.url, live.admin_key, timeout=1).log_prediction("digits", id="p1", label="1")
            assert raised.value.retry_after
            time.sleep(3)  # the tasks of the service meet it too
            patient = other.submit(Client(live.url, live.admin_key).log_prediction, "digits", id="p2", label="1")
            time.sleep(0.5)
        assert patient.result().status == "created"
        assert get(f"{live.url}/readyz")[0] == 200
    finally:
        assert live.stop() == 0
    assert "Traceback" not in live.log()
    assert "has to wait" in live.log()
