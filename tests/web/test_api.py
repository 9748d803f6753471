"""The API as programs see it: statuses, bodies and headers of the whole main loop."""

import json

import pytest

from seeme.clock import MINUTE
from seeme.web.api import ROUTES

RATING = {"model_id": "digits", "prediction_id": "p1", "feedback_type": "rating", "rating": 1, "id": "f1"}
PREDICTION = {"model_id": "digits", "id": "p1", "label": "1", "confidence": 0.75}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fcffff3f030005fe02fea7"
    "9d6bd50000000049454e44ae426082"
)


async def test_a_new_event_is_201_its_replay_200_and_other_content_409(program):
    """The status tells a sender what became of a retry."""
    first = await program("POST", "/v1/predictions", PREDICTION)
    again = await program("POST", "/v1/predictions", PREDICTION)
    other = await program("POST", "/v1/predictions", PREDICTION | {"label": "0"})
    assert [answer.status for answer in (first, again, other)] == [201, 200, 409]
    assert first.json() == {"id": "p1", "model_id": "digits", "status": "created"}
    assert other.headers["content-type"] == "application/problem+json"


async def test_feedback_before_its_prediction_is_202(program):
    """An orphan is stored, and said to be one."""
    answer = await program("POST", "/v1/feedback", RATING)
    assert (answer.status, answer.json()["status"]) == (202, "orphan")


async def test_an_unknown_prediction_without_a_model_is_422(program):
    """Without a model there is nowhere to keep it, and the answer says what would help."""
    answer = await program("POST", "/v1/feedback", {k: v for k, v in RATING.items() if k != "model_id"})
    assert (answer.status, answer.paths()) == (422, ["$.prediction_id"])
    assert "model_id" in answer.json()["detail"]


async def test_a_bad_item_of_a_batch_fails_alone_and_in_its_place(program):
    """A batch is answered item by item, in order."""
    items = [PREDICTION, PREDICTION | {"id": "p2", "confidence": 2}, PREDICTION | {"id": "p3"}, 7]
    answer = await program("POST", "/v1/predictions", {"items": items})
    assert answer.status == 207
    results = answer.json()["items"]
    assert [result["status"] for result in results] == ["created", "refused", "created", "refused"]
    assert results[1]["problem"]["errors"] == [{"path": "$.confidence", "message": "must be a number <= 1.0"}]
    listed = await program("GET", "/v1/predictions?model_id=digits&order=asc")
    assert [item["id"] for item in listed.json()["items"]] == ["p1", "p3"]


async def test_an_item_of_a_batch_may_be_as_large_as_it_could_be_alone(program):
    """A batch has room for more, but not for one event."""
    large = PREDICTION | {"id": "p2", "features": {str(n): "x" * 990 for n in range(280)}}
    answer = await program("POST", "/v1/predictions", {"items": [PREDICTION, large]})
    results = answer.json()["items"]
    assert [result["status"] for result in results] == ["created", "refused"]
    assert results[1]["problem"]["status"] == 413


@pytest.mark.parametrize("items", [[], [PREDICTION] * 1001, {}, None])
async def test_a_batch_has_1_to_1000_items(program, items):
    """More, fewer, or something else is refused as a whole."""
    answer = await program("POST", "/v1/predictions", {"items": items})
    assert (answer.status, answer.paths()) == (422, ["$.items"])


async def test_a_prediction_can_be_found_by_its_id_alone(program):
    """The model need not be named."""
    await program("POST", "/v1/predictions", PREDICTION)
    answer = await program("GET", "/v1/predictions/p1")
    assert (answer.status, answer.json()["label"]) == (200, "1")
    assert (await program("GET", "/v1/predictions/p2")).status == 404


