"""What nodes on one database owe each other: news within a refresh, tasks run once, late orphans, folded sums."""

import pytest
from msgspec.structs import replace

from seeme.clock import MINUTE
from seeme.domain import sums
from seeme.errors import Conflict, NotFound, SetupError, Unauthorized
from seeme.records.feedback import Rating
from seeme.records.keys import NewKey
from seeme.records.models import ModelPatch, NewModel, NewVersion
from seeme.records.predictions import NewLabel, NewPrediction
from seeme.service.services import Services
from seeme.store import sums as stored

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


def prediction(id, **fields):
    """Return a prediction to send."""
    return NewPrediction(model_id="digits", id=id, label="1", **fields)


async def satisfaction(services):
    """Return today's predictions and thumbs, by the sums."""
    found = await stored.totals(services.database, "digits", sums.DAILY, -(2**62), 2**62)
    return tuple(sum(vector[lane] for vector in found.values()) for lane in (sums.PREDICTIONS, sums.THUMBS_UP))


async def mark(services, status):
    """Give the feedback and the label of a test a status, past the service."""
    same = {"model_id": "digits", "status": status}
    async with services.database.transaction() as tx:
        await tx.run("set_feedback_status", id="f1", status_reason=None, updated_at=1, **same)
        await tx.run("set_label_status", id="l1", **same)


async def test_what_one_node_makes_the_other_knows_after_a_refresh(nodes):
    """Models, their changes and ends, versions, keys and their revocation."""
    a, b = nodes
    await a.models.create(NewModel(name="Other", id="other"))
    await a.models.add_version("digits", NewVersion(id="v1", name="first"))
    await a.models.patch("digits", ModelPatch(name="Numbers"))
    key = await a.keys.create(NewKey(kind="secret", holder="Ada", scopes=["read"]))
    with pytest.raises(Unauthorized):
        b.keys.authenticate(key.key)
    await b.cluster.refresh()
    assert b.models.get("other").name == "Other"
    assert b.models.has_version("digits", "v1")
    assert b.models.get("digits").name == "Numbers"
    assert b.keys.authenticate(key.key).holder == "Ada"
    await a.keys.revoke(key.id)
    await a.models.delete("other")
    await b.cluster.refresh()
    with pytest.raises(Unauthorized):
        b.keys.authenticate(key.key)
    with pytest.raises(NotFound):
        b.models.get("other")


async def test_events_of_a_model_that_another_node_deleted_are_refused(nodes, someone):
    """Even before this node has heard of it: nothing is stored that nobody would delete."""
    a, b = nodes
    await a.models.delete("digits")
    (outcome,) = await b.ingest.predictions([prediction("p1")], someone)
    assert isinstance(outcome, NotFound)


async def test_changes_of_a_model_on_two_nodes_both_stay(nodes):
    """Each merges into what is stored, not into what it remembers."""
    a, b = nodes
    await a.models.patch("digits", ModelPatch(name="Numbers"))
    await b.models.patch("digits", ModelPatch(labels=["x"]))
    await a.cluster.refresh()
    assert (a.models.get("digits").name, a.models.get("digits").labels) == ("Numbers", ["x"])


async def test_a_periodic_task_is_run_by_one_node_when_it_is_due(nodes, clock):
    """Whoever claims it first; after its time anybody may, also when the first one has died."""
    a, b = nodes
    assert await a.cluster.claim("care", 60)
    assert not await b.cluster.claim("care", 60)
    assert not await a.cluster.claim("care", 60)
    clock.forward(MINUTE)
    assert await b.cluster.claim("care", 60)
    assert not await a.cluster.claim("care", 60)


async def test_the_same_event_at_two_nodes_is_stored_once(nodes, someone):
    """A client that tries the other node is told that it is there."""
    a, b = nodes
    assert (await a.ingest.predictions([prediction("p1")], someone))[0].status == "created"
    assert (await b.ingest.predictions([prediction("p1")], someone))[0].status == "unchanged"
    assert await satisfaction(a) == (1, 0)


