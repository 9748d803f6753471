"""The service floor put together: opened in order, closed in reverse."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from seeme import clock as clocks
from seeme.ids import short_id
from seeme.records.metrics import Health
from seeme.service.ab_results import AbResultsOf
from seeme.service.ab_tests import AbTests
from seeme.service.accuracy import Accuracy
from seeme.service.approval import Approval
from seeme.service.cluster import Cluster
from seeme.service.comparing import Comparing
from seeme.service.dataset_exports import DatasetExports
from seeme.service.datasets import Datasets
from seeme.service.dry_run import DryRuns
from seeme.service.events import Events
from seeme.service.flagged import Flagged
from seeme.service.inbox import Inbox
from seeme.service.ingest import Ingest
from seeme.service.inputs import Inputs
from seeme.service.intake import Intake
from seeme.service.keys import Keys
from seeme.service.learning import Learning
from seeme.service.models import Models
from seeme.service.pulse import Pulse
from seeme.service.queue import Queue
from seeme.service.quota import Quotas
from seeme.service.reference import References
from seeme.service.removal import Removal
from seeme.service.reports import Reports
from seeme.service.review import Review
from seeme.service.secrets import deployment_secret
from seeme.service.signing import Signing
from seeme.service.tasks import Tasks
from seeme.service.training import Training
from seeme.service.widget import Widget
from seeme.settings import Settings
from seeme.store.blobs import Blobs
from seeme.store.database import Database
from seeme.store.engines import open_database
from seeme.store.sums import FOLDED, Sums
from seeme.version import __version__


class Services:
    """Everything the web and the command line call."""

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], int]) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock
        self.tasks = Tasks()
        self.commits: list[Callable[[float, int], None]] = []
        # A node that was killed left its rows to be folded; a new start is a new writer.
        sums = Sums(short_id("w") if database.shared else FOLDED, shared=database.shared)
        files = Blobs(settings.data / "blobs", clock())
        public_url = settings.public_url or f"http://{settings.host}:{settings.port}{settings.root_path}"
        self.intake = Intake(settings, lambda model_id: self.models.get(model_id), sums)
        self.inbox: Inbox = Inbox(database, self.intake, settings, clock, self._committed)
        self.datasets = Datasets(self.inbox, database, clock)
        self.models = Models(self.inbox, self.datasets.get, clock)
        self.quotas = Quotas(self.inbox, self.models, clock)
        self.ab_tests = AbTests(self.inbox, self.models, clock)
        self.keys = Keys(self.inbox, database, public_url, clock)
        self.signing = Signing(self.inbox, self.models, clock)
        self._secret = deployment_secret(settings)
        self.ingest = Ingest(
            self.inbox, self.models, self.ab_tests, self.signing, database, self.intake.sampling, self._secret, clock
        )
        self.events = Events(database, self.models, public_url, clock)
        self.references = References(self.inbox, self.models, self.events, clock)
        learning = Learning(self.datasets)
        self.inputs = Inputs(database, self.inbox, self.models, self.events, files, learning, settings, clock)
        self.accuracy = Accuracy(database, self.models)
        self.reports = Reports(database, self.inbox, self.models, sums, self.accuracy, clock)
        self.dataset_exports = DatasetExports(database, self.datasets, files)
        self.comparing = Comparing(database, self.models, self.datasets)
        self.training = Training(self.inbox, database, self.models, self.datasets, clock)
        self.removal: Removal = Removal(
            self.inbox, self.intake, self.models, self.signing, self.datasets, files, settings, clock
        )
        self._assemble_review(sums.writer, learning)
        self.ab_results = AbResultsOf(database, self.inbox, self.ab_tests, sums.writer, clock)
        self.pulse = Pulse(database)
        self.cluster = Cluster(
            database, self.inbox, self.intake, self.models, self.keys, self.signing, self.datasets, self.ab_tests, clock
        )

    def _assemble_review(self, writer: str, learning: Learning) -> None:
        """Put together what people review with."""
        database, clock = self.database, self.clock
        self.queue = Queue(self.inbox, self.models, learning, writer, clock, self.intake.update_time)
        self.flagged = Flagged(database, self.models, self.events, clock)
        self.dry_runs = DryRuns(self.models, self.events, clock)
        approval = Approval(self.queue, self.models.get)
        self.review = Review(self.inbox, database, self.models, self.events, self.intake, self.removal, approval, clock)
        self.widget = Widget(database, self.models, self.signing, self.ingest, clock)

    def _committed(self, seconds: float, events: int) -> None:
        for observe in self.commits:
            observe(seconds, events)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, clock: Callable[[], int] = clocks.now) -> AsyncIterator["Services"]:
        """Open the store, start the tasks; on leaving, answer what was accepted and close.

        Raises:
            SetupError: the data folder or the database is in use, or can't be used.
        """
        database = await open_database(settings)
        try:
            services = cls(settings, database, clock)
            if database.shared:
                await services.cluster.agree_on_secret(services._secret)
            await services.keys.load(database)  # before the models that they name, as in Cluster.refresh
            await services.signing.load(database)
            await services.models.load(database)
            await services.datasets.load(database)
            await services.ab_tests.load(database)
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