async def test_pages_of_a_list_follow_each_other_without_gap_or_overlap(program):
    """A cursor leads through all items, once each."""
    items = [PREDICTION | {"id": f"p{n:02}", "created_at": f"2025-11-{n + 1:02}T00:00:00Z"} for n in range(7)]
    await program("POST", "/v1/predictions", {"items": items})
    seen, cursor = [], ""
    while cursor is not None:
        answer = await program("GET", f"/v1/predictions?model_id=digits&limit=3{cursor and '&cursor=' + cursor}")
        seen += [item["id"] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
    assert seen == [f"p{n:02}" for n in reversed(range(7))]


async def test_both_ends_of_a_period_are_included(program):
    """A date alone means the whole day."""
    inside = ["2025-11-01T00:00:00Z", "2025-11-02T23:59:59.999999Z"]
    times = [*inside, "2025-11-03T00:00:00Z", "2025-10-31T23:59:59.999999Z"]
    items = [PREDICTION | {"id": f"p{n}", "created_at": time} for n, time in enumerate(times)]
    await program("POST", "/v1/predictions", {"items": items})
    answer = await program("GET", "/v1/predictions?model_id=digits&start_date=2025-11-01&end_date=2025-11-02")
    assert sorted(item["id"] for item in answer.json()["items"]) == ["p0", "p1"]


async def test_feedback_is_reviewed_and_the_change_feed_shows_it(program, clock):
    """Approve and reject answer with the feedback; the feed names the change."""
    await program("POST", "/v1/predictions", PREDICTION)
    await program("POST", "/v1/feedback", RATING)
    approved = await program("POST", "/v1/feedback/f1/approve")
    assert (approved.status, approved.json()["review"], approved.json()["reviewed_by"]) == (200, "approved", "Ada")
    assert (await program("POST", "/v1/feedback/f1/reject")).json()["review"] == "rejected"
    clock.forward(MINUTE)
    feed = await program("GET", "/v1/feedback?model_id=digits&updated_since=2025-11-20")
    assert [item["review"] for item in feed.json()["items"]] == ["rejected"]
    assert (await program("POST", "/v1/feedback/f1/release")).status == 409
    assert (await program("DELETE", "/v1/feedback/f1")).status == 204
    assert (await program("GET", "/v1/feedback/f1")).status == 404


async def test_an_input_is_stored_and_given_back_in_a_sandbox(program):
    """The bytes come back as they were, unable to act as a page of ours."""
    await program("POST", "/v1/predictions", PREDICTION)
    stored = await program("PUT", "/v1/predictions/p1/input", PNG, content_type="image/png")
    assert (stored.status, stored.json()["media_type"]) == (201, "image/png")
    assert (await program("PUT", "/v1/predictions/p1/input", PNG, content_type="image/png")).status == 200
    got = await program("GET", "/v1/predictions/p1/input")
    assert (got.status, got.headers["content-type"], got.body) == (200, "image/png", PNG)
    assert "sandbox" in got.headers["content-security-policy"]
    assert got.headers["x-content-type-options"] == "nosniff"


async def test_an_upload_that_is_no_image_is_415(program):
    """What it is shows in its bytes, not in what it is called."""
    await program("POST", "/v1/predictions", PREDICTION)
    answer = await program("PUT", "/v1/predictions/p1/input", b"<svg onload=alert(1)>", content_type="image/png")
    assert answer.status == 415


async def test_a_model_is_made_changed_and_deleted(program):
    """201 and 200 tell new from known; PATCH merges."""
    new = {"id": "cats", "name": "Cats", "labels": ["cat"]}
    assert [(await program("POST", "/v1/models", new)).status for _ in range(2)] == [201, 200]
    assert (await program("POST", "/v1/models", new | {"name": "Dogs"})).status == 409
    changed = await program("PATCH", "/v1/models/cats", {"config": {"log_retention_days": 7}})
    assert (changed.json()["config"]["log_retention_days"], changed.json()["labels"]) == (7, ["cat"])
    assert (await program("POST", "/v1/models/cats/versions", {"name": "v1", "id": "v1"})).status == 201
    assert (await program("GET", "/v1/models/cats/versions")).json()["items"][0]["name"] == "v1"
    assert (await program("DELETE", "/v1/models/cats")).status == 204
    assert (await program("GET", "/v1/models/cats")).status == 404


async def test_a_setting_that_is_not_acted_on_is_refused(program):
    """There are no false promises."""
    answer = await program("PATCH", "/v1/models/digits", {"privacy": {"blur_faces": True}})
    assert (answer.status, answer.paths()) == (422, ["$.privacy"])


async def test_metrics_are_periods_oldest_first(program):
    """The last period is the running one."""
    await program("POST", "/v1/predictions", PREDICTION)
    answer = await program("GET", "/v1/models/digits/metrics?period=day&lookback_weeks=1")
    items = answer.json()["items"]
    assert [item["start"] for item in items] == sorted(item["start"] for item in items)
    assert (items[-1]["partial"], items[-1]["predictions"]) == (True, 1)
    rebuilt = await program("POST", "/v1/models/digits/rebuild", {"start": "2025-11-01", "end": "2025-11-30"})
    assert (rebuilt.status, rebuilt.json()["changed"]) == (200, [])


async def test_a_person_is_erased_from_rows_and_sums(program):
    """What they left goes, others' stays, the numbers follow, and a second time there is nothing."""
    await program("POST", "/v1/predictions", PREDICTION | {"subject": "user-17"})
    await program("POST", "/v1/predictions", PREDICTION | {"id": "p2", "subject": "user-18"})
    await program("POST", "/v1/feedback", RATING | {"prediction_id": "p2", "subject": "user-17"})
    erased = await program("POST", "/v1/erasures", {"subject": "user-17"})
    assert (erased.status, erased.json()) == (200, {"predictions": 1, "feedback": 1})
    found = [(await program("GET", path)).status for path in ("/v1/predictions/p1", "/v1/predictions/p2")]
    assert found == [404, 200]
    assert (await program("GET", "/v1/feedback/f1")).status == 404
    week = (await program("GET", "/v1/models/digits/metrics")).json()["items"][-1]
    assert (week["predictions"], week["rated"]) == (1, 0)
    assert (await program("POST", "/v1/erasures", {"subject": "user-17"})).json() == {"predictions": 0, "feedback": 0}
    assert (await program("POST", "/v1/erasures", {"subject": ""})).paths() == ["$.subject"]


async def test_a_key_is_shown_once_and_dies_when_revoked(program, app):
    """The list never has the text."""
    made = await program("POST", "/v1/keys", {"kind": "secret", "holder": "Eve", "scopes": ["read"]})
    assert made.status == 201
    text, key_id = made.json()["key"], made.json()["id"]
    listed = await program("GET", "/v1/keys")
    assert text not in listed.body.decode()
    eve = type(program)(app, text)
    assert (await eve("GET", "/v1/models")).status == 200
    assert (await program("DELETE", f"/v1/keys/{key_id}")).status == 204
    assert (await eve("GET", "/v1/models")).status == 401
    assert (await program("DELETE", "/v1/keys/sk_nothing")).status == 404


async def test_a_sign_in_code_is_a_link(program):
    """It is made by a key with the scope admin, and says until when it is good."""
    answer = await program("POST", "/v1/sign-in-codes")
    assert answer.status == 201
    assert answer.json()["code"] in answer.json()["url"]


async def test_health_needs_no_key(stranger):
    """Load balancers have none."""
    assert (await stranger("GET", "/healthz")).json()["status"] == "ok"
    assert (await stranger("GET", "/readyz")).status == 200


async def test_the_widget_may_know_the_labels(page):
    """With a publishable key a page learns a model's labels and nothing else."""
    answer = await page("GET", "/v1/widget-context?model_id=digits&prediction_id=p1")
    assert answer.json() == {
        "model_id": "digits",
        "task": "classification",
        "labels": ["0", "1"],
        "prediction": None,
        "vote": None,
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_every_route_refuses_a_parameter_it_does_not_know(program, route):
    """A misspelt parameter must not silently do nothing."""
    path = route.path.replace("{", "").replace("}", "")
    answer = await program(route.method, path + "?zzz=1", {})
    assert answer.status == 422, json.dumps(answer.json())
    assert "$.zzz" in answer.paths()
