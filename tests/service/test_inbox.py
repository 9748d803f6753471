"""The inbox: bounded, in order, answered after the commit; every failure is an answer of the caller it belongs to."""

import asyncio
from contextlib import suppress

import pytest
from msgspec.structs import replace

from seeme.errors import Conflict, Invalid, NotFound, ServiceFailed, StorageFull, Unavailable
from seeme.records.keys import NewKey
from seeme.records.models import ConfigPatch, ModelPatch, NewModel, NewVersion
from seeme.records.predictions import NewPrediction
from seeme.records.queries import PredictionQuery
from seeme.service.inbox import share
from seeme.service.services import Services


def prediction(id, **fields):
    """Return a prediction of the model `digits`."""
    return NewPrediction(model_id="digits", id=id, label="1", **fields)


async def stored(services):
    """Return the ids of the stored predictions."""
    page = await services.events.list_predictions(PredictionQuery(model_id="digits", order="asc", limit=1000))
    return [one.id for one in page.items]


async def set_pages(services, most):
    """Let the database file grow to so many pages at most: a disk of that size."""
    await services.database._writer.execute_fetchall(f"pragma max_page_count = {most}")


async def fill_disk(services):
    """Leave no room on the disk."""
    ((pages,),) = await services.database._writer.execute_fetchall("pragma page_count")
    await set_pages(services, pages)


@pytest.mark.parametrize("bound", [{"queue_items": 10}, {"queue_bytes": 10_500}])
async def test_a_full_queue_refuses_with_a_time_to_come_back(settings, clock, someone, bound):
    """More than the queue holds is Unavailable at once; what was taken is stored, and there is room again after it."""
    async with Services.open(replace(settings, **bound), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        taken = [asyncio.create_task(services.ingest.predictions([prediction(f"p{n}")], someone)) for n in range(14)]
        outcomes = await asyncio.gather(*taken, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, Unavailable)]
        assert len(refused) == 4
        assert all(one.retry_after > 0 for one in refused)
        assert len(await stored(services)) == 10
        await services.ingest.predictions([prediction("later")], someone)
        assert services.inbox.waiting == 0


