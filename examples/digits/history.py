"""A month of predictions: the model really runs on held-out images, day by day; only the dates and votes are made up.

Two things happen in it that the service's charts should show: after the first ten days a version trained on more
images takes over, and for five days a worn scanner delivers noisier and sometimes cut-off images.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import numpy as np

from seeme.client import BatchFailed, Client
from seeme.errors import Conflict, Gone, NotFound

from .model import SEED, Digits, Image, png, predict, scan

DAYS = 30
NEW_VERSION_DAYS_AGO = 20
WORN_SCANNER_DAYS_AGO = range(8, 13)
WEEKDAY, WEEKEND = 460, 280
WITH_INPUT = 24
NOTES = "simulated by the digits example"

# How a day's scans spread over its hours: a quiet night, a peak before noon and a smaller one after.
HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 8, 14, 20, 22, 18, 12, 16, 18, 16, 12, 9, 7, 6, 5, 4, 3, 2], dtype=float)

Fields = dict[str, Any]
Progress = Callable[[int, int], None]


class Day(NamedTuple):
    """What a day sends: predictions, votes and corrections, true labels."""

    predictions: list[Fields]
    feedback: list[Fields]
    labels: list[Fields]


def load(client: Client, digits: Digits, model_id: str, today: date, progress: Progress) -> int:
    """Send the month before `today`, except the days that are already there; return how many predictions were sent.

    `progress` is called with (days done, days in all).
    """
    sent = 0
    for ago in range(DAYS, 0, -1):
        day = today - timedelta(days=ago)
        if not _is_there(client, model_id, day):
            made = make(digits, model_id, day, ago)
            send(client, made)
            sent += len(made.predictions)
        progress(DAYS - ago + 1, DAYS)
    return sent


def send(client: Client, day: Day) -> None:
    """Send one day; its last true label goes last and so tells, after an interruption, that the day is complete."""
    _send(client.log_prediction, day.predictions, client)
    _send(client.log_feedback, day.feedback, client)
    _send(client.log_label, day.labels, client)


def _send(log: Callable[..., Any], events: list[Fields], client: Client) -> None:
    """Log events as one batch; those that an interrupted start stored are refused (other latency) and stay."""
    try:
        with client.batch():
            for event in events:
                log(**event)
    except BatchFailed as failed:
        if not all(isinstance(failure.error, Conflict | Gone) for failure in failed.failures):
            raise


def make(digits: Digits, model_id: str, day: date, ago: int) -> Day:
    """Run the model on a day's images; the same day gives the same images, answers, votes and ids every time."""
    random, count = _draws(day)
    worn = ago in WORN_SCANNER_DAYS_AGO
    version = "v1" if ago > NEW_VERSION_DAYS_AGO else "v2"
    made = Day([], [], [])
    for number, at in enumerate(_times(day, count, random)):
        index = int(random.integers(len(digits.images)))
        image = scan(digits.images[index], 0.28 if worn else 0.14, random)
        if random.random() < (0.012 if worn else 0.001):
            image = image[:5]
        prediction = {
            "id": _id(day, number),
            "model_id": model_id,
            "version_id": version,
            "created_at": at,
            "attributes": {"scanner": "worn" if worn else "clean", "dates": "artificial"},
            **_answer(digits, version, image),
        }
        made.predictions.append(prediction)
        made.feedback.extend(_votes(prediction, digits.truths[index], at, random))
        made.labels.append(_label(prediction, digits.truths[index], at))
        if ago == 1 and number >= count - WITH_INPUT:
            prediction["input"] = png(image)
    return made


def _answer(digits: Digits, version: str, image: Image) -> Fields:
    """Return what the model says of an image, or the error it raises for one that was cut off."""
    try:
        answer = predict(digits.versions[version], image)
    except ValueError as error:
        return {"error": str(error)}
    return answer._asdict()


def _votes(prediction: Fields, truth: str, at: datetime, random: np.random.Generator) -> list[Fields]:
    """Return what a visitor might say: few say anything, more of them when it is wrong, and now and then in error."""
    chance, mistake, slow = random.random(), random.random(), int(random.integers(5, 300))
    right = prediction.get("label") == truth
    if "error" in prediction or chance > (0.1 if right else 0.35):
        return []
    about = {"prediction_id": prediction["id"], "model_id": prediction["model_id"], "notes": NOTES}
    about["created_at"] = at + timedelta(seconds=slow)
    up = right == (mistake > 0.03)
    votes = [about | {"id": prediction["id"] + "-thumb", "feedback_type": "rating", "rating": 1 if up else -1}]
    if not right and not up and mistake < 0.7:
        votes.append(about | {"id": prediction["id"] + "-fix", "feedback_type": "correction", "correct_label": truth})
    return votes


def _label(prediction: Fields, truth: str, at: datetime) -> Fields:
    """Return the true label of a held-out image, known at once."""
    ids = {"id": prediction["id"] + "-truth", "prediction_id": prediction["id"], "model_id": prediction["model_id"]}
    return ids | {"label": truth, "created_at": at}


def _times(day: date, count: int, random: np.random.Generator) -> list[datetime]:
    """Return the times of a day's predictions, in order, to the millisecond."""
    hours = random.choice(24, count, p=HOURS / HOURS.sum())
    milliseconds = np.sort(hours * 3_600_000 + random.integers(0, 3_600_000, count))
    start = datetime.combine(day, time(), UTC)
    return [start + timedelta(milliseconds=int(ms)) for ms in milliseconds]


def _draws(day: date) -> tuple[np.random.Generator, int]:
    """Return a day's own random numbers, and the first thing drawn from them: how many predictions the day has."""
    random = np.random.default_rng([SEED, day.toordinal()])
    return random, int(random.poisson(WEEKEND if day.weekday() >= 5 else WEEKDAY))


def _id(day: date, number: int) -> str:
    return f"digits-{day}-{number:04d}"


def _is_there(client: Client, model_id: str, day: date) -> bool:
    """Say whether a day was sent to its end: its last prediction has its true label, or was deleted since."""
    try:
        last = client.get_prediction(_id(day, _draws(day)[1] - 1), model_id=model_id)
    except NotFound:
        return False
    except Gone:
        return True
    return last.truth is not None
