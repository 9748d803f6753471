"""Models and their versions: few, so all of them are kept in memory, as stored."""

from collections.abc import Callable, Sequence, Set
from typing import Any

import msgspec
from msgspec import UNSET

from seeme.clock import to_micros
from seeme.domain import sampling
from seeme.errors import Conflict, Invalid, NotFound, invalid
from seeme.ids import short_id
from seeme.records.datasets import Dataset
from seeme.records.engine import RuleSetVersion
from seeme.records.models import Config, ConfigPatch, Model, ModelPatch, NewModel, NewVersion, Version
from seeme.records.queries import Keyset, from_cursor, to_cursor
from seeme.records.types import Page
from seeme.service.digests import digest
from seeme.service.inbox import Inbox
from seeme.store import ab_tests, registry
from seeme.store.database import Reader, Transaction

NOT_YET = {
    "auto_retrain": "retraining isn't built yet",
    "privacy": "privacy rules aren't built yet",
}


class Models:
    """The models of this service."""

    def __init__(
        self,
        inbox: Inbox,
        dataset: Callable[[str], Dataset],
        clock: Callable[[], int],
    ) -> None:
        self._inbox = inbox
        self._dataset = dataset
        self._clock = clock
        self._models: dict[str, registry.StoredModel] = {}
        self._versions: dict[str, dict[str, registry.StoredVersion]] = {}

    async def load(self, reader: Reader) -> None:
        """Read every model and version."""
        versions = await registry.versions(reader)
        self.replace(await registry.models(reader), versions)

    def replace(self, models: Sequence[registry.StoredModel], versions: Sequence[registry.StoredVersion]) -> None:
        """Take what was read for all that there is."""
        self._models = {stored.model.id: stored for stored in models}
        self._versions = {id: {} for id in self._models}
        for stored in versions:
            self._versions.setdefault(stored.version.model_id, {})[stored.version.id] = stored

    def get(self, model_id: str) -> Model:
        """Return a model; raises NotFound."""
        stored = self._models.get(model_id)
        if stored is None or stored.deleted_at is not None:
            raise NotFound(f"there is no model {model_id}")
        return stored.model

    def list(self, limit: int = 1000, cursor: str | None = None, among: Set[str] = frozenset()) -> Page[Model]:
        """Return models by creation, after the place that `cursor` stands for: its model may be deleted since.

        `among` narrows them to those ids; the cursors then tell nothing of others.
        """
        after = None if cursor is None else from_cursor(cursor)
        mine = sorted((model for model in self.live() if not among or model.id in among), key=_place)
        models = [model for model in mine if after is None or _place(model) > after]
        page = models[:limit]
        return Page(items=page, next_cursor=to_cursor(*_place(page[-1])) if len(models) > limit else None)

    def live(self) -> Sequence[Model]:
        """Return every model that isn't deleted, by creation."""
        return [stored.model for stored in self._models.values() if stored.deleted_at is None]

    def deleted(self) -> Sequence[str]:
        """Return the models whose rows are still to be deleted."""
        return [id for id, stored in self._models.items() if stored.deleted_at is not None]

    async def create(self, new: NewModel) -> tuple[Model, bool]:
        """Store a model; return it and whether it is new. Raises Conflict for an id with other content."""
        content = digest(new)

        async def work(tx: Transaction) -> tuple[registry.StoredModel, bool]:
            if new.id is not None:
                await tx.hold([new.id], alone=True)
            known = await registry.model(tx, new.id) if new.id is not None else None
            if known is not None:
                if known.deleted_at is not None:
                    raise Conflict(f"the model {new.id} is being deleted; take another id")
                if known.digest != content:
                    raise Conflict(f"the model {new.id} exists with other content; change it with PATCH")
                return known, False
            stored = registry.new_model(
                new.id or short_id("m"), new, _configured(Config(), new.config), content, self._clock()
            )
            await registry.insert_model(tx, stored)
            return stored, True

        stored, created = await self._inbox.run(work, lambda result: self.remember(result[0]))
        return stored.model, created

    def remember(self, stored: registry.StoredModel) -> None:
        """Take a model as it is stored now."""
        self._models[stored.model.id] = stored
        self._versions.setdefault(stored.model.id, {})

    async def held(self, tx: Transaction, model_id: str) -> registry.StoredModel:
        """Return a model as the writer sees it, held alone: what waits in the same commit is in it already."""
        await tx.hold([model_id], alone=True)
        stored = await registry.model(tx, model_id)
        if stored is None or stored.deleted_at is not None:
            raise NotFound(f"there is no model {model_id}")
        return stored

    async def patch(self, model_id: str, patch: ModelPatch, by: str = "service") -> Model:
        """Change the named parts of a model; raises Invalid for settings that can't be acted on."""
        for name, why in NOT_YET.items():
            if getattr(patch, name) is not UNSET:
                raise invalid(f"$.{name}", f"{why}, so this setting is refused rather than promised")

        engine = None if isinstance(patch.data_engine, msgspec.UnsetType) else patch.data_engine
        wrong = None if engine is None else sampling.contradiction(engine)
        if wrong is not None:
            raise Invalid(wrong.message, errors=(wrong,))

        async def work(tx: Transaction) -> registry.StoredModel:
            stored = await self.held(tx, model_id)
            changes: dict[str, Any] = {
                name: value for name in ("name", "labels") if (value := getattr(patch, name)) is not UNSET
            }
            if not isinstance(patch.config, msgspec.UnsetType):
                changes["config"] = _configured(stored.model.config, patch.config)
            if engine is not None:
                changes["data_engine"] = sampling.merged(stored.model.data_engine, engine)
            changed = registry.changed(stored, self._clock(), **changes).model
            wrong = sampling.misfit(changed.task, changed.labels, changed.data_engine)
            if wrong is not None:
                raise Invalid(wrong.message, errors=(wrong,))
            self._check_target(changed)
            return await self._store_change(tx, stored, changes, by)

        return (await self._inbox.run(work, self.remember)).model

    async def next_rules(
        self, tx: Transaction, before: registry.StoredModel, by: str, **changes: Any
    ) -> registry.StoredModel:
        """Store the next version of a data engine's settings, which the caller knows to be fine, and return it.

        The caller holds the model, and has it remembered once this is committed.
        """
        engine = before.model.data_engine
        changed = msgspec.structs.replace(engine, version=engine.version + 1, **changes)
        return await self._store_change(tx, before, {"data_engine": changed}, by)

    async def _store_change(
        self, tx: Transaction, before: registry.StoredModel, changes: dict[str, Any], by: str
    ) -> registry.StoredModel:
        at = self._clock()
        stored = registry.changed(before, at, **changes)
        await registry.update_model(tx, stored.model)
        if stored.model.data_engine.version != before.model.data_engine.version:
            await registry.insert_rule_set(tx, stored.model, by, at)
        return stored

    def _check_target(self, model: Model) -> None:
        """Raise Invalid when decisions couldn't go where they are to go."""
        target, path = model.data_engine.target_dataset_id, "$.data_engine.target_dataset_id"
        if target is None:
            return
        try:
            task = self._dataset(target).task
        except NotFound:
            raise invalid(path, f"there is no dataset {target}; create it first") from None
        if task not in (None, model.task):
            raise invalid(path, f"the dataset {target} is for {task}, this model is one of {model.task}")

    async def delete(self, model_id: str) -> None:
        """Mark a model as deleted: it is gone at once; a task then deletes its rows in chunks.

        Raises:
            Conflict: it is an arm of an A/B test that hasn't ended.
        """

        async def work(tx: Transaction) -> registry.StoredModel:
            stored = await self.held(tx, model_id)
            running = await ab_tests.using(tx, model_id)  # whoever makes or starts one holds its models, too
            if running:
                raise Conflict(f"the model {model_id} is an arm of the A/B test {running[0]}; stop that first")
            return await registry.mark_deleted(tx, stored, self._clock())

        await self._inbox.run(work, self.remember)

    def forget(self, model_id: str) -> None:
        """Drop a model whose rows are all deleted."""
        self._models.pop(model_id, None)
        self._versions.pop(model_id, None)

    def has_version(self, model_id: str, version_id: str) -> bool:
        """Say whether a model has a version."""
        return version_id in self._versions.get(model_id, ())

    async def add_version(self, model_id: str, new: NewVersion) -> tuple[Version, bool]:
        """Store a version; return it and whether it is new. Raises Conflict for an id with other content."""
        content = digest(new)

        async def work(tx: Transaction) -> tuple[registry.StoredVersion, bool]:
            await self.held(tx, model_id)
            known = await registry.version(tx, model_id, new.id) if new.id is not None else None
            if known is not None:
                if known.digest != content:
                    raise Conflict(f"the version {new.id} exists with other content")
                return known, False
            stored = registry.new_version(model_id, new.id or short_id("v"), new.name, content, self._clock())
            await registry.insert_version(tx, stored)
            return stored, True

        def remember(result: tuple[registry.StoredVersion, bool]) -> None:
            self._versions.setdefault(model_id, {})[result[0].version.id] = result[0]

        stored, created = await self._inbox.run(work, remember)
        return stored.version, created

    async def rule_sets(self, reader: Reader, model_id: str) -> Page[RuleSetVersion]:
        """Return the data engine's settings that were in force, oldest first."""
        task = self.get(model_id).task
        found = await registry.rule_sets(reader, model_id)
        return Page(
            items=[
                msgspec.structs.replace(
                    one, rates=sampling.thinned(sampling.rates(task, one.settings), one.settings.thinning)
                )
                for one in found
            ]
        )

    async def versions(self, model_id: str) -> Page[Version]:
        """Return the versions of a model by creation."""
        self.get(model_id)
        return Page(items=[stored.version for stored in self._versions[model_id].values()])


def _place(model: Model) -> Keyset:
    return Keyset(to_micros(model.created_at), model.id)


def _configured(config: Config, patch: ConfigPatch) -> Config:
    changes = {name: value for name, value in msgspec.structs.asdict(patch).items() if value is not UNSET}
    return msgspec.structs.replace(config, **changes)
