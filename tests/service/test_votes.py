"""Which vote counts: one voice for each voter, the latest by (created_at, id), whatever the order of arrival."""

from itertools import permutations
from uuid import uuid4

import pytest
from msgspec.structs import replace

from seeme.clock import SECOND, from_micros
from seeme.errors import Conflict, NotFound
from seeme.records.feedback import Comment, Correct, Correction, MissedObject, Rating
from seeme.records.models import NewModel
from seeme.records.predictions import Detection, NewLabel, NewPrediction
from seeme.records.queries import FeedbackQuery, MetricsQuery
from seeme.service.keys import Identity

MORNING = 1_763_625_600_000_000  # 2025-11-20T08:00Z


def at(seconds):
    """Return a time of this morning."""
    return from_micros(MORNING + seconds * SECOND)


def vote(id, rating, seconds=0, **fields):
    """Return a vote on p1."""
    return Rating(
        **{"model_id": "digits", "id": id, "prediction_id": "p1", "rating": rating, "created_at": at(seconds), **fields}
    )


async def log(services, someone, id="p1", model_id="digits"):
    """Log a prediction of this morning."""
    new = NewPrediction(model_id=model_id, id=id, label="1", created_at=at(0))
    return (await services.ingest.predictions([new], someone))[0]


async def thumbs(services, model_id="digits"):
    """Return up, down and rated of this day."""
    day = (await services.reports.metrics(model_id, MetricsQuery(period="day", lookback_weeks=1)))[-1]
    return day.thumbs_up, day.thumbs_down, day.rated


async def states(services, model_id="digits"):
    """Return the status of all feedback by id."""
    page = await services.events.list_feedback(FeedbackQuery(model_id=model_id, limit=1000))
    return {one.id: one.status for one in page.items}


async def send(services, someone, *news):
    """Send feedback, each alone; return the statuses."""
    return [(await services.ingest.feedback([new], someone))[0].status for new in news]


async def assert_recount(services, model_id="digits"):
    """Assert that the sums are what the rows say."""
    assert (await services.reports.rebuild(model_id, None, None)).changed == []


CHAIN = [
    vote("a", 1, 1),
    vote("b", -1, 2, supersedes="a"),
    vote("c", 0, 3, supersedes="a"),
    vote("d", 1, 4, supersedes="a"),
]


@pytest.mark.parametrize("length", [2, 3, 4])
async def test_a_change_of_mind_counts_once_in_any_order(services, someone, length):
    """Of a chain of votes the latest counts, whichever comes first and wherever the prediction comes between."""
    chain = CHAIN[:length]
    wanted = {2: (0, 1, 1), 3: (0, 0, 0), 4: (1, 0, 1)}[length]
    for order in permutations([*chain, None]):
        model_id = uuid4().hex
        await services.models.create(NewModel(name="M", id=model_id))
        for one in order:
            if one is None:
                await log(services, someone, model_id=model_id)
            else:
                await services.ingest.feedback([replace(one, model_id=model_id)], someone)
        assert await thumbs(services, model_id) == wanted
        assert await states(services, model_id) == {
            one.id: "active" if one is chain[-1] else "superseded" for one in chain
        }
        await assert_recount(services, model_id)


async def test_votes_of_the_same_moment_are_decided_by_their_ids(services, model, someone):
    """A tie has one winner, the same in any order."""
    for first, second in (("a", "b"), ("b", "a")):
        prediction_id = f"p-{first}"
        await log(services, someone, prediction_id)
        for id in (first, second):
            new = vote(f"{prediction_id}-{id}", 1, 5, supersedes="x", prediction_id=prediction_id)
            await services.ingest.feedback([new], someone)
    found = await states(services)
    assert found == {"p-a-a": "superseded", "p-a-b": "active", "p-b-b": "active", "p-b-a": "superseded"}


async def test_of_one_request_the_last_vote_counts(services, model, someone):
    """Without times of their own votes were cast in their order, whatever their ids say: a page's clock may jump."""
    await log(services, someone)
    news = [vote(id, 1, created_at=None, supersedes=None if id == "d" else "d") for id in "dbca"]
    await services.ingest.feedback(news, someone)
    assert await states(services) == {"d": "superseded", "b": "superseded", "c": "superseded", "a": "active"}


