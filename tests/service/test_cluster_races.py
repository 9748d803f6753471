"""What two nodes do to one thing at once, or one of them without having heard of it: found by an attack."""

import asyncio
import io

import pytest
from PIL import Image

from seeme.assignment import assigned
from seeme.clock import DAY, SECOND
from seeme.errors import Conflict
from seeme.records.ab_tests import AbConfigPatch, AbTestPatch, NewAbConfig, NewAbTest
from seeme.records.feedback import Rating
from seeme.records.models import NewModel, NewVersion
from seeme.records.predictions import NewPrediction
from seeme.service import recount
from seeme.store import removal

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


def prediction(id, label="1"):
    """Return a prediction to send."""
    return NewPrediction(model_id="digits", id=id, label=label, subject="ann")


async def image(shade):
    """Yield a small PNG."""
    file = io.BytesIO()
    Image.new("L", (8, 8), shade).save(file, "PNG")
    yield file.getvalue()


async def begin_test(nodes, someone, **config):
    """Start a test of the nodes' model and another one, which both nodes know."""
    await nodes[0].models.create(NewModel(name="Other", id="other"))
    config = NewAbConfig(seed="s", **config)
    new = NewAbTest(name="T", id="t", model_a_id="digits", model_b_id="other", config=config)
    await nodes[0].ab_tests.create(new, someone)
    await nodes[1].cluster.refresh()


async def faults(services):
    """Return where the sums of the model differ from its rows."""
    found = []
    for day, _ in await recount.days(services.database, "digits"):
        found += await recount.differences(
            services.database, "digits", day, await recount.day(services.database, "digits", day)
        )
    return found


async def test_a_version_of_a_model_that_this_node_has_not_read_yet_is_stored(nodes, someone):
    """The writer goes on, and the node takes events."""
    a, b = nodes
    await a.models.create(NewModel(name="New", id="new"))
    version, created = await b.models.add_version("new", NewVersion(id="v1", name="first"))
    assert (version.id, created) == ("v1", True)
    assert (await b.ingest.predictions([prediction("p1")], someone))[0].status == "created"


async def test_a_model_made_again_under_its_id_begins_with_new_lanes(nodes, someone, clock):
    """What a node remembers of the old one's labels isn't the new one's."""
    a, b = nodes
    await b.ingest.predictions([prediction(f"p{n}", f"old {n}") for n in range(4)], someone)
    await a.models.delete("digits")
    await a.removal.retain()
    clock.forward(SECOND)
    await a.models.create(NewModel(name="Digits again", id="digits"))
    await b.cluster.refresh()
    await b.ingest.predictions([prediction("q3", "old 3"), prediction("q9", "new")], someone)
    rows = await a.database.all("label_positions", model_id="digits")
    assert {row["label"]: row["position"] for row in rows} == {"old 3": 0, "new": 1}
    assert await faults(a) == []


async def test_one_input_sent_to_both_nodes_is_counted_once(nodes, someone):
    """A retry at the other node; erased with its person, nothing of it is left."""
    a, b = nodes
    await a.ingest.predictions([prediction(f"p{n}") for n in range(5)], someone)
    for n in range(5):
        sent = [node.inputs.put(f"p{n}", "digits", image(n)) for node in nodes]
        assert sorted(created for _, created in await asyncio.gather(*sent)) == [False, True]
    await b.removal.erase(b.ingest.subject_hash("ann"))
    assert await a.database.all("all_blobs") == []


async def test_of_two_inputs_of_one_prediction_one_is_refused(nodes, someone):
    """At two nodes at once, as at one."""
    await nodes[0].ingest.predictions([prediction(f"p{n}") for n in range(5)], someone)
    for n in range(5):
        sent = [node.inputs.put(f"p{n}", "digits", image(10 * n + k)) for k, node in enumerate(nodes)]
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
        assert sorted(isinstance(outcome, Conflict) for outcome in outcomes) == [False, True]


async def test_a_model_that_was_made_again_outlives_the_others_retention(nodes, someone):
    """A node whose list still has the deleted one deletes nothing of the new one."""
    a, b = nodes
    await a.models.delete("digits")
    await b.cluster.refresh()
    await a.removal.retain()
    await a.models.create(NewModel(name="Digits again", id="digits"))
    await a.ingest.predictions([prediction("p1")], someone)
    await b.removal.retain()
    await b.cluster.refresh()
    assert b.models.get("digits").name == "Digits again"
    assert (await b.events.prediction("p1", "digits")).label == "1"


