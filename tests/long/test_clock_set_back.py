"""The machine's clock is set back, or forward and back: nothing is lost, hidden or counted twice."""

from typing import Any

from seeme.clock import DAY, HOUR, MINUTE
from seeme.records.feedback import Accepted, Rating
from seeme.records.keys import NewKey
from seeme.records.models import Model
from seeme.records.predictions import NewPrediction
from seeme.records.queries import FeedbackQuery, MetricsQuery, PredictionQuery, from_cursor
from seeme.service import care
from seeme.service.events import FEED_LAG
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings


async def _predict(services: Services, someone: Identity, id: str) -> None:
    outcome = (await services.ingest.predictions([NewPrediction(model_id="digits", id=id, label="1")], someone))[0]
    assert isinstance(outcome, Accepted)
    assert outcome.status == "created"


async def _vote(services: Services, someone: Identity, id: str, about: str) -> None:
    outcome = (await services.ingest.feedback([Rating(id=id, prediction_id=about, rating=1)], someone))[0]
    assert isinstance(outcome, Accepted)
    assert outcome.status == "created"


async def _changes(services: Services, cursor: str | None) -> tuple[list[str], str | None]:
    """Read the change feed to its end from a cursor; return the ids and the last cursor."""
    found: list[str] = []
    while True:
        after = from_cursor(cursor) if cursor else None
        page = await services.events.list_feedback(
            FeedbackQuery(model_id="digits", updated_since=0, limit=1, after=after)
        )
        found += [item.id for item in page.items]
        if page.next_cursor is None:
            return found, cursor
        cursor = page.next_cursor


async def test_the_change_feed_misses_nothing_when_the_clock_is_set_back(
    services: Services, model: Model, someone: Identity, clock: Any
) -> None:
    """Whoever has read the feed up to a change sees the later ones, whatever the clock said of them."""
    await _predict(services, someone, "p")
    for number in range(3):
        await _vote(services, someone, f"early-{number}", "p")
    clock.forward(2 * FEED_LAG)  # where several nodes write, changes show so late
    seen, cursor = await _changes(services, None)
    clock.forward(-HOUR)
    for number in range(3):
        await _vote(services, someone, f"late-{number}", "p")
    clock.forward(services.database.shared * 2 * HOUR)  # and not before the time that they were given
    more, _ = await _changes(services, cursor)
    assert set(seen) | set(more) == {f"{when}-{number}" for when in ("early", "late") for number in range(3)}
    assert {"late-0", "late-1", "late-2"} <= set(more)


async def test_the_change_feed_misses_nothing_over_a_restart(
    settings: Settings, services: Services, model: Model, someone: Identity, clock: Any
) -> None:
    """A service that starts with a clock behind its last change goes on after that change."""
    await _predict(services, someone, "p")
    await _vote(services, someone, "early-0", "p")
    await _vote(services, someone, "early-1", "p")
    clock.forward(2 * FEED_LAG)
    _, cursor = await _changes(services, None)
    services.inbox.close()
    await services.tasks.stop()
    await services.database.close()
    clock.forward(-3 * HOUR)
    async with Services.open(settings, clock) as again:
        await _vote(again, someone, "late", "p")
        clock.forward(again.database.shared * 4 * HOUR)
        assert "late" in (await _changes(again, cursor))[0]


async def test_events_are_counted_once_when_the_clock_goes_back(
    services: Services, settings: Settings, model: Model, someone: Identity, clock: Any
) -> None:
    """Predictions before and after the step are all listed and counted, and the sums agree with the rows."""
    for number, step in enumerate((0, -2 * HOUR, 3 * DAY, -DAY, -MINUTE)):
        clock.forward(step)
        await _predict(services, someone, f"p{number}")
        await _vote(services, someone, f"v{number}", f"p{number}")
    clock.forward(3 * DAY)
    listed = await services.events.list_predictions(PredictionQuery(model_id="digits"))
    assert {item.id for item in listed.items} == {f"p{number}" for number in range(5)}
    weeks = await services.reports.metrics("digits", MetricsQuery(period="week", lookback_weeks=3))
    assert (sum(week.predictions for week in weeks), sum(week.thumbs_up for week in weeks)) == (5, 5)
    faults = [fault async for _, found in care.check(settings) for fault in found]
    assert faults == []


async def test_a_session_outlives_a_small_step_back(services: Services, clock: Any) -> None:
    """Setting the clock right by some minutes signs nobody out."""
    key = await services.keys.create(NewKey(kind="secret", holder="Ada", scopes=["read"]))
    code = await services.keys.new_sign_in(key.id)
    clock.forward(-5 * MINUTE)
    token, _ = await services.keys.redeem(code.code)
    clock.forward(-5 * MINUTE)
    assert await services.keys.session(token) is not None
