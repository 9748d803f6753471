"""Simulated visitors: each has a scanner and habits of their own, sends several digits, and clicks on some answers.

That digits of one visitor are alike, and visitors are not, is why the test counts visitors and not predictions.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from seeme import Client

from .model import SEED, Digits, Image, scan
from .reading import Reader
from .setup import MODEL_ID

NOTES = "simulated by the A/B example"
CUT_OFF = 0.01
MISTAKEN = 0.03


class Visitor(NamedTuple):
    """One visitor: an id, how noisy their scanner is, how often they click, and how many digits they send."""

    id: str
    noise: float
    talkative: float
    digits: int


def visitor(number: int) -> tuple[Visitor, np.random.Generator]:
    """Return the visitor of that number, the same every time, and the random numbers of what they do."""
    random = np.random.default_rng([SEED, number])
    habits = Visitor(
        f"visitor-{number}", random.uniform(0.02, 0.3), float(random.beta(2, 3)), 1 + int(random.poisson(4))
    )
    return habits, random


def digits_of(who: Visitor, digits: Digits, random: np.random.Generator) -> Iterator[tuple[Image, str]]:
    """Yield what a visitor sends: scans of held-out digits, now and then one cut off, each with its true label."""
    for index in random.integers(len(digits.images), size=who.digits):
        image = scan(digits.images[index], who.noise, random)
        yield (image[:5] if random.random() < CUT_OFF else image), digits.truths[index]


def click(who: Visitor, said: str | None, truth: str, random: np.random.Generator) -> int | None:
    """Return the visitor's vote on an answer: up when it is right, down when it is wrong, None when they don't care.

    Wrong answers make more of them click, and a few clicks are mistakes.
    """
    chance, mistake = random.random(), random.random()
    right = said == truth
    if said is None or chance > who.talkative * (1 if right else 1.5):
        return None
    return 1 if right == (mistake > MISTAKEN) else -1


def simulate(client: Client, reader: Reader, digits: Digits, visitors: Iterable[int]) -> None:
    """Let visitors, by their numbers, have their digits read and click on some answers; best within a batch.

    Raises:
        SeeMeError: when the service can't take it.
    """
    for number in visitors:
        who, random = visitor(number)
        for image, truth in digits_of(who, digits, random):
            reading = reader.read(who.id, image)
            vote = click(who, reading.answer.label if reading.answer else None, truth, random)
            if vote is not None:
                client.log_feedback(reading.id, "rating", model_id=MODEL_ID, rating=vote, subject=who.id, notes=NOTES)
