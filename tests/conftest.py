"""What every test may ask for: a fake clock, and a real service on a fresh folder."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from live import Live
from postgres import Postgres

from seeme.records.models import ConfigPatch, Model, NewModel
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings

# How long an example takes is the machine's business; tests have a time limit of their own.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")

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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what stores on both engines; on PostgreSQL in the long run. The mark `sqlite` is for what only it has."""
    if "engine" in metafunc.fixturenames:
        # What is drawn in a browser doesn't depend on the engine.
        drawn = metafunc.definition.path.parent.name in ("pages", "widget", "examples", "e2e")
        alone = drawn or metafunc.definition.get_closest_marker("sqlite")
        other = [] if alone else [pytest.param("postgres", marks=[pytest.mark.long, pytest.mark.timeout(120)])]
        metafunc.parametrize("engine", ["sqlite", *other])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give Schemathesis's tests, one for each route, ids of their own: pytest 9.2 gives them one for all.

    Of tests with the same id only one is run where files are tested side by side.
    """
    known: set[str] = set()
    for item in items:
        if item.nodeid in known and item.parent is not None:
            item._id = item.parent.id.child(item.name)
        assert item.nodeid not in known, f"two tests are {item.nodeid}"
        known.add(item.nodeid)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A private PostgreSQL server for the whole run, which needn't survive a power cut."""
    server = Postgres().initialise().start("fsync=off", "max_connections=300")
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the tests of one file, which stop it and let it hang."""
    server = Postgres().initialise().start("fsync=off")
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture
def settings(tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> Settings:
    """Settings for a fresh folder, and on PostgreSQL a fresh database."""
    if engine == "sqlite":
        return Settings(data=tmp_path / "data")
    server: Postgres = request.getfixturevalue("postgres")
    return Settings(data=tmp_path / "data", database=server.create())


@pytest.fixture
async def services(settings: Settings, clock: FakeClock) -> AsyncIterator[Services]:
    """A real service floor on a real database."""
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
