"""The A/B example: two classifiers that really differ, visitors whose clicks follow the truth, and a verdict."""

import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live import Live

from ab import app, example, held_out, model, reading, setup, visitors
from ab.__main__ import run
from digits.app import Server
from seeme import Client
from seeme.assignment import assigned

ROOT = Path(__file__).parents[2]
VISITORS = 120
SERVICE = "https://feedback.example.com"  # as browsers would find it


@pytest.fixture(scope="module")
def digits() -> model.Digits:
    """Return the trained classifiers."""
    return model.train()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service in a process of its own."""
    live = Live(tmp_path_factory.mktemp("ab") / "data").start()
    with Client(live.url, live.admin_key, timeout=20) as made:
        yield made
    live.stop()


def _right(digits: model.Digits, version: str) -> tuple[float, float]:
    """Return how many of the first visitors' digits a classifier reads rightly, and how sure it is on average."""
    right, sure = [], []
    for number in range(100):
        who, random = visitors.visitor(number)
        for image, truth in visitors.digits_of(who, digits, random):
            if image.shape == (8, 8):
                answer = model.predict(digits.classifiers[version], image)
                right.append(answer.label == truth)
                sure.append(answer.confidence)
            visitors.click(who, truth, truth, random)
    return float(np.mean(right)), float(np.mean(sure))


def test_the_worse_classifier_is_the_surer_one(digits: model.Digits) -> None:
    """As the README says, and why confidence can't make a winner."""
    bayes, logistic = (_right(digits, version) for version in (setup.NOW, setup.CHALLENGER))
    assert 0.8 < bayes[0] < 0.88 < logistic[0] < 0.95
    assert bayes[1] > 0.95 > logistic[1]


def test_the_images_were_held_out(digits: model.Digits) -> None:
    """No classifier has seen what visitors send."""
    assert len(digits.images) == len(digits.truths) == 1797 - model.TRAINED_ON


def test_a_visitor_is_the_same_every_time(digits: model.Digits) -> None:
    """Habits, digits and clicks don't depend on when or in which order visitors come."""

    def all_of(number: int) -> list[object]:
        who, random = visitors.visitor(number)
        sent = [(image.tolist(), truth) for image, truth in visitors.digits_of(who, digits, random)]
        return [who, sent, [visitors.click(who, "3", "3", random) for _ in range(20)]]

    assert [all_of(7), all_of(8)] == [all_of(8), all_of(7)][::-1]
    assert all_of(7) != all_of(8)


def test_clicks_follow_whether_the_digit_was_right() -> None:
    """Up when right, down when wrong, by mistake in few; wrong answers make more click, failed ones none."""
    who, random = visitors.visitor(1)
    right, wrong, failed = ([visitors.click(who, said, "3", random) for _ in range(4000)] for said in ("3", "8", None))
    up, down = right.count(1), wrong.count(-1)
    assert up / (up + right.count(-1)) == pytest.approx(1 - visitors.MISTAKEN, abs=0.02)
    assert down / (down + wrong.count(1)) == pytest.approx(1 - visitors.MISTAKEN, abs=0.02)
    assert wrong.count(None) < right.count(None)
    assert set(failed) == {None}


def test_every_visitor_is_counted_in_the_arm_of_their_hash(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a small run, all units and predictions are in the results, none is excluded, and the verdict is printed."""
    results = run(client, VISITORS, VISITORS // 2, "small")
    arms = [assigned("small", [0.5, 0.5], 1, f"visitor-{number}") for number in range(VISITORS)]
    assert [arm.units for arm in results.arms] == [arms.count(0), arms.count(1)]
    assert sum(arm.predictions for arm in results.arms) == sum(visitors.visitor(n)[0].digits for n in range(VISITORS))
    assert (results.leaks, results.sample_ratio.alarm, results.status) == (0, False, "stopped")
    assert results.model_a.avg_confidence > results.model_b.avg_confidence
    assert results.model_a.feedback_score < results.model_b.feedback_score
    printed = capsys.readouterr().out
    assert printed.count(" visitors: ") == 2
    (compared,) = (line for line in printed.splitlines() if "held-out digits" in line)
    assert re.search(r"Of 300 held-out digits logistic reads 8\d\.\d% rightly and bayes 8\d\.\d%: \+\d", compared)
    assert results.verdict in printed.split("difference (always-valid interval)")[1]


def test_digits_whose_predictions_have_expired_are_not_compared(
    client: Client, digits: model.Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and no number."""
    setup.make_model(client)
    empty = client.create_dataset("Nothing left", task="classification").id
    monkeypatch.setattr(held_out, "make_dataset", lambda *given: empty)
    assert held_out.compare(client, digits).startswith("Held-out digits aren't compared: ")


def _page(server: Server, cookie: str = "") -> tuple[str, str]:
    """Return the page, and the visitor that it sets in a cookie."""
    request = urllib.request.Request(server.url, headers={"Cookie": cookie} if cookie else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found = re.search(rf"{app.COOKIE}=([^;]+)", answer.headers["Set-Cookie"])
        assert found
        return answer.read().decode(), found[1]


def test_a_visitor_of_the_page_stays_with_one_classifier(client: Client) -> None:
    """The cookie is the unit: each digit is stored with the test, by the version that the hash gives the visitor."""
    server = Server(example.make(client, SERVICE, ["*"]), "127.0.0.1", 0)
    server.start()
    try:
        first, who = _page(server)
        second, same = _page(server, f"{app.COOKIE}={who}")
    finally:
        server.stop()
    assert same == who
    shown = re.findall(r'prediction-id="([^"]+)"', first + second)
    assert len(set(shown)) == 2 * app.SHOWN
    arm = assigned(setup.TEST_ID, [0.5, 0.5], 1, who)
    for prediction in (client.get_prediction(one, model_id=setup.MODEL_ID) for one in shown):
        assert prediction.version_id == (setup.NOW, setup.CHALLENGER)[arm or 0]
        assert prediction.ab_test_id == setup.TEST_ID


def test_visitors_come_at_the_first_start_only(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo that is started again on its data doesn't simulate anybody anew."""
    came: list[Any] = []
    monkeypatch.setattr(example, "simulate", lambda *given: came.append(given))
    example.make(client, SERVICE, ["*"])
    example.fill(client)
    assert came == []


def test_the_page_says_when_the_service_is_away(digits: model.Digits) -> None:
    """It is shown all the same."""
    away = Client("http://127.0.0.1:9", "sk_some_key", timeout=0.2)
    reader = reading.Reader(away, digits, setup.TEST_ID)
    server = Server(app.create_app(reader, digits, setup.TEST_ID, "http://127.0.0.1:9", "pk_some_key"), "127.0.0.1", 0)
    server.start()
    try:
        html, _ = _page(server)
    finally:
        server.stop()
    assert "were not read or logged" in html
    assert "<seeme-feedback model-id" not in html


@pytest.mark.long
@pytest.mark.timeout(90)
def test_the_command_brings_its_own_service() -> None:
    """`python -m examples.ab` needs nothing else, and ends with the verdict."""
    command = [sys.executable, "-m", "examples.ab", "--visitors", "40", "--wave", "20"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    assert "\n    20 visitors: " in done.stdout
    assert "not enough data" in done.stdout or "logistic" in done.stdout.splitlines()[-1]