@pytest.mark.parametrize("maker", [0, 1])
async def test_an_ab_test_of_a_model_that_another_node_deletes_at_once_is_not_left(nodes, someone, maker):
    """One of the two is refused."""
    await nodes[0].models.create(NewModel(name="Other", id="other"))
    await nodes[1].cluster.refresh()
    for n in range(10):
        await nodes[0].models.create(NewModel(name="New", id=f"m{n}"))
        await nodes[1].cluster.refresh()
        new = NewAbTest(name="T", id=f"t{n}", model_a_id="other", model_b_id=f"m{n}")
        calls = nodes[maker].ab_tests.create(new, someone), nodes[1 - maker].models.delete(f"m{n}")
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in done].count(Conflict) == 1


async def test_what_another_node_changed_of_an_ab_test_holds_at_once(nodes, someone):
    """Units of a coverage that has grown aren't outside of it, and after a stop nothing counts."""
    a, b = nodes
    await begin_test(nodes, someone, coverage=0.01)
    inside = [f"u{n}" for n in range(99) if assigned("s", [0.5, 0.5], 1, f"u{n}") == 0][:9]

    def tagged(unit):
        return NewPrediction(model_id="digits", label="1", ab_test_id="t", unit=unit)

    assert (await b.ingest.predictions([tagged(inside[0])], someone))[0].status == "created"
    await b.cluster.refresh()
    await a.ab_tests.patch("t", AbTestPatch(config=AbConfigPatch(coverage=1.0)))
    await b.ingest.predictions([tagged(unit) for unit in inside[1:]], someone)
    await a.ab_tests.stop("t", someone)
    await b.ingest.predictions([tagged(unit) for unit in inside[1:]], someone)
    found = (await a.ab_results.results("t")).model_a
    assert (found.units, found.predictions, found.excluded.outside) == (8, 8, 1)


async def test_a_unit_is_erased_whole_while_another_node_takes_its_predictions(nodes, someone, clock, monkeypatch):
    """Retention leaves the unit's row; it goes, too, though it was just another prediction's a moment ago."""
    a, b = nodes
    await begin_test(nodes, someone)
    unit = next(f"u{n}" for n in range(99) if assigned("s", [0.5, 0.5], 1, f"u{n}") == 0)
    await a.ingest.predictions([NewPrediction(model_id="digits", label="1", ab_test_id="t", unit=unit)], someone)
    clock.forward(31 * DAY)
    looked = removal.predictions_of_subject

    async def after_retention(*given):
        monkeypatch.setattr(removal, "predictions_of_subject", looked)
        await b.removal.retain()
        return await looked(*given)

    monkeypatch.setattr(removal, "predictions_of_subject", after_retention)
    await a.removal.erase(a.ingest.subject_hash(unit))
    assert (await a.ab_results.results("t")).model_a.units == 0
    assert await a.database.all("ab_units_after", ab_test_id="t", unit="", arm="", most=9) == []


async def test_a_link_for_the_command_lines_own_key_is_refused(nodes):
    """Other nodes wouldn't know who it is."""
    nodes[0].keys.make_local()
    with pytest.raises(Conflict, match="seeme key create"):
        await nodes[0].keys.new_sign_in(nodes[0].keys.local_key)


async def test_sums_that_are_folded_amid_other_work_of_the_same_commit_stay_right(nodes, someone):
    """What is remembered of them before isn't used after."""
    a, b = nodes
    await a.ingest.predictions([prediction("p1"), prediction("p2")], someone)
    await b.ingest.predictions([prediction("p3")], someone)
    votes = [Rating(id=f"f{n}", model_id="digits", prediction_id=f"p{n}", rating=1) for n in (1, 2)]
    await a.ingest.feedback(votes, someone)
    await asyncio.gather(
        a.review.delete("f1", "digits", someone), a.cluster.fold(), a.review.delete("f2", "digits", someone)
    )
    assert await faults(a) == []


async def test_a_repeat_waits_until_what_it_repeats_is_safe(nodes, someone, postgres):
    """It writes a word to the log, so that its commit waits for a standby as the first one should have."""
    await nodes[0].ingest.predictions([prediction("p1")], someone)
    before = postgres.sql("select pg_current_wal_insert_lsn()")
    assert (await nodes[1].ingest.predictions([prediction("p1")], someone))[0].status == "unchanged"
    assert postgres.sql("select pg_current_wal_insert_lsn()") != before