async def test_of_one_request_the_last_label_is_in_force(services, model, someone):
    """Labels are no other, also when the service makes their ids."""
    await log(services, someone)
    await services.ingest.labels([NewLabel(prediction_id="p1", label=f"{n}") for n in range(9)], someone)
    assert (await services.events.prediction("p1", "digits")).truth.label == "8"


async def test_a_vote_taken_back_is_no_vote(services, model, someone):
    """Rating 0 leaves the prediction unrated; a vote after it counts again."""
    await log(services, someone)
    await send(services, someone, vote("a", 1, 1), vote("b", 0, 2, supersedes="a"))
    assert await thumbs(services) == (0, 0, 0)
    await send(services, someone, vote("c", -1, 3, supersedes="a"))
    assert await thumbs(services) == (0, 1, 1)
    await assert_recount(services)


async def test_a_known_subject_has_one_voice(services, model, someone):
    """Whoever a secret key vouches for counts once per prediction and kind, without naming what is superseded."""
    await log(services, someone)
    await send(services, someone, vote("a", 1, 1, subject="ann"), vote("b", -1, 2, subject="ann"))
    await send(services, someone, vote("c", 1, 1, subject="bob"))
    assert await thumbs(services) == (1, 1, 1)
    assert await states(services) == {"a": "superseded", "b": "active", "c": "active"}
    correction = Correction(model_id="digits", id="d", prediction_id="p1", correct_label="7", subject="ann")
    assert await send(services, someone, correction) == ["created"]
    assert (await states(services))["b"] == "active"


async def test_a_known_subject_says_many_things_in_words(services, model, someone):
    """Comments and missed objects of one person stand beside each other."""
    await services.models.create(NewModel(name="Boxes", id="boxes", task="detection"))
    await services.ingest.predictions([NewPrediction(model_id="boxes", id="q1", detections=[])], someone)
    shared = {"model_id": "boxes", "prediction_id": "q1", "subject": "ann"}
    box = (0.0, 0.0, 1.0, 1.0)
    news = [Comment(id=f"c{n}", notes="hm", **shared) for n in range(2)]
    news += [MissedObject(id=f"m{n}", correct_label="car", box=box, **shared) for n in range(2)]
    await send(services, someone, *news)
    assert set((await states(services, "boxes")).values()) == {"active"}


async def test_one_voice_for_each_object(services, someone):
    """Verdicts on different detections don't supersede each other; on the same one the latest counts."""
    await services.models.create(NewModel(name="Boxes", id="boxes", task="detection"))
    found = [Detection(label="car", box=(0.0, 0.0, 1.0, 1.0))] * 2
    await services.ingest.predictions([NewPrediction(model_id="boxes", id="q1", detections=found)], someone)
    shared = {"model_id": "boxes", "prediction_id": "q1", "subject": "ann"}
    news = [Correct(id="a", detection_index=0, **shared), Correct(id="b", detection_index=1, **shared)]
    await send(services, someone, *news, Correct(id="c", detection_index=1, created_at=at(10**4), **shared))
    assert await states(services, "boxes") == {"a": "active", "b": "active", "c": "superseded"}
    await send(services, someone, Correct(id="d", detection_index=1, **shared))
    assert (await states(services, "boxes"))["d"] == "active"


async def test_a_page_cannot_speak_for_a_known_person(services, model, someone, visitor):
    """A publishable key may name any subject and any first vote: neither takes away a vouched person's voice."""
    await log(services, someone)
    await send(services, someone, vote("real", 1, 1, subject="ann"))
    await send(
        services,
        visitor,
        vote("fake", -1, 9, subject="ann"),
        vote("fake2", -1, 9, subject="ann", supersedes="real", notes="me"),
    )
    assert await states(services) == {"real": "active", "fake": "active", "fake2": "active"}
    assert await thumbs(services) == (1, 2, 1)


async def test_a_page_changes_its_own_vote_by_its_id(services, model, someone, visitor):
    """Who knows the id of the first vote may supersede it; another id is another voter."""
    await log(services, someone)
    await send(services, visitor, vote("first", 1, 1), vote("change", -1, 2, supersedes="first"), vote("else", 1, 1))
    assert await states(services) == {"first": "superseded", "change": "active", "else": "active"}


