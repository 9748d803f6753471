"""What every test may ask for: a fake clock, and a real service on a fresh folder."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from live import Live

from seeme.records.models import ConfigPatch, Model, NewModel
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings

NOON = 1_763_640_000_000_000  # 2025-11-20T12:00Z


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: int = NOON) -> None:
        self.at = at

    def __call__(self) -> int:
        """Return the time."""
        return self.at

    def forward(self, microseconds: int) -> None:
        """Move the clock."""
        self.at += microseconds


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings for a fresh folder."""
    return Settings(data=tmp_path / "data")


@pytest.fixture
async def services(settings: Settings, clock: FakeClock) -> AsyncIterator[Services]:
    """A real service floor on a real SQLite file."""
    async with Services.open(settings, clock) as services:
        yield services


@pytest.fixture
def someone() -> Identity:
    """A program with every right."""
    return Identity("sk_test", "secret", "Ada", frozenset({"ingest", "read", "review", "admin"}))


@pytest.fixture
def visitor() -> Identity:
    """A page's publishable key."""
    return Identity("pk_test", "publishable", "page", frozenset({"feedback"}), frozenset(), frozenset({"*"}))


@pytest.fixture
async def model(services: Services) -> Model:
    """A classification model that keeps its inputs."""
    new = NewModel(name="Digits", id="digits", labels=["0", "1"], config=ConfigPatch(log_inputs=True))
    return (await services.models.create(new))[0]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A running service on a fresh folder: `.url`, `.admin_key`, `.kill()`, `.start()`, `.stop()`."""
    service = Live(tmp_path / "data").start()
    try:
        yield service
    finally:
        service.stop()
