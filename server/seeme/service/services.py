"""The service floor put together: opened in order, closed in reverse."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from seeme import clock as clocks
from seeme.errors import SetupError
from seeme.ids import secret
from seeme.records.metrics import Health
from seeme.service.events import Events
from seeme.service.inbox import Inbox
from seeme.service.ingest import Ingest
from seeme.service.inputs import Inputs
from seeme.service.intake import Intake
from seeme.service.keys import Keys
from seeme.service.models import Models
from seeme.service.removal import Removal
from seeme.service.reports import Reports
from seeme.service.review import Review
from seeme.service.tasks import Tasks
from seeme.settings import Settings
from seeme.store.blobs import Blobs
from seeme.store.database import Database
from seeme.store.sqlite import SqliteDatabase, open_sqlite
from seeme.store.sums import Sums
from seeme.version import __version__

DATABASE = "seeme.db"
WRITER = "main"


class Services:
    """Everything the web and the command line call."""

    def __init__(self, settings: Settings, database: SqliteDatabase, clock: Callable[[], int]) -> None:
        self.settings = settings
        self.database: Database = database
        self.clock = clock
        self.tasks = Tasks()
        self.commits: list[Callable[[float, int], None]] = []
        sums = Sums(WRITER)
        files = Blobs(settings.data / "blobs")
        public_url = settings.public_url or f"http://{settings.host}:{settings.port}{settings.root_path}"
        self.intake = Intake(settings, lambda model_id: self.models.get(model_id), sums)
        self.inbox: Inbox = Inbox(database, self.intake, settings, clock, self._committed)
        self.models = Models(self.inbox, clock)
        self.keys = Keys(self.inbox, database, public_url, clock)
        self.ingest = Ingest(self.inbox, self.models, database, _deployment_secret(settings), clock)
        self.events = Events(database, self.models, public_url)
        self.inputs = Inputs(database, self.inbox, self.models, self.events, files, settings, clock)
        self.reports = Reports(database, self.inbox, self.models, sums, clock)
        self.removal: Removal = Removal(self.inbox, self.intake, self.models, files, settings, clock)
        self.review = Review(self.inbox, self.events, self.intake, self.removal, clock)

    def _committed(self, seconds: float, events: int) -> None:
        for observe in self.commits:
            observe(seconds, events)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, clock: Callable[[], int] = clocks.now) -> AsyncIterator["Services"]:
        """Open the store, start the tasks; on leaving, answer what was accepted and close.

        Raises:
            SetupError: the data folder is in use, or can't be used.
        """
        database = await open_sqlite(settings.data / DATABASE)
        try:
            services = cls(settings, database, clock)
            await services.models.load(database)
            await services.keys.load(database)
            await services.intake.load(database, [model.id for model in services.models.live()])
            services.tasks.start(services)
            try:
                yield services
            finally:
                services.inbox.close()
                await services.tasks.stop()
        finally:
            await database.close()

    def health(self) -> Health:
        """Return whether events can be taken and stored."""
        return Health(
            status="stopping" if self.tasks.failed.done() else "ok", version=__version__, waiting=self.inbox.waiting
        )


def _deployment_secret(settings: Settings) -> bytes:
    """Return the key under which subjects are hashed: SEEME_SECRET, or one made at the first start and kept."""
    if settings.secret:
        return settings.secret.encode()
    path = settings.data / "secret"
    if not path.exists():
        part = settings.data / "secret.part"  # a crash must not leave a secret that is empty
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    text = path.read_text().strip()
    if not text:
        raise SetupError(f"{path} is empty; put the deployment's secret back, from a backup")
    return text.encode()
