"""What the widget may know: of the model without a token, of its prediction and the user's own vote with one."""

import pytest
from asgi_client import SHOP, Caller

from seeme.clock import SECOND, now
from seeme.records.keys import NewKey
from seeme.signing import sign

FOUND = [{"label": "car", "box": [1, 2, 3, 4], "confidence": 0.5}, {"label": "van", "box": [0, 0, 1, 1]}]


@pytest.fixture
async def boxes(program, services):
    """A detection model with a prediction and a signing secret; return a function that signs."""
    await program("POST", "/v1/models", {"id": "boxes", "name": "Boxes", "task": "detection", "labels": ["car"]})
    shown = {"id": "q1", "detections": FOUND, "image_size": [9, 8], "input_url": "https://img.example/1.png"}
    await program("POST", "/v1/predictions", {"model_id": "boxes", "subject": "owner", **shown})
    issued = await services.signing.create("boxes")

    def signed(prediction_id="q1", **fields):
        # Signed by the real clock, checked by the service's, which stands still in the past.
        return sign(secret=issued.secret, kid=issued.kid, model_id="boxes", prediction_id=prediction_id, **fields)

    return signed


@pytest.fixture
async def page(app, services):
    """A page of the detection model."""
    new = NewKey(kind="publishable", holder="shop", models=["boxes", "digits"], origins=[SHOP])
    return Caller(app, (await services.keys.create(new)).key, origin=SHOP)


URL = "/v1/widget-context?model_id=boxes&prediction_id=q1"


async def test_without_a_token_the_model_alone_is_told(page, boxes):
    """A key that anybody can read tells nothing of predictions."""
    answer = await page("GET", URL)
    assert answer.json() == {
        "model_id": "boxes",
        "task": "detection",
        "labels": ["car"],
        "prediction": None,
        "vote": None,
    }


async def test_with_a_token_the_prediction_is_told(page, boxes):
    """What was found where, and nothing of whom it was for."""
    answer = await page("GET", URL, prediction_token=boxes())
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    found = [{**FOUND[0], "box": [1.0, 2.0, 3.0, 4.0]}, {**FOUND[1], "box": [0.0, 0.0, 1.0, 1.0], "confidence": None}]
    shown = answer.json()["prediction"]
    shown["detections"] = [{"confidence": None, **one} for one in shown["detections"]]
    assert shown == {
        "label": None,
        "value": None,
        "detections": found,
        "image_size": [9, 8],
        "input_url": "https://img.example/1.png",
    }
    assert answer.json()["vote"] is None


async def test_the_subject_sees_their_own_vote_alone(page, boxes, clock):
    """With the id to name in `supersedes`, the first one's; also when it is taken back, and never anybody else's."""

    async def own(subject):
        return (await page("GET", URL, prediction_token=boxes(subject=subject))).json()["vote"]

    async def vote(id, rating, subject, **fields):
        body = {"model_id": "boxes", "prediction_id": "q1", "feedback_type": "rating", "rating": rating, "id": id}
        clock.forward(SECOND)
        return await page("POST", "/v1/feedback", body | fields | {"prediction_token": boxes(subject=subject)})

    await vote("a", 1, "ann")
    await vote("b", -1, "bob")
    assert (await own("ann"), await own("bob"), await own("eve")) == (
        {"id": "a", "rating": 1},
        {"id": "b", "rating": -1},
        None,
    )
    await vote("c", -1, "ann", supersedes="a")
    assert await own("ann") == {"id": "a", "rating": -1}
    await vote("d", 0, "ann", supersedes="a")
    assert await own("ann") == {"id": "a", "rating": 0}


async def test_a_prediction_that_is_not_stored_is_null(page, boxes):
    """It may come later; the token is good all the same."""
    answer = await page("GET", "/v1/widget-context?model_id=boxes&prediction_id=later", prediction_token=boxes("later"))
    assert (answer.status, answer.json()["prediction"], answer.json()["vote"]) == (200, None, None)


async def test_a_token_that_is_no_good_is_403_with_the_reason(page, boxes, clock):
    """Nothing else is told."""
    for token, reason in (("nonsense", "not a JWT"), (boxes("q2"), "for another prediction")):
        answer = await page("GET", URL, prediction_token=token)
        assert (answer.status, answer.json()["detail"]) == (403, f"the prediction token is no good: {reason}")
    clock.at = now()
    token = boxes(expires_in=10)
    clock.forward(71 * SECOND)
    assert "expired" in (await page("GET", URL, prediction_token=token)).json()["detail"]


async def test_a_token_needs_the_prediction_it_is_for(page, boxes):
    """And is bounded in length, like everything."""
    answer = await page("GET", "/v1/widget-context?model_id=boxes", prediction_token=boxes())
    assert (answer.status, answer.paths()) == (422, ["$.prediction_id"])
    assert (await page("GET", URL, prediction_token="x" * 4097)).status == 422


async def test_a_token_costs_two_reads(page, boxes, services, monkeypatch):
    """One of the prediction, one of the vote: it is asked for each prediction on a page."""
    asked = []
    real = type(services.database).all

    async def counting(self, query, **values):
        asked.append(query)
        return await real(self, query, **values)

    async def one(self, query, **values):
        asked.append(query)
        rows = await real(self, query, **values)
        return rows[0] if rows else None

    async def of(self, query, keys, **values):
        asked.append(query)
        return await real_of(self, query, keys, **values)

    real_of = type(services.database).of
    monkeypatch.setattr(type(services.database), "all", counting)
    monkeypatch.setattr(type(services.database), "one", one)
    monkeypatch.setattr(type(services.database), "of", of)
    await page("GET", URL, prediction_token=boxes(subject="ann"))
    assert sorted(asked) == ["active_in_slots", "prediction"]
    asked.clear()
    await page("GET", URL)
    assert asked == []
