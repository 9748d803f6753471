"""Training jobs: a durable record of who asked for a training of what, on which version of a dataset."""

from collections.abc import Callable, Sequence

from seeme.clock import from_micros, to_micros
from seeme.errors import Conflict, NotFound
from seeme.ids import short_id
from seeme.records.datasets import NewTrainingJob, TrainingJob
from seeme.records.queries import from_cursor, to_cursor
from seeme.records.types import Page
from seeme.service.datasets import Datasets
from seeme.service.digests import digest
from seeme.service.inbox import Inbox
from seeme.service.keys import Identity
from seeme.service.models import Models
from seeme.store import datasets
from seeme.store.database import Database, Transaction


class Training:
    """The training jobs of this service."""

    def __init__(
        self, inbox: Inbox, reader: Database, models: Models, datasets: Datasets, clock: Callable[[], int]
    ) -> None:
        self._inbox = inbox
        self._reader = reader
        self._models = models
        self._datasets = datasets
        self._clock = clock

    async def create(self, new: NewTrainingJob, identity: Identity) -> tuple[TrainingJob, bool]:
        """Store a job; return it and whether it is new.

        Raises:
            NotFound: there is no such dataset, version or base model.
            Conflict: the id exists with other content.
        """
        await self._datasets.stored_version(new.dataset_id, new.version_id)
        if new.base_model_id is not None:
            self._models.get(new.base_model_id)
        content = digest(new)

        async def work(tx: Transaction) -> tuple[TrainingJob, bool]:
            if new.id is not None:
                await tx.hold([f"job:{new.id}"], alone=True)
            known = await datasets.job(tx, new.id) if new.id is not None else None
            if known is not None:
                if known.digest != content:
                    raise Conflict(f"the training job {new.id} exists with other content")
                return known.job, False
            job = TrainingJob(
                id=new.id or short_id("job"),
                name=new.name,
                dataset_id=new.dataset_id,
                version_id=new.version_id,
                base_model_id=new.base_model_id,
                status="created",
                created_by=identity.holder,
                created_at=from_micros(self._clock()),
            )
            await datasets.insert_job(tx, datasets.StoredJob(job, content))
            return job, True

        return await self._inbox.run(work)

    async def get(self, id: str) -> TrainingJob:
        """Return a job; raises NotFound."""
        stored = await datasets.job(self._reader, id)
        if stored is None:
            raise NotFound(f"there is no training job {id}")
        return stored.job

    async def latest(self, limit: int = 100, cursor: str | None = None) -> Page[TrainingJob]:
        """Return jobs, the latest first."""
        found = await datasets.latest_jobs(self._reader, None if cursor is None else from_cursor(cursor), limit)
        return _page(found, limit)

    async def list(self, limit: int = 100, cursor: str | None = None) -> Page[TrainingJob]:
        """Return jobs, oldest first."""
        found = await datasets.jobs(self._reader, None if cursor is None else from_cursor(cursor), limit)
        return _page(found, limit)


def _page(found: Sequence[TrainingJob], limit: int) -> Page[TrainingJob]:
    page = [*found[:limit]]
    more = len(found) > limit
    return Page(items=page, next_cursor=to_cursor(to_micros(page[-1].created_at), page[-1].id) if more else None)
