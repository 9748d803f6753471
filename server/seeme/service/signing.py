"""The signing secrets of models, and the tokens that they vouch for. All live ones are kept in memory."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from seeme.clock import from_micros
from seeme.errors import Conflict, NotFound
from seeme.ids import secret, short_id
from seeme.records.tokens import Claims, IssuedSigningSecret, SigningSecret
from seeme.records.types import Page
from seeme.service.inbox import Inbox
from seeme.service.models import Models
from seeme.service.tokens import check_token
from seeme.store import registry
from seeme.store.database import Reader, Transaction

MOST_LIVE = 2  # the old one and the new one, while a server is given the new one


class Signing:
    """The signing secrets of this service, by model and `kid`."""

    def __init__(self, inbox: Inbox, models: Models, clock: Callable[[], int]) -> None:
        self._inbox = inbox
        self._models = models
        self._clock = clock
        self._live: defaultdict[str, dict[str, registry.StoredSecret]] = defaultdict(dict)

    async def load(self, reader: Reader) -> None:
        """Read every signing secret."""
        self.replace(await registry.signing_secrets(reader))

    def replace(self, stored: Sequence[registry.StoredSecret]) -> None:
        """Take what was read for all that there is."""
        self._live.clear()
        for one in stored:
            if one.retired_at is None:
                self._remember(one)

    def end_retired(self, stored: Sequence[registry.StoredSecret]) -> None:
        """Drop those that are retired; others may be newer than what was read."""
        for one in stored:
            if one.retired_at is not None:
                self._drop(one.model_id, one.record.kid)

    def forget(self, model_id: str) -> None:
        """Drop the secrets of a model that is deleted."""
        self._live.pop(model_id, None)

    def _remember(self, one: registry.StoredSecret) -> None:
        self._live[one.model_id][one.record.kid] = one

    def _drop(self, model_id: str, kid: str) -> None:
        self._live.get(model_id, {}).pop(kid, None)

    def list(self, model_id: str) -> Page[SigningSecret]:
        """Return the live signing secrets of a model by creation, without their texts."""
        self._models.get(model_id)
        return Page(items=[one.record for one in self._live.get(model_id, {}).values()])

    def check(self, token: str, model_id: str, prediction_id: str, at: int) -> Claims:
        """Return what a prediction token says; raises TokenRefused."""
        live = self._live.get(model_id, {})
        secrets = {kid: one.secret for kid, one in live.items()}
        return check_token(token, secrets, model_id, prediction_id, at)

    async def create(self, model_id: str) -> IssuedSigningSecret:
        """Make a signing secret; its text is in the answer, and never shown again.

        Raises:
            Conflict: when two are live already.
        """

        async def work(tx: Transaction) -> registry.StoredSecret:
            await self._models.held(tx, model_id)
            live = await registry.signing_secrets(tx, model_id)
            if len(live) >= MOST_LIVE:
                raise Conflict(
                    f"the model {model_id} has {MOST_LIVE} live signing secrets; retire one first: "
                    f"{' or '.join(one.record.kid for one in live)}"
                )
            record = SigningSecret(kid=short_id("k"), created_at=from_micros(self._clock()))
            stored = registry.StoredSecret(model_id, record, secret())
            await registry.insert_signing_secret(tx, stored)
            return stored

        stored = await self._inbox.run(work, self._remember)
        return IssuedSigningSecret(**msgspec.structs.asdict(stored.record), secret=stored.secret)

    async def retire(self, model_id: str, kid: str) -> None:
        """Retire a signing secret: tokens signed with it are worth nothing from then on. Raises NotFound."""
        self._models.get(model_id)

        async def work(tx: Transaction) -> None:
            if not await registry.retire_signing_secret(tx, model_id, kid, self._clock()):
                raise NotFound(f"the model {model_id} has no live signing secret {kid}")

        # After the commit even if the caller has gone: what is retired on disk must not live on in memory.
        await self._inbox.run(work, lambda _: self._drop(model_id, kid))