async def test_a_page_cannot_replace_a_known_persons_words(services, model, someone, visitor):
    """Nor by the id of their comment; the person can."""
    await log(services, someone)
    names = {"model_id": "digits", "prediction_id": "p1"}
    await send(services, someone, Comment(id="real", notes="hm", subject="ann", created_at=at(1), **names))
    await send(services, visitor, Comment(id="fake", notes="ha", supersedes="real", **names))
    assert await states(services) == {"real": "active", "fake": "active"}
    await send(services, someone, Comment(id="new", notes="aha", subject="ann", supersedes="real", **names))
    assert await states(services) == {"real": "superseded", "fake": "active", "new": "active"}


async def test_a_vote_cannot_supersede_one_on_another_prediction(services, model, someone):
    """Slots belong to a prediction."""
    await log(services, someone)
    await log(services, someone, "p2")
    await send(services, someone, vote("a", 1, 1), vote("b", -1, 2, supersedes="a", prediction_id="p2"))
    assert await states(services) == {"a": "active", "b": "active"}


async def test_the_latest_label_is_in_force_in_any_order(services, someone):
    """A truth told later by its own clock wins, and is counted once."""
    labels = [NewLabel(id=f"l{n}", prediction_id="p1", label=f"{n}", created_at=at(n)) for n in range(3)]
    for order in permutations([*labels, None]):
        model_id = uuid4().hex
        await services.models.create(NewModel(name="M", id=model_id))
        for one in order:
            if one is None:
                await log(services, someone, model_id=model_id)
            else:
                await services.ingest.labels([replace(one, model_id=model_id)], someone)
        found = await services.events.prediction("p1", model_id)
        assert (found.truth.id, found.truth.label) == ("l2", "2")
        day = (await services.reports.metrics(model_id, MetricsQuery(period="day", lookback_weeks=1)))[-1]
        assert (day.labelled, day.naive_accuracy) == (1, 0.0)
        await assert_recount(services, model_id)


async def test_a_decision_names_who_and_when(services, model, someone, clock):
    """Approving twice changes nothing, rejecting afterwards does; the change feed tells of each change."""
    await log(services, someone)
    await send(services, someone, vote("a", 1, 1))
    approved = await services.review.approve("a", None, someone)
    assert (approved.review, approved.reviewed_by) == ("approved", "Ada")
    clock.forward(SECOND)
    bob = replace(someone, holder="Bob")
    assert await services.review.approve("a", None, bob) == approved
    rejected = await services.review.reject("a", None, bob)
    assert (rejected.review, rejected.reviewed_by) == ("rejected", "Bob")
    assert rejected.updated_at > approved.updated_at
    assert await thumbs(services) == (1, 0, 1)


async def test_an_orphan_cannot_be_reviewed(services, model, someone):
    """What isn't about anything yet isn't right or wrong."""
    await send(services, someone, vote("a", 1, 1))
    for decide in (services.review.approve, services.review.reject):
        with pytest.raises(Conflict, match="is orphan"):
            await decide("a", None, someone)


async def test_deleting_a_vote_lets_the_one_before_count(services, model, someone):
    """The slot's latest that is left becomes active; the deleted one's id stays taken."""
    await log(services, someone)
    await send(services, someone, *CHAIN)
    for gone, wanted in (("d", (0, 0, 0)), ("c", (0, 1, 1)), ("b", (1, 0, 1)), ("a", (0, 0, 0))):
        await services.review.delete(gone, None, someone)
        assert await thumbs(services) == wanted
        await assert_recount(services)
    with pytest.raises(NotFound):
        await services.review.delete("a", None, someone)


async def test_deleting_a_superseded_vote_changes_no_count(services, model, someone):
    """What didn't count isn't taken away."""
    await log(services, someone)
    await send(services, someone, *CHAIN)
    await services.review.delete("a", None, someone)
    assert await thumbs(services) == (1, 0, 1)
    await assert_recount(services)


async def test_an_identity_of_a_session_may_speak_for_a_subject(services, model, someone):
    """A person who is signed in is as good as a secret key."""
    session = Identity("sk_ada", "session", "Ada", frozenset({"ingest"}))
    await log(services, someone)
    await send(services, session, vote("a", 1, 1, subject="ann"), vote("b", 1, 2, subject="ann"))
    assert await thumbs(services) == (1, 0, 1)
