"""Quarantine over HTTP: who may decide about it, and what they are told."""

import pytest

VOTE = {"model_id": "digits", "prediction_id": "p1", "feedback_type": "rating", "rating": 1}


@pytest.fixture
async def held(program, page):
    """A vote that counts and two repetitions that don't."""
    await program("POST", "/v1/predictions", {"model_id": "digits", "id": "p1", "label": "1"})
    answers = [await page("POST", "/v1/feedback", VOTE | {"id": id}) for id in "abc"]
    assert [answer.json()["status"] for answer in answers] == ["created", "quarantined", "quarantined"]


async def test_many_are_released_and_deleted(program, held):
    """By ids with a result each, by the reason with counts."""
    released = await program("POST", "/v1/models/digits/quarantine/release", {"ids": ["b", "x"]})
    assert (released.status, released.json()["done"], released.json()["left"]) == (200, 1, 1)
    assert [item["status"] for item in released.json()["items"]] == ["released", "refused"]
    deleted = await program("POST", "/v1/models/digits/quarantine/delete", {"reason": "duplicate"})
    assert deleted.json() == {"done": 1, "left": 0, "items": None}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": ["a"], "reason": "burst"},
        {"reason": "boredom"},
        {"ids": ["a b"]},
        {"ids": ["a"] * 1001},
    ],
)
async def test_a_choice_is_one_of_two(program, model, body):
    """Anything else is a wrong field."""
    for verb in ("release", "delete"):
        assert (await program("POST", f"/v1/models/digits/quarantine/{verb}", body)).status == 422


async def test_only_reviewers_of_the_model_decide(page, narrow, stranger, program, held):
    """A page's key, a key of another model, and nobody are all refused; a misfit isn't released."""
    for who, status in ((page, 403), (narrow, 403), (stranger, 401)):
        for verb in ("release", "delete"):
            path = f"/v1/models/digits/quarantine/{verb}"
            assert (await who("POST", path, {"reason": "duplicate"})).status == status
    assert (await program("POST", "/v1/models/digits/quarantine/release", {"reason": "misfit"})).status == 409
