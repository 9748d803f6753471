"""A/B tests with simulated users in them, for the tests of their pages."""

import re
from html import unescape
from random import Random
from typing import Literal

from tests.conftest import FakeClock

from seeme.clock import HOUR, from_micros
from seeme.records.ab_tests import AbTest, Arm, NewAbConfig, NewAbTest, NewArm
from seeme.records.feedback import Rating
from seeme.records.models import NewModel, NewVersion
from seeme.records.predictions import NewPrediction
from seeme.service.keys import Identity
from seeme.service.services import Services

EVIL = "<img src=x onerror=alert(1)>\"'</script><script>alert(2)</script>"


def plain(text: str) -> str:
    """Return a page's text as it is read: without tags and with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


async def make_test(
    services: Services,
    someone: Identity,
    *,
    id: str = "t",
    name: str = "Digits, the new one",
    arms: int = 2,
    start: bool = True,
    **config: object,
) -> AbTest:
    """Make the models `now`, `new` (and `third`) where they aren't there, and a test of them."""
    known = [("now", "Digits now"), ("new", "Digits <new>"), ("third", "Digits, small")][:arms]
    for model_id, title in known:
        await services.models.create(NewModel(id=model_id, name=title, labels=["0", "1"]))
        await services.models.add_version(model_id, NewVersion(id="v1", name="First"))
    given = {"metrics": ["feedback_score", "latency", "confidence"], "duration_days": 7, **config}
    new = NewAbTest(
        id=id,
        name=name,
        arms=[NewArm(model_id=model_id) for model_id, _ in known],
        config=NewAbConfig(**given),  # type: ignore[arg-type]
        start=start,
    )
    return (await services.ab_tests.create(new, someone))[0]


async def visits(
    services: Services,
    someone: Identity,
    test: AbTest,
    users: range,
    *,
    likes: dict[str, float] | None = None,
    slower: float = 1.0,
    lost: float = 0.0,
    swapped: int = 0,
) -> None:
    """Let users come now: each has two predictions of its arm, and votes on one, as `likes` of the arm has it.

    `slower` is how much longer the challengers take, `lost` the part of their users of whom nothing is logged; every
    `swapped`-th user is logged with the wrong arm.
    """
    random = Random(f"{test.id} {users}")
    liked = likes or {}
    predictions, votes = [], []
    for user in users:
        arm = services.ab_tests.assignment(test.id, f"user-{user}").arm
        if arm is None or (arm != test.arms[0] and random.random() < lost):
            continue
        if swapped and not user % swapped:
            arm = next(one for one in test.arms if one != arm)
        latency = 20 if arm == test.arms[0] else 20 * slower
        predictions += [_prediction(services, test, arm, user, visit, latency, random) for visit in range(2)]
        if random.random() < 0.6:
            rating: Literal[1, -1] = 1 if random.random() < liked.get(arm.name, 0.75) else -1
            votes.append(Rating(prediction_id=f"{test.id}-{user}-0", model_id=arm.model_id, rating=rating))
    for first in range(0, len(predictions), 500):
        await services.ingest.predictions(predictions[first : first + 500], someone)
    for first in range(0, len(votes), 500):
        await services.ingest.feedback(votes[first : first + 500], someone)


def _prediction(
    services: Services, test: AbTest, arm: Arm, user: int, visit: int, latency: float, random: Random
) -> NewPrediction:
    return NewPrediction(
        id=f"{test.id}-{user}-{visit}",
        model_id=arm.model_id,
        label="1",
        confidence=0.5 + random.random() / 2,
        latency_ms=latency * random.lognormvariate(0, 0.5),
        created_at=from_micros(services.clock()),
        ab_test_id=test.id,
        unit=f"user-{user}",
    )


async def days_of_visits(
    services: Services, clock: FakeClock, someone: Identity, test: AbTest, looks: int, users: int, **how: object
) -> None:
    """Let time pass in steps of six hours with some users in each, and a look at the test after each step."""
    for look in range(looks):
        clock.forward(6 * HOUR)
        await visits(services, someone, test, range(look * users, (look + 1) * users), **how)  # type: ignore[arg-type]
        await services.ab_results.look()
