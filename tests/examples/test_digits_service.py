"""The digits example with a real service over HTTP: its history arrives whole, once, also after an interruption."""

import asyncio
import socket
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn

from digits import app, history, model, setup
from seeme import Client
from seeme.records.keys import NewKey
from seeme.service.services import Services
from seeme.settings import Settings
from seeme.web.app import create_app

TODAY = datetime.now(UTC).date()
DAYS = 4


@pytest.fixture
async def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """A client of a service that listens on a port of its own; the month is cut to a few days."""
    monkeypatch.setattr(history, "DAYS", DAYS)
    async with Services.open(settings) as services:
        key = await services.keys.create(
            NewKey(kind="secret", holder="test", scopes=["ingest", "read", "review", "admin"])
        )
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(services), lifespan="off", log_level="warning"))
        running = asyncio.create_task(server.serve([listening]))
        with Client(f"http://127.0.0.1:{listening.getsockname()[1]}", key.key, timeout=10) as client:
            yield client
        server.should_exit = True
        await running


def _load(client: Client) -> int:
    return history.load(client, model.train(), setup.make_model(client), TODAY, lambda done, days: None)


def _stored(client: Client) -> dict[str, float]:
    """Return what the service counts by day, for the days of the history."""
    days = client.get_performance_metrics(setup.MODEL_ID, period="day", start_date=TODAY - timedelta(days=DAYS))
    return {day.period: (day.predictions, day.labelled, day.rated, day.accuracy) for day in days if day.predictions}


async def test_the_history_arrives_whole_and_once(client: Client) -> None:
    """All days are there with an accuracy, inputs are on the last predictions, and a second start sends nothing."""
    sent = await asyncio.to_thread(_load, client)
    stored = await asyncio.to_thread(_stored, client)
    newest = await asyncio.to_thread(lambda: list(client.get_predictions(setup.MODEL_ID, limit=history.WITH_INPUT)))
    assert sent == sum(predictions for predictions, *_ in stored.values())
    assert len(stored) == DAYS
    assert all(0.8 < accuracy < 1 and rated for _, _, rated, accuracy in stored.values())
    assert all(prediction.has_input for prediction in newest)
    assert await asyncio.to_thread(_load, client) == 0
    assert await asyncio.to_thread(_stored, client) == stored


async def test_an_interrupted_history_is_completed(client: Client) -> None:
    """A day of which a part was stored is completed by the next start, without a double."""

    def interrupt() -> None:
        """Send the predictions of half a day, as a start that was killed does."""
        half = history.make(model.train(), setup.make_model(client), TODAY - timedelta(days=2), 2).predictions[::2]
        client.log_predictions(half)

    await asyncio.to_thread(interrupt)
    sent = await asyncio.to_thread(_load, client)
    stored = await asyncio.to_thread(_stored, client)
    assert sent == sum(predictions for predictions, *_ in stored.values())
    assert (
        sent - sum(labelled for _, labelled, *_ in stored.values()) < 10
    )  # those that failed have no label to compare


async def test_a_page_logs_what_it_shows(client: Client) -> None:
    """Each digit of a page is stored with the image that was shown, its answer and its truth."""
    digits = model.train()

    def look() -> tuple[str, list[dict[str, object]]]:
        """Ask for the page, and for what is stored when it has stopped."""
        model_id = setup.make_model(client)
        key = setup.make_key(client, "127.0.0.1", 0)
        server = app.Server(app.create_app(client, digits, model_id, "http://127.0.0.1:1", key), "127.0.0.1", 0)
        server.start()
        with urllib.request.urlopen(server.url, timeout=10) as answer:
            html = answer.read().decode()
        server.stop()
        return html, [
            {**client.get_prediction(each.id).to_dict(), "bytes": client.get_input(each.id)}
            for each in client.get_predictions(model_id)
        ]

    html, stored = await asyncio.to_thread(look)
    assert len(stored) == app.SHOWN
    for prediction in stored:
        assert f'prediction-id="{prediction["id"]}"' in html
        assert prediction["truth"]["label"] in model.LABELS
        assert prediction["latency_ms"] > 0
        assert bytes(prediction["bytes"]).startswith(b"\x89PNG")


async def test_a_new_start_revokes_the_old_key(client: Client) -> None:
    """Only the key of the latest start is good for the page."""

    def start_twice() -> list[bool]:
        """Make the key twice, and say for each of the page's keys whether it was revoked."""
        setup.make_model(client)
        setup.make_key(client, "127.0.0.1", 8766)
        setup.make_key(client, "127.0.0.1", 8766)
        return [key.revoked_at is not None for key in client.list_keys() if key.holder == setup.HOLDER]

    assert sorted(await asyncio.to_thread(start_twice)) == [False, True]
