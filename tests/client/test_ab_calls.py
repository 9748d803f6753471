"""The client's calls about A/B tests, against a running service."""

import math
from datetime import timedelta

import pytest

from seeme import Client
from seeme.errors import Conflict, ConnectionFailed, Invalid
from seeme.records.ab_tests import Assignment

DOCUMENTED = {"traffic_split": 0.1, "metrics": ["confidence", "latency", "feedback_score"], "duration_days": 7}


@pytest.fixture
def client(live):
    """A client of a running service with two models."""
    with Client(live.url, live.admin_key, timeout=5) as client:
        client.create_model("Now", id="now")
        client.create_model("New", id="new")
        yield client


def test_the_whole_way_of_a_test_through_the_client(client, live):
    """The documents' call makes a running test; units are assigned here, logged, counted, and a person decides."""
    ab_test = client.create_ab_test(name="Comparison", model_a_id="now", model_b_id="new", config=DOCUMENTED)
    assert ab_test.status == "running"
    assert ab_test.ends_at - ab_test.started_at == timedelta(days=7)
    results = client.get_ab_test_results(ab_test.id)
    assert f"{results['model_a']['avg_confidence']:.3f} {results['model_b']['avg_confidence']:.3f}" == "nan nan"
    assert math.isnan(results["p_value"])
    assert "25 are needed" in results.reasons["p_value"]

    arms = {unit: client.assign(ab_test.id, unit) for unit in [f"user-{n}" for n in range(40)] + ["emoji \U0001f600"]}
    for unit, arm in arms.items():
        said = client._do("GET", f"/v1/ab-tests/{ab_test.id}/assignment", Assignment, where=(("unit", unit),))
        assert said.arm.name == arm.name
        client.log_prediction(arm.model_id, label="1", confidence=0.5, ab_test_id=ab_test.id, unit=unit)
    results = client.get_ab_test_results(ab_test.id)
    assert results.model_a.units + results.model_b.units == len(arms)
    assert f"{results['model_a']['avg_confidence']:.3f}" == "0.500"
    assert [test.id for test in client.list_ab_tests()] == [ab_test.id]

    assert client.update_ab_test(ab_test.id, name="Renamed").name == "Renamed"
    assert client.stop_ab_test(ab_test.id).status == "stopped"
    decided = client.decide_ab_test(ab_test.id, "B", note="faster")
    assert (decided.status, decided.chosen_arm, decided.note) == ("decided", "B", "faster")
    assert client.get_ab_test(ab_test.id) == decided
    with pytest.raises(Conflict, match="decided for B"):
        client.decide_ab_test(ab_test.id, "A")


def test_a_draft_gives_no_arm_until_it_is_started(client):
    """Who isn't in the test yet gets None."""
    client.create_ab_test("T", "now", "new", id="t", start=False)
    assert client.assign("t", "ann") is None
    assert client.start_ab_test("t").status == "running"
    assert client.assign("t", "ann").name in ("A", "B")


def test_what_a_client_changes_of_a_test_holds_for_its_next_assignment(client):
    """It doesn't go on by the definition that it has kept."""
    client.create_ab_test("T", "now", "new", id="t", config={"coverage": 0.01, "seed": "s"})
    assert client.assign("t", "ann") is None
    client.update_ab_test("t", config={"coverage": 1.0})
    assert client.assign("t", "ann").name == "A"
    client.stop_ab_test("t")
    assert client.assign("t", "ann") is None


def test_a_known_definition_holds_while_the_service_is_away(client, live, monkeypatch):
    """Arms go on being given when the service can't be asked; what was never asked for can't be."""
    client.create_ab_test("T", "now", "new", id="t")
    before = client.assign("t", "ann")
    live.stop()
    monkeypatch.setattr("seeme.ab_calls.KEPT", 0.0)
    monkeypatch.setattr(client._transport, "timeout", 0.3)
    assert client.assign("t", "ann") == before
    with pytest.raises(ConnectionFailed):
        client.assign("other", "ann")


def test_a_plan_names_units_and_days(client):
    """The units for a wanted effect at a traffic, and the effect that a duration can show."""
    plan = client.plan_ab_test("error_rate", effect=-0.02, value=0.1, units_per_day=1000)
    assert plan.fixed_horizon.units < plan.always_valid.units
    assert plan.always_valid.days == math.ceil(plan.always_valid.units / 1000)
    back = client.plan_ab_test("error_rate", duration_days=plan.always_valid.days, value=0.1, units_per_day=1000)
    assert 0 < back.always_valid.detectable_effect < 0.04
    with pytest.raises(Invalid) as refused:
        client.plan_ab_test("error_rate", effect=-0.2, value=0.1)
    assert refused.value.errors[0].path == "$.effect"
