"""What a prediction token does for feedback: it binds the voter, and without one a strict model sets it aside."""

from itertools import permutations

import jwt
import pytest
from msgspec.structs import replace

from seeme.clock import SECOND
from seeme.errors import Conflict, Invalid
from seeme.records.feedback import Comment, Rating, WrongLabel
from seeme.records.models import ConfigPatch, ModelPatch, NewModel
from seeme.records.predictions import Detection, NewPrediction
from seeme.records.queries import FeedbackQuery, MetricsQuery


@pytest.fixture
async def strict(services, model):
    """The model asks for a token; return the signing secret."""
    await services.models.patch("digits", ModelPatch(config=ConfigPatch(require_prediction_token=True)))
    return await services.signing.create("digits")


@pytest.fixture
async def lenient(services, model):
    """The model asks for none, but can check one; return the signing secret."""
    return await services.signing.create("digits")


def token(issued, clock, prediction="p1", **claims):
    """Return a token that is good for a minute by the service's clock."""
    said = {"model": "digits", "prediction": prediction, "scope": "feedback", "exp": clock() // SECOND + 60, **claims}
    return jwt.encode(said, issued.secret, "HS256", headers={"kid": issued.kid})


def vote(id, rating=1, token=None, **fields):
    """Return a vote on p1."""
    names = {"model_id": "digits", "prediction_id": "p1", "prediction_token": token}
    return Rating(id=id, rating=rating, **{**names, **fields})


async def log(services, someone, id="p1"):
    """Log a prediction."""
    return await services.ingest.predictions([NewPrediction(model_id="digits", id=id, label="1")], someone)


async def send(services, who, *news):
    """Send feedback together; return the answers, errors by their message."""
    outcomes = await services.ingest.feedback(news, who)
    return [str(one) if isinstance(one, Exception) else one.status for one in outcomes]


async def states(services):
    """Return status and reason of all feedback by id."""
    page = await services.events.list_feedback(FeedbackQuery(model_id="digits", limit=1000))
    return {one.id: (one.status, one.status_reason) for one in page.items}


async def thumbs(services):
    """Return up and down of this day."""
    day = (await services.reports.metrics("digits", MetricsQuery(period="day", lookback_weeks=1)))[-1]
    return day.thumbs_up, day.thumbs_down


async def test_a_strict_model_sets_feedback_without_a_good_token_aside(services, strict, someone, visitor, clock):
    """Each with its reason, kept and uncounted; with a good one it counts."""
    await log(services, someone)
    sent = {
        "none": None,
        "late": token(strict, clock, exp=clock() // SECOND - 61),
        "other": token(strict, clock, "p2"),
        "bad": "no.token.this",
        "good": token(strict, clock),
    }
    statuses = await send(services, visitor, *(vote(id, token=one) for id, one in sent.items()))
    assert statuses == ["quarantined"] * 4 + ["created"]
    assert await states(services) == {
        "none": ("quarantined", "token: missing"),
        "late": ("quarantined", "token: expired"),
        "other": ("quarantined", "token: for another prediction"),
        "bad": ("quarantined", "token: not a JWT"),
        "good": ("active", None),
    }
    assert await thumbs(services) == (1, 0)
    released = await services.review.release("none", "digits", someone)
    assert released.status == "active"
    assert await thumbs(services) == (2, 0)


async def test_a_secret_key_is_not_asked_for_a_token(services, strict, someone):
    """Who has a secret key is trusted anyway, also with a token that is no good."""
    await log(services, someone)
    assert await send(services, someone, vote("a"), vote("b", token="no.token.this")) == ["created"] * 2
    assert await thumbs(services) == (2, 0)


async def test_a_lenient_model_counts_feedback_with_a_bad_token(services, lenient, someone, visitor, clock):
    """Its sender is just nobody known: two votes are two voters."""
    await log(services, someone)
    late = token(lenient, clock, exp=1, sub="ann")
    assert await send(services, visitor, vote("a", token=late), vote("b", -1, token=late)) == ["created"] * 2
    assert await thumbs(services) == (1, 1)


async def test_the_subject_of_a_token_has_one_voice(services, lenient, someone, visitor, clock):
    """Without naming what is superseded, from page and program alike, as one person."""
    await log(services, someone)
    ann = token(lenient, clock, sub="ann")
    await send(services, visitor, vote("a", token=ann))
    clock.forward(SECOND)
    await send(services, visitor, vote("b", -1, token=ann, subject="ann"))
    assert await thumbs(services) == (0, 1)
    clock.forward(SECOND)
    await send(services, someone, vote("c", 1, subject="ann"))
    assert await thumbs(services) == (1, 0)
    await send(services, visitor, vote("d", -1, subject="ann"))  # a page's word alone
    assert await thumbs(services) == (1, 1)
    erased = await services.removal.erase(services.ingest.subject_hash("ann"))
    assert erased.feedback == 4


async def test_a_secret_key_relays_a_token(services, lenient, someone, clock):
    """A server that passes its pages' feedback on need not say again who it is from."""
    await log(services, someone)
    ann = token(lenient, clock, sub="ann")
    await send(services, someone, vote("a", token=ann))
    clock.forward(SECOND)
    await send(services, someone, vote("b", -1, token=ann))
    assert await thumbs(services) == (0, 1)


async def test_a_subject_that_contradicts_the_token_is_refused(services, lenient, someone, visitor, clock):
    """For every key; the field is named."""
    await log(services, someone)
    for who in (visitor, someone):
        (refused,) = await services.ingest.feedback(
            [vote("a", token=token(lenient, clock, sub="ann"), subject="bob")], who
        )
        assert isinstance(refused, Invalid)
        assert refused.errors[0].path == "$.subject"
    assert await send(services, visitor, vote("b", token=token(lenient, clock), subject="bob")) == ["created"]


async def test_a_token_without_a_subject_proves_the_prediction_alone(services, strict, someone, visitor, clock):
    """A subject that the page names beside it is nobody's word: two votes are two voters."""
    await log(services, someone)
    shown = token(strict, clock)
    votes = [vote("a", token=shown, subject="ann"), vote("b", -1, token=shown, subject="ann")]
    assert await send(services, visitor, *votes) == ["created"] * 2
    assert await thumbs(services) == (1, 1)


async def test_a_retry_with_a_renewed_token_is_the_same_feedback(services, strict, someone, visitor, clock):
    """Also without one; other content is another matter."""
    await log(services, someone)
    first = token(strict, clock, sub="ann")
    assert await send(services, visitor, vote("a", token=first)) == ["created"]
    clock.forward(SECOND)
    renewed = token(strict, clock, sub="ann")
    assert first != renewed
    assert await send(services, visitor, vote("a", token=renewed)) == ["unchanged"]
    assert await send(services, visitor, vote("a", token=first), vote("a")) == ["unchanged"] * 2
    (other,) = await services.ingest.feedback([vote("a", -1, token=renewed)], visitor)
    assert isinstance(other, Conflict)
    assert (await states(services))["a"] == ("active", None)


async def test_no_part_of_a_token_is_stored(services, strict, someone, visitor, clock):
    """Neither of a good nor of a bad one, in no column."""
    await log(services, someone)
    marked = token(strict, clock, sub="ann")
    await send(services, visitor, vote("a", token=marked), vote("b", token="bad-" + marked))
    rows = await services.database.all("feedback_of_prediction", model_id="digits", prediction_id="p1")
    assert len(rows) == 2
    text = " ".join(str(value) for row in rows for value in dict(row).values())
    assert not [part for part in marked.split(".") if part in text]


@pytest.mark.parametrize("order", list(permutations(["prediction", "good", "bad"])), ids="-".join)
async def test_a_token_is_judged_when_it_comes_not_when_its_prediction_does(
    services, strict, someone, visitor, clock, order
):
    """An orphan that came in time counts once its prediction is there, hours after the token's end; another doesn't."""
    for what in order:
        if what == "prediction":
            await log(services, someone)
        else:
            await send(services, visitor, vote(what, token=token(strict, clock, sub="ann") if what == "good" else "x"))
        clock.forward(3600 * SECOND)
    assert await states(services) == {"good": ("active", None), "bad": ("quarantined", "token: not a JWT")}
    assert await thumbs(services) == (1, 0)


async def test_an_orphan_shows_why_it_will_be_set_aside(services, strict, visitor):
    """Before its prediction comes, too."""
    assert await send(services, visitor, vote("a")) == ["orphan"]
    assert await states(services) == {"a": ("orphan", "token: missing")}


async def test_what_doesnt_fit_stays_so_whatever_its_token(services, someone, visitor):
    """It can't be released into a prediction that has no such object."""
    config = ConfigPatch(require_prediction_token=True)
    await services.models.create(NewModel(name="Boxes", id="boxes", task="detection", config=config))
    names = {"model_id": "boxes", "prediction_id": "p1"}
    await services.ingest.feedback([WrongLabel(id="a", detection_index=5, correct_label="car", **names)], visitor)
    found = [Detection(label="car", box=(0.0, 0.0, 1.0, 1.0))]
    await services.ingest.predictions([NewPrediction(model_id="boxes", id="p1", detections=found)], someone)
    with pytest.raises(Conflict, match="only be deleted"):
        await services.review.release("a", "boxes", someone)


async def test_every_kind_takes_a_token(services, strict, someone, visitor, clock):
    """Comments too."""
    await log(services, someone)
    note = Comment(id="a", model_id="digits", prediction_id="p1", notes="hm", prediction_token=token(strict, clock))
    bare = replace(note, id="b", prediction_token=None, notes="hm hm")
    assert await send(services, visitor, note, bare) == ["created", "quarantined"]
