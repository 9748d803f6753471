"""A/B tests over HTTP: what programs send, and what they are told."""

import pytest

PAIR = {"name": "T", "id": "t", "model_a_id": "digits", "model_b_id": "other", "config": {"seed": "s"}}


@pytest.fixture
async def running(program):
    """A running test of the model `digits` against `other`."""
    await program("POST", "/v1/models", {"name": "Other", "id": "other"})
    made = await program("POST", "/v1/ab-tests", PAIR)
    assert made.status == 201
    return made.json()


async def test_a_test_is_made_changed_ended_and_decided(program, running):
    """201 and 200 tell new from known; each step answers with the test as it is then."""
    assert (running["status"], running["config"]["guardrails"]["latency"]) == ("running", 0.1)
    assert (await program("POST", "/v1/ab-tests", PAIR)).status == 200
    assert (await program("POST", "/v1/ab-tests", PAIR | {"name": "U"})).status == 409
    changed = await program("PATCH", "/v1/ab-tests/t", {"config": {"traffic_split": 0.2}})
    assert (changed.status, changed.json()["errors"][0]["path"]) == (422, "$.config.traffic_split")
    assert (await program("PATCH", "/v1/ab-tests/t", {"name": "New name"})).json()["name"] == "New name"
    assert (await program("POST", "/v1/ab-tests/t/start")).json()["status"] == "running"
    assert (await program("POST", "/v1/ab-tests/t/stop")).json()["status"] == "stopped"
    decided = (await program("POST", "/v1/ab-tests/t/decide", {"arm": "A", "note": "as good"})).json()
    assert (decided["status"], decided["decided_by"], decided["note"]) == ("decided", "Ada", "as good")
    assert [one["id"] for one in (await program("GET", "/v1/ab-tests")).json()["items"]] == ["t"]
    assert (await program("GET", "/v1/ab-tests/none")).status == 404


async def test_results_before_any_data_are_nulls_with_reasons(program, running):
    """No zero, no p of 1, and no error."""
    results = (await program("GET", "/v1/ab-tests/t/results")).json()
    assert results["p_value"] is None
    assert "25 are needed" in results["reasons"]["p_value"]
    assert results["metrics"]["feedback_score"]["difference"] is None
    assert results["model_a"]["avg_confidence"] is None
    assert results["sample_ratio"] == {"alarm": False, "log_e_value": 0.0, "counts": [0, 0], "expected": [0.0, 0.0]}
    assert results["history"] == []


async def test_a_units_arm_comes_with_what_it_follows_from(program, running):
    """Emoji too; without a unit there is no arm."""
    answers = [await program("GET", f"/v1/ab-tests/t/assignment?unit={unit}") for unit in ("cem", "%F0%9F%98%80")]
    assert answers[0].json()["arm"]["name"] == "A"
    assert answers[1].status == 200
    known = (await program("GET", "/v1/ab-tests/t/assignment")).json()
    assert (known["arm"], known["seed"], known["coverage"]) == (None, "s", 1.0)
    assert [arm["share"] for arm in known["arms"]] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"model_b_id": "digits"}, "$.model_b_id"),
        ({"config": {"traffic_split": 1}}, "$.config.traffic_split"),
        ({"config": {"traffic_split": 0}}, "$.config.traffic_split"),
        ({"config": {"metrics": ["charm"]}}, "$.config.metrics[0]"),
        ({"config": {"guardrails": {"charm": 1}}}, "$.config.guardrails.charm"),
        ({"arms": [{"model_id": "digits"}, {"model_id": "other"}]}, "$"),
        ({"model_b_id": None}, "$"),
    ],
)
async def test_what_cannot_be_a_test_is_refused_by_its_field(program, running, body, path):
    """422, with the place of what is wrong."""
    answer = await program("POST", "/v1/ab-tests", PAIR | {"id": "u"} | body)
    assert (answer.status, answer.json()["errors"][0]["path"]) == (422, path)


async def test_a_key_for_some_models_sees_their_tests_only(program, narrow, running):
    """A test of another model too is as far away as that model."""
    assert (await narrow("GET", "/v1/ab-tests")).json()["items"] == []
    for verb, path in (("GET", ""), ("GET", "/results"), ("GET", "/assignment"), ("POST", "/stop")):
        assert (await narrow(verb, f"/v1/ab-tests/t{path}")).status == 403
    assert (await narrow("POST", "/v1/ab-tests", PAIR | {"id": "u"})).status == 403
    await program("POST", "/v1/models/other/versions", {"id": "v1", "name": "1"})
    await program("POST", "/v1/models/other/versions", {"id": "v2", "name": "2"})
    arms = [{"model_id": "other", "version_id": id} for id in ("v1", "v2")]
    assert (await narrow("POST", "/v1/ab-tests", {"id": "mine", "name": "M", "arms": arms})).status == 201
    assert [one["id"] for one in (await narrow("GET", "/v1/ab-tests")).json()["items"]] == ["mine"]
