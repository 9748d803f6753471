"""The digits example: what it says is real is real, and its history is the same every time."""

import io
import socket
import urllib.request
from datetime import UTC, date, datetime, time

import numpy as np
import pytest
from PIL import Image

from digits import app, history, model, setup
from seeme import Client
from seeme.errors import SetupError

DAY = date(2026, 3, 4)


@pytest.fixture(scope="module")
def digits() -> model.Digits:
    """Return the trained example."""
    return model.train()


def _accuracy(made: history.Day) -> float:
    truths = {label["prediction_id"]: label["label"] for label in made.labels}
    answered = [each for each in made.predictions if "label" in each]
    return sum(each["label"] == truths[each["id"]] for each in answered) / len(answered)


def test_the_images_shown_were_held_out(digits: model.Digits) -> None:
    """The model has never seen an image that it is asked about, and is good at them all the same."""
    answers = [model.predict(digits.versions["v2"], image).label for image in digits.images]
    right = np.mean([answer == truth for answer, truth in zip(answers, digits.truths, strict=True)])
    assert len(digits.images) == 1797 - max(model.TRAINED_ON.values())
    assert 0.93 < right < 1


def test_an_answer_is_a_distribution_with_its_latency(digits: model.Digits) -> None:
    """Scores sum to 1, the label is the likeliest, and the time was measured."""
    answer = model.predict(digits.versions["v2"], digits.images[0])
    assert sum(answer.scores.values()) == pytest.approx(1, abs=1e-4)
    assert answer.label == max(answer.scores, key=answer.scores.__getitem__)
    assert answer.confidence == answer.scores[answer.label]
    assert answer.latency_ms > 0


def test_the_png_shows_the_image(digits: model.Digits) -> None:
    """Another decoder reads the PNG and finds the image in it, each pixel a square."""
    with Image.open(io.BytesIO(model.png(digits.images[3], scale=4))) as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape == (32, 32)
    assert np.array_equal(pixels[::4, ::4], 255 - np.round(digits.images[3] * 255))
    assert np.array_equal(pixels[::4, ::4], pixels[3::4, 3::4])


def test_a_day_of_history_is_the_same_every_time(digits: model.Digits) -> None:
    """Ids, times, answers, votes and labels don't depend on when the example starts; the latency is measured anew."""
    once, again = (history.make(digits, "digits", DAY, 3) for _ in range(2))
    for prediction in once.predictions + again.predictions:
        prediction.pop("latency_ms", None)
    assert once == again


def test_a_day_of_history_lies_within_the_day(digits: model.Digits) -> None:
    """Predictions are in order, inside their day, and each has one true label."""
    made = history.make(digits, "digits", DAY, 3)
    times = [prediction["created_at"] for prediction in made.predictions]
    assert times == sorted(times)
    assert datetime.combine(DAY, time(), UTC) <= times[0] <= times[-1] <= datetime.combine(DAY, time.max, UTC)
    assert [label["prediction_id"] for label in made.labels] == [each["id"] for each in made.predictions]


def test_the_history_tells_its_story(digits: model.Digits) -> None:
    """The second version beats the first, and the worn scanner makes it worse."""
    first, worn, clean = (_accuracy(history.make(digits, "digits", DAY, ago)) for ago in (25, 10, 3))
    assert first < clean
    assert worn < clean


def test_everything_made_up_says_so(digits: model.Digits) -> None:
    """A history prediction says that its date is artificial, a vote that it is simulated."""
    made = history.make(digits, "digits", DAY, 1)
    assert {each["attributes"]["dates"] for each in made.predictions} == {"artificial"}
    assert {each["notes"] for each in made.feedback} == {history.NOTES}
    assert {each["feedback_type"] for each in made.feedback} == {"rating", "correction"}
    assert sum("input" in each for each in made.predictions) == history.WITH_INPUT


def _get(url: str) -> tuple[str, str]:
    """Return the text and the content type at an address."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def test_the_page_shows_digits_when_the_service_is_away(digits: model.Digits) -> None:
    """Without a service the page still shows what the model says, with the tag under each, and says what is wrong."""
    service = "http://127.0.0.1:9"
    client = Client(service, "sk_some_key", timeout=0.2)
    server = app.Server(app.create_app(client, digits, "digits", service, "pk_some_key"), "127.0.0.1", 0)
    server.start()
    try:
        html, kind = _get(server.url)
        style, style_kind = _get(server.url + "/page.css")
    finally:
        server.stop()
    assert html.count("<seeme-feedback\n") == app.SHOWN
    assert f'<script src="{service}/feedback-widget.js"></script>' in html
    assert "were not logged" in html
    assert (kind, style_kind) == ("text/html; charset=utf-8", "text/css; charset=utf-8")
    assert "color-scheme" in html
    assert "prefers-color-scheme: dark" in style


def test_a_taken_port_is_said(digits: model.Digits) -> None:
    """A second example on the same port ends with a line that names the address."""
    client = Client("http://127.0.0.1:9", "sk_some_key", timeout=0.2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=str(port)):
            app.Server(app.create_app(client, digits, "digits", "http://127.0.0.1:9", "pk"), "127.0.0.1", port)


def test_the_page_has_every_origin_that_a_browser_may_call_it() -> None:
    """On this machine `localhost` and 127.0.0.1 are both allowed; on all addresses the name can't be known."""
    assert setup.origins("127.0.0.1", 8766) == ["http://127.0.0.1:8766", "http://localhost:8766"]
    assert setup.origins("0.0.0.0", 8766) == ["*"]
    assert setup.origins("digits.example.com", 80) == ["http://digits.example.com:80"]
