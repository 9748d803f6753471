"""`seeme ab`: plans and results as text."""

from seeme import Client

from .conftest import seeme


def test_tests_are_listed_and_told(service):
    """The verdict comes first, then the arms and why there is no number yet."""
    client = Client(service.url, service.admin_key)
    for id in ("now", "new"):
        client.create_model(id, id=id)
    client.create_ab_test("Comparison", "now", "new", id="t", config={"metrics": ["confidence"], "seed": "s"})
    client.log_prediction("now", label="1", confidence=0.5, ab_test_id="t", unit="ann")
    client.log_prediction("now", label="1", confidence=0.5, ab_test_id="t", unit="gus")
    assert seeme("ab", "list", data=service.folder).lines == ["t  running   Comparison"]
    lines = seeme("ab", "results", "t", data=service.folder).lines
    assert lines[0].startswith("Comparison (running): ")
    assert "A: 1 units, left out: 1 misplaced" in lines
    assert any(line.startswith("B against A, confidence: arm A has 1 units") for line in lines)
    assert "leaks: 1 units were seen where they don't belong; something assigns by another rule" in lines
    client.decide_ab_test("t", "B")
    lines = seeme("ab", "results", "t", data=service.folder).lines
    assert lines[0].startswith("Comparison (decided, B was chosen): ")
    client.create_ab_test("Draft", "now", "new", id="d", start=False)
    assert seeme("ab", "results", "d", data=service.folder).lines[0] == "Draft (draft): it hasn't started"
    assert "the A/B test t was counted right" in seeme("rebuild", "--model", "now", data=service.folder).lines


def test_a_plan_is_told_for_both_ways_to_look(service):
    """Units and days for an effect, and the effect for a duration."""
    shared = ["ab", "plan", "--units-per-day", "500"]
    lines = seeme(*shared, "--effect", "0.05", "--value", "0.6", data=service.folder).lines
    assert [line.split(":")[0] for line in lines] == ["looking at any time", "one look at the end"]
    assert all("days to find feedback_score +0.05" in line for line in lines)
    more = ["--alpha", "0.01", "--power", "0.95", "--comparisons", "3"]
    stricter = seeme(*shared, "--effect", "0.05", "--value", "0.6", *more, data=service.folder).lines
    units = [[int(line.split(": ")[1].split(" units")[0]) for line in plan] for plan in (lines, stricter)]
    assert all(strict > plain for plain, strict in zip(*units, strict=True))
    plan = seeme(*shared, "--metric", "latency", "--sd", "0.5", "--duration-days", "7", data=service.folder)
    assert "can show latency +" in plan.out


def test_a_test_is_started_decided_and_stopped(service):
    """What somebody on call needs; what can't be is said in one line."""
    client = Client(service.url, service.admin_key)
    for id in ("old", "young"):
        client.create_model(id, id=id)
    for id in ("of-one", "of-two"):
        client.create_ab_test("Draft", "old", "young", id=id, start=False)
    assert seeme("ab", "start", "of-one", data=service.folder).lines == ["running"]
    assert seeme("ab", "stop", "of-one", data=service.folder).lines == ["stopped"]
    assert seeme("ab", "start", "of-two", data=service.folder).lines == ["running"]
    wrong = seeme("ab", "decide", "of-two", "--arm", "C", data=service.folder)
    assert (wrong.code, wrong.lines) == (1, [])
    assert "has the arms A, B" in wrong.err
    decide = ["ab", "decide", "of-two", "--arm", "A", "--note", "as fast, and cheaper"]
    assert seeme(*decide, data=service.folder).lines == ["decided"]
    decided = client.get_ab_test("of-two")
    assert (decided.chosen_arm, decided.note, decided.decided_by) == ("A", "as fast, and cheaper", "command line")
    again = seeme("ab", "start", "of-one", data=service.folder)
    assert again.code == 1
    assert "has ended" in again.err
