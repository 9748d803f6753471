"""What a node does because there may be others: see what they changed, join what they missed, fold the sums."""

from collections.abc import Callable, Sequence
from functools import partial

from seeme.clock import SECOND
from seeme.errors import SetupError
from seeme.records.ab_tests import AbTest
from seeme.service.ab_tests import AbTests
from seeme.service.datasets import Datasets
from seeme.service.inbox import Inbox
from seeme.service.intake import Intake
from seeme.service.keys import Keys
from seeme.service.models import Models
from seeme.service.secrets import fingerprint
from seeme.service.signing import Signing
from seeme.store import ab_tests, ab_units, cluster, datasets, registry
from seeme.store.database import Database, Transaction

CHUNK = 200
Found = tuple[
    Sequence[registry.StoredKey],
    Sequence[registry.StoredSecret],
    Sequence[registry.StoredVersion],
    Sequence[registry.StoredModel],
    Sequence[datasets.StoredDataset],
    Sequence[ab_tests.StoredAbTest],
]


class Cluster:
    """The other nodes, as far as the database tells of them."""

    def __init__(
        self,
        database: Database,
        inbox: Inbox,
        intake: Intake,
        models: Models,
        keys: Keys,
        signing: Signing,
        datasets: Datasets,
        ab_tests: AbTests,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._inbox = inbox
        self._intake = intake
        self._models = models
        self._keys = keys
        self._signing = signing
        self._datasets = datasets
        self._ab_tests = ab_tests
        self._clock = clock

    async def agree_on_secret(self, secret: bytes) -> None:
        """Make sure that all nodes hash subjects with one secret; raises SetupError."""
        mine = fingerprint(secret)
        async with self._database.transaction() as tx:
            if await cluster.agree(tx, cluster.SECRET, mine) != mine:
                raise SetupError(
                    "this node's secret isn't the one that this database's subjects were hashed with: give every node "
                    "the same SEEME_SECRET (or the same file `secret` in its data folder)"
                )

    async def refresh(self) -> None:
        """Read models, versions, keys, signing secrets, datasets and tests again: another node may have changed them.

        In the writer, so that a change of this node's own isn't overtaken by what was read before it.
        """
        # A revoked key ends at once, even while the writer waits for something; it never comes back.
        self._keys.remember_all([stored for stored in await registry.keys(self._database) if stored.key.revoked_at])
        self._signing.end_retired(await registry.signing_secrets(self._database))
        await self._inbox.run(_read, self._take)

    def _take(self, found: Found) -> None:
        keys, secrets, versions, models, known, tests = found
        self._models.replace(models, versions)
        self._signing.replace(secrets)
        self._keys.remember_all(keys)
        self._datasets.replace(known)
        self._ab_tests.replace(tests)

    async def claim(self, name: str, every: float) -> bool:
        """Say whether this node runs a periodic task now; the others then wait until it is due again."""
        now = self._clock()
        next_at = now + int(every * SECOND)
        return await self._inbox.run(partial(cluster.claim, name=name, now=now, next_at=next_at))

    async def join_orphans(self) -> None:
        """Let orphans count whose prediction came at the same moment on another node."""
        for model in self._models.live():
            while await self._inbox.run(partial(self._join, model.id)):
                pass

    async def _join(self, model_id: str, tx: Transaction) -> int:
        await tx.hold([model_id], alone=True)
        labels, feedback = await cluster.joinable(tx, model_id, CHUNK)
        if labels or feedback:
            await self._intake.join(tx, labels, feedback, self._clock())
        return len(labels) + len(feedback)

    async def fold(self) -> None:
        """Add the sums of several writers up into one row per bucket, so that reading stays cheap."""
        for model in self._models.live():
            work = partial(self._intake.sums.fold, model_id=model.id, most=CHUNK)
            while await self._inbox.run(work) == CHUNK:
                pass
        for test in self._ab_tests.every():
            if len(await ab_units.writers(self._database, test.id)) > 1:
                await self._inbox.run(partial(self._fold_test, test))

    async def _fold_test(self, test: AbTest, tx: Transaction) -> None:
        await tx.hold({arm.model_id for arm in test.arms}, alone=True)
        found = await ab_units.totals(tx, test.id)
        await ab_units.replace_totals(tx, test.id, found, self._intake.sums.writer)


async def _read(tx: Transaction) -> Found:
    # What names a model is read before the models: each statement may see more than the one before it, and a key whose
    # model isn't known would be let in and refused.
    keys, secrets = await registry.keys(tx), await registry.signing_secrets(tx)
    tests = await ab_tests.tests(tx)
    versions, models = await registry.versions(tx), await registry.models(tx)
    return keys, secrets, versions, models, await datasets.datasets(tx), tests