async def cross(a, b, someone):
    """Leave a prediction on one node and a vote and a label about it on the other as if they had come at once."""
    await a.ingest.feedback([Rating(id="f1", model_id="digits", prediction_id="p1", rating=1)], someone)
    await a.ingest.labels([NewLabel(id="l1", model_id="digits", prediction_id="p1", label="1")], someone)
    await mark(b, "away")  # as if the prediction's node hadn't seen them yet
    await b.ingest.predictions([prediction("p1")], someone)
    await mark(b, "orphan")


async def test_an_orphan_that_crossed_its_prediction_counts_after_all(nodes, someone):
    """A label and a vote that were stored as orphans beside their prediction are found by the task, and count once."""
    a, b = nodes
    await cross(a, b, someone)
    assert await satisfaction(a) == (1, 0)
    for _ in range(2):
        await a.cluster.join_orphans()
        assert (await b.events.feedback("f1")).status == "active"
        assert (await b.events.prediction("p1")).truth.label == "1"
        assert await satisfaction(b) == (1, 1)


@pytest.mark.parametrize("label", ["1", "2"], ids=["again", "changed"])
async def test_a_retry_of_a_prediction_that_an_orphan_has_crossed_is_answered_as_ever(nodes, someone, label):
    """Also with new ones beside it; the orphan waits for the task."""
    a, b = nodes
    await cross(a, b, someone)
    sent = [replace(prediction("p1"), label=label), prediction("p2")]
    again, new = await a.ingest.predictions(sent, someone)
    assert isinstance(again, Conflict) if label == "2" else again.status == "unchanged"
    assert new.status == "created"
    await b.cluster.join_orphans()
    assert await satisfaction(a) == (2, 1)


async def test_folding_leaves_one_row_per_bucket_and_the_same_numbers(nodes, someone):
    """Also when the nodes go on adding to rows that were folded."""
    a, b = nodes
    for n in range(6):
        await nodes[n % 2].ingest.predictions([prediction(f"p{n}")], someone)
        if n == 3:
            await a.cluster.fold()
    assert await satisfaction(a) == (6, 0)
    await b.cluster.fold()
    rows = await a.database.all(
        "sums_between", model_id="digits", grain=sums.DAILY, start=0, stop=2**62, version_id=None
    )
    assert len(rows) == 1
    assert await satisfaction(a) == (6, 0)


async def test_new_labels_on_two_nodes_get_lanes_of_their_own(nodes, someone):
    """What each node remembers of the lanes may be old; no lane is given twice."""
    for n in range(8):
        new = NewPrediction(model_id="digits", id=f"p{n}", label=f"label {n // 2}")
        await nodes[n % 2].ingest.predictions([new, replace(new, id=f"q{n}", label=f"own {n}")], someone)
    rows = await nodes[0].database.all("label_positions", model_id="digits")
    assert sorted(row["position"] for row in rows) == list(range(12))


async def test_a_sign_in_code_is_good_for_one_node_once(nodes):
    """Two browsers with one link, each at another node: one gets in."""
    a, b = nodes
    key = await a.keys.create(NewKey(kind="secret", holder="Ada", scopes=["read"]))
    await b.cluster.refresh()
    code = await a.keys.new_sign_in(key.id)
    token, identity = await b.keys.redeem(code.code)
    assert identity.holder == "Ada"
    assert (await a.keys.session(token)).holder == "Ada"
    with pytest.raises(Unauthorized):
        await a.keys.redeem(code.code)


async def test_a_node_with_another_secret_is_refused(nodes, tmp_path, clock):
    """It would hash the same person to another."""
    other = replace(nodes[0].settings, secret="another", data=tmp_path / "c")
    with pytest.raises(SetupError, match="the same SEEME_SECRET"):
        async with Services.open(other, clock):
            pass