async def test_closing_answers_what_was_taken_and_refuses_the_rest(settings, clock, someone):
    """Whoever was taken before the end is stored and answered; whoever comes later is told to try again."""
    async with Services.open(settings, clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        taken = [asyncio.create_task(services.ingest.predictions([prediction(f"p{n}")], someone)) for n in range(50)]
        await asyncio.sleep(0)
        services.inbox.close()
        with pytest.raises(Unavailable, match="shutting down"):
            await services.ingest.predictions([prediction("late")], someone)
        with pytest.raises(Unavailable):
            await services.inbox.run(lambda tx: asyncio.sleep(0))
        answers = await asyncio.gather(*taken)
    assert {answer[0].status for answer in answers} == {"created"}
    async with Services.open(settings, clock) as services:
        assert len(await stored(services)) == 50


async def test_one_failing_work_fails_alone(services, model, someone):
    """Work that raises is undone and answered alone; events and other work of the same commit are stored."""

    async def fails(tx):
        await tx.run("revoke_key", id="none", revoked_at=1)
        await tx.run("mark_model_deleted", id="digits", deleted_at=1)
        raise RuntimeError("a bug")

    async def refuses(tx):
        await tx.run("mark_model_deleted", id="digits", deleted_at=1)
        raise Conflict("no")

    outcomes = await asyncio.gather(
        services.inbox.run(fails),
        services.ingest.predictions([prediction("p1")], someone),
        services.inbox.run(refuses),
        services.keys.create(NewKey(kind="secret", holder="Bob", scopes=["read"])),
        services.ingest.predictions([prediction("p2")], someone),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes[:3]] == [ServiceFailed, list, Conflict]
    assert outcomes[0].__cause__ is None
    assert "bug" not in str(outcomes[0])
    assert await stored(services) == ["p1", "p2"]
    (row,) = await services.database.all("all_models")
    assert row["deleted_at"] is None


async def test_a_caller_that_goes_away_does_not_undo_what_it_sent(services, model, someone):
    """What was taken is stored, whether or not somebody still waits for the answer."""
    call = asyncio.create_task(services.ingest.predictions([prediction("p1")], someone))
    await asyncio.sleep(0)
    call.cancel()
    with suppress(asyncio.CancelledError):
        await call
    await services.ingest.predictions([prediction("p2")], someone)
    assert await stored(services) == ["p1", "p2"]


async def test_memory_follows_the_disk_when_the_caller_goes_away(services, model, someone):
    """A key whose revocation is stored is dead, and a change of a model holds, even if nobody waits any more."""
    key = await services.keys.create(NewKey(kind="secret", holder="Bob", scopes=["read"]))
    calls = [
        asyncio.create_task(services.keys.revoke(key.id)),
        asyncio.create_task(services.models.patch("digits", ModelPatch(name="New"))),
        asyncio.create_task(services.models.create(NewModel(name="Other", id="other"))),
        asyncio.create_task(services.models.add_version("digits", NewVersion(name="two", id="v2"))),
    ]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await services.ingest.predictions([prediction("p1")], someone)
    assert services.keys.list().items[-1].revoked_at is not None
    assert services.models.get("digits").name == "New"
    assert services.models.get("other").name == "Other"
    assert services.models.has_version("digits", "v2")


async def test_changes_of_one_commit_see_each_other(services, model):
    """Two patches of one model in one commit are both kept: the second begins with what the first left."""
    await asyncio.gather(
        services.models.patch("digits", ModelPatch(config=ConfigPatch(log_retention_days=7))),
        services.models.patch("digits", ModelPatch(name="Better digits")),
        services.models.patch("digits", ModelPatch(config=ConfigPatch(labels_complete=True))),
    )
    changed = services.models.get("digits")
    assert changed.name == "Better digits"
    assert (changed.config.log_retention_days, changed.config.labels_complete) == (7, True)


async def test_the_same_model_made_twice_at_once_is_made_once(services):
    """Of two equal requests in one commit the second is a replay; another content under the id is a conflict."""
    news = [NewModel(name="Cats", id="cats"), NewModel(name="Cats", id="cats"), NewModel(name="Dogs", id="cats")]
    first, second, third = await asyncio.gather(*map(services.models.create, news), return_exceptions=True)
    assert (first[1], second[1], type(third)) == (True, False, Conflict)


async def test_the_same_version_made_twice_at_once_is_made_once(services, model):
    """Versions too are looked up where they are written."""
    news = [NewVersion(name="one", id="v1"), NewVersion(name="one", id="v1"), NewVersion(name="two", id="v1")]
    calls = (services.models.add_version("digits", new) for new in news)
    first, second, third = await asyncio.gather(*calls, return_exceptions=True)
    assert (first[1], second[1], type(third)) == (True, False, Conflict)


async def test_a_deleted_model_in_the_same_commit_takes_nothing_more(services, model):
    """Work that comes after the deletion in one commit finds no model."""
    outcomes = await asyncio.gather(
        services.models.delete("digits"),
        services.models.patch("digits", ModelPatch(name="Late")),
        services.models.add_version("digits", NewVersion(name="late")),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [type(None), NotFound, NotFound]


async def test_events_of_a_model_deleted_while_they_waited_fail_alone(services, model, someone):
    """The other events of their commit are stored."""
    await services.models.create(NewModel(name="Other", id="other"))
    rows = [
        services.ingest._prediction(NewPrediction(model_id=id, id="p", label="1"), someone, services.clock(), {})
        for id in ("digits", "other")
    ]
    await services.models.delete("digits")
    gone, kept = await services.inbox.put(rows, 100)
    assert isinstance(gone, NotFound)
    assert kept.status == "created"


async def test_a_refused_row_beside_other_work_loses_nothing(services, model, someone):
    """Work in the same commit doesn't swallow what the tables say of events: all but the bad one are stored."""
    await services.ingest.predictions([prediction("warm", confidence=0.5)], someone)
    for n in range(3):
        news = [prediction(f"bad{n}", confidence=7.0), prediction(f"good{n}", confidence=0.5)]
        key = NewKey(kind="secret", holder="Bob", scopes=["read"])
        outcomes, made = await asyncio.gather(services.ingest.predictions(news, someone), services.keys.create(key))
        assert isinstance(outcomes[0], Invalid)
        assert outcomes[1].status == "created"
        assert services.keys.authenticate(made.key).holder == "Bob"
    assert sorted(await stored(services)) == ["good0", "good1", "good2", "warm"]
    assert (await services.reports.rebuild("digits", None, None)).changed == []


@pytest.mark.sqlite
async def test_a_full_disk_refuses_events_while_reading_goes_on(services, model, someone):
    """Every event and change is StorageFull, none is half stored, and what was stored can be read."""
    await services.ingest.predictions([prediction("before")], someone)
    await fill_disk(services)
    big = [prediction(f"p{n}", features={"text": "x" * 1000}) for n in range(100)]
    for _ in range(3):
        with pytest.raises(StorageFull):
            await services.ingest.predictions(big, someone)
    assert await stored(services) == ["before"]
    assert services.health().status == "ok"
    await set_pages(services, 1_000_000)
    outcomes = await services.ingest.predictions(big, someone)
    assert {one.status for one in outcomes} == {"created"}
    assert len(await stored(services)) == 101


@pytest.mark.sqlite
async def test_sums_are_right_after_a_full_disk(services, model, someone):
    """What was refused isn't counted, in memory either."""
    await services.ingest.predictions([prediction("before")], someone)
    await fill_disk(services)
    big = [prediction(f"p{n}", features={"text": "x" * 1000}) for n in range(100)]
    with pytest.raises(StorageFull):
        await services.ingest.predictions(big, someone)
    await set_pages(services, 1_000_000)
    await services.ingest.predictions([prediction("after")], someone)
    assert (await services.reports.rebuild("digits", None, None)).changed == []


@pytest.mark.sqlite
async def test_a_full_disk_is_said_to_other_writers_too(services, model):
    """Work that meets a full disk is StorageFull, not a failure of ours."""
    await fill_disk(services)

    async def fill(tx):
        for n in range(10_000):
            await tx.run("insert_tombstone", model_id="m", kind="label", id=f"{n}" * 20, deleted_at=1)

    with pytest.raises(StorageFull):
        await services.inbox.run(fill)


async def test_a_writer_that_dies_leaves_nobody_waiting(services, model, someone):
    """When the writer ends, everybody who waits is told, newcomers are refused, and the service is to stop."""

    first = asyncio.create_task(services.ingest.predictions([prediction("p1")], someone))
    await asyncio.sleep(0)
    services.tasks._vital[0].cancel()
    with pytest.raises((ServiceFailed, Unavailable)):
        await asyncio.wait_for(first, 5)
    assert await asyncio.wait_for(services.tasks.failed, 5) == "writer"
    with pytest.raises(Unavailable):
        await services.ingest.predictions([prediction("p2")], someone)


def test_a_busy_writer_takes_half_of_those_on_their_way():
    """A burst from idle goes at once; a lopsided pair of batches becomes two halves and stays so; few aren't halved."""
    assert share(last=0, waiting=64) == 64
    assert share(last=10, waiting=54) == 32
    assert share(last=32, waiting=32) == 32
    assert share(last=3, waiting=5) == 16


async def test_commits_are_observed(services, model, someone):
    """Whoever watches commits is told how long each took and how many events it had."""
    seen = []
    services.commits.append(lambda seconds, events: seen.append((seconds > 0, events)))
    await services.ingest.predictions([prediction("p1"), prediction("p2")], someone)
    assert seen[-1] == (True, 2)
