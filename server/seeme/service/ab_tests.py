"""A/B tests: made, started, stopped and decided. Few, so that what they compare is kept in memory, as stored."""

from collections.abc import Callable, Sequence, Set
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from seeme.clock import DAY, from_micros, to_micros
from seeme.errors import Conflict, NotFound, invalid
from seeme.ids import short_id
from seeme.records.ab_tests import (
    AbConfig,
    AbConfigPatch,
    AbTest,
    AbTestPatch,
    Arm,
    Assignment,
    Decision,
    Guardrails,
    NewAbTest,
    NewArm,
    NewGuardrails,
)
from seeme.records.predictions import NewPrediction
from seeme.records.queries import Keyset, from_cursor, to_cursor
from seeme.records.types import Page
from seeme.service.ab_placing import KnownTests, runs
from seeme.service.ab_ranges import arm_of, fitting
from seeme.service.digests import digest
from seeme.service.inbox import Inbox
from seeme.service.keys import Identity
from seeme.service.models import Models
from seeme.store import ab_tests, registry
from seeme.store.ab_tests import StoredAbTest
from seeme.store.database import Database, Reader, Transaction

STEP = 0.0001  # of the assignment's hash
Change = Callable[[AbTest, int], AbTest]
Arms = list[Arm]


class AbTests:
    """The A/B tests of this service."""

    def __init__(self, inbox: Inbox, models: Models, clock: Callable[[], int]) -> None:
        self._inbox = inbox
        self._models = models
        self._clock = clock
        self._tests: dict[str, StoredAbTest] = {}

    async def load(self, reader: Reader) -> None:
        """Read every test."""
        self.replace(await ab_tests.tests(reader))

    def replace(self, stored: Sequence[StoredAbTest]) -> None:
        """Take what was read for all that there is."""
        self._tests = {one.test.id: one for one in stored}

    def _remember(self, stored: StoredAbTest) -> None:
        self._tests[stored.test.id] = stored

    def get(self, ab_test_id: str) -> AbTest:
        """Return a test; raises NotFound."""
        stored = self._tests.get(ab_test_id)
        if stored is None:
            raise NotFound(f"there is no A/B test {ab_test_id}")
        return _as_of(stored.test, self._clock())

    def every(self) -> Sequence[AbTest]:
        """Return every test by creation."""
        return [_as_of(stored.test, self._clock()) for stored in self._tests.values()]

    def list(self, limit: int = 100, cursor: str | None = None, among: Set[str] = frozenset()) -> Page[AbTest]:
        """Return tests by creation, after the place of `cursor`; `among` narrows them to those of these models."""
        after = None if cursor is None else from_cursor(cursor)
        mine = [one for one in self.every() if not among or {arm.model_id for arm in one.arms} <= among]
        found = [one for one in sorted(mine, key=_place) if after is None or _place(one) > after]
        page = found[:limit]
        return Page(items=page, next_cursor=to_cursor(*_place(page[-1])) if len(found) > limit else None)

    # --- life

    async def create(self, new: NewAbTest, identity: Identity) -> tuple[AbTest, bool]:
        """Store a test, running at once unless it says `start: false`; return it and whether it is new.

        Raises:
            Invalid: its arms or its split can't be.
            Conflict: the id exists with other content.
        """
        content = digest(new)
        arms = self._arms(new)

        async def work(tx: Transaction) -> tuple[StoredAbTest, bool]:
            id = new.id or short_id("ab")
            missing = await self._missing(tx, arms)
            known = await self._held(tx, id)
            if known is not None:
                if known.digest != content:
                    raise Conflict(f"the A/B test {id} exists with other content")
                return known, False
            if missing is not None:
                raise Conflict(f"the model {missing} is being deleted; take another")
            at = self._clock()
            test = AbTest(
                id=id,
                name=new.name,
                status="draft",
                arms=arms,
                config=_config(new, id, arms),
                created_by=identity.holder,
                created_at=from_micros(at),
            )
            test = fitting(test)
            stored = StoredAbTest(_started(test, at, identity.holder) if new.start else test, content)
            await ab_tests.insert(tx, stored)
            return stored, True

        stored, created = await self._inbox.run(work, lambda result: self._remember(result[0]))
        return _as_of(stored.test, self._clock()), created

    async def _missing(self, tx: Transaction, arms: Arms) -> str | None:
        """Return a model of these arms that has been deleted; the others can't be until the transaction ends."""
        models = sorted({arm.model_id for arm in arms})
        await tx.hold(models)
        for model_id in models:
            stored = await registry.model(tx, model_id)
            if stored is None or stored.deleted_at is not None:
                return model_id
        return None

    async def _held(self, tx: Transaction, id: str) -> StoredAbTest | None:
        await tx.hold([f"ab:{id}"], alone=True)
        return await ab_tests.test(tx, id)

    def _arms(self, new: NewAbTest) -> Arms:
        """Return the arms with names and shares; raises Invalid naming what is wrong."""
        if new.arms is None:
            split = 0.5 if new.config.traffic_split is None else new.config.traffic_split
            pair = [NewArm(model_id=new.model_a_id or ""), NewArm(model_id=new.model_b_id or "")]
            return _checked(_filled(pair, [1 - split, split]), self._known(pair, ("$.model_a_id", "$.model_b_id")))
        shares = [arm.share for arm in new.arms]
        if new.config.traffic_split is not None:
            if len(new.arms) != 2 or shares != [None, None]:
                raise invalid("$.config.traffic_split", "is for two arms without shares; give each arm its `share`")
            shares = [1 - new.config.traffic_split, new.config.traffic_split]
        elif None in shares:
            if any(share is not None for share in shares):
                raise invalid(f"$.arms[{shares.index(None)}].share", "either all arms have a share, or none")
            shares = [1 / len(new.arms)] * len(new.arms)
        paths = [f"$.arms[{at}].model_id" for at in range(len(new.arms))]
        return _checked(_filled(new.arms, [share or 0.0 for share in shares]), self._known(new.arms, paths))

    def _known(self, arms: Sequence[NewArm], paths: Sequence[str]) -> Sequence[str]:
        """Return the paths of arms whose models, of one task, and versions are there; raises Invalid for others."""
        tasks = []
        for arm, path in zip(arms, paths, strict=True):
            try:
                tasks.append(self._models.get(arm.model_id).task)
            except NotFound:
                raise invalid(path, f"there is no model {arm.model_id}; create it first") from None
            if tasks[-1] != tasks[0]:
                raise invalid(path, f"{arm.model_id} is a model of {tasks[-1]}, the first arm's is one of {tasks[0]}")
            if arm.version_id is not None and not self._models.has_version(arm.model_id, arm.version_id):
                where = path.replace("model_id", "version_id")
                raise invalid(where, f"the model {arm.model_id} has no version {arm.version_id}; create it first")
        return paths

    async def patch(self, ab_test_id: str, patch: AbTestPatch) -> AbTest:
        """Change the named parts; of a test that has started only the name and, upwards, the coverage."""

        def change(test: AbTest, at: int) -> AbTest:
            if patch.name is not UNSET:
                test = replace(test, name=patch.name)
            return test if isinstance(patch.config, msgspec.UnsetType) else _configured(test, patch.config)

        return await self._change(ab_test_id, change)

    async def start(self, ab_test_id: str, identity: Identity) -> AbTest:
        """Start a draft; starting a running test changes nothing. Raises Conflict once it has ended."""

        def change(test: AbTest, at: int) -> AbTest:
            if test.status in ("stopped", "decided"):
                raise Conflict(f"the A/B test {test.id} has ended; make a new one")
            return test if test.status == "running" else _started(test, at, identity.holder)

        return await self._change(ab_test_id, change)

    async def stop(self, ab_test_id: str, identity: Identity | None = None) -> AbTest:
        """End a running test, without an identity because its time is over; ending it again changes nothing.

        Raises:
            Conflict: it is a draft.
        """
        by = None if identity is None else identity.holder
        return await self._change(ab_test_id, lambda test, at: _stopped(test, at, by))

    async def decide(self, ab_test_id: str, decision: Decision, identity: Identity) -> AbTest:
        """Store which arm was chosen, and by whom; a running test ends with it.

        Raises:
            Invalid: it has no such arm.
            Conflict: it hasn't started, or another arm was chosen.
        """

        def change(test: AbTest, at: int) -> AbTest:
            if decision.arm not in [arm.name for arm in test.arms]:
                raise invalid("$.arm", f"the A/B test has the arms {', '.join(arm.name for arm in test.arms)}")
            if test.status == "decided":
                if test.chosen_arm != decision.arm:
                    raise Conflict(f"the A/B test {test.id} was decided for {test.chosen_arm}")
                return test
            return replace(
                _stopped(test, at, identity.holder),
                status="decided",
                decided_at=from_micros(at),
                decided_by=identity.holder,
                chosen_arm=decision.arm,
                note=decision.note,
            )

        return await self._change(ab_test_id, change)

    async def end_due(self) -> None:
        """Store the end of those tests whose time is over."""
        for stored in list(self._tests.values()):
            if _as_of(stored.test, self._clock()) is not stored.test:
                await self.stop(stored.test.id)

    async def _change(self, ab_test_id: str, change: Change) -> AbTest:
        async def work(tx: Transaction) -> StoredAbTest:
            stored = await self._held(tx, ab_test_id)
            if stored is None:
                raise NotFound(f"there is no A/B test {ab_test_id}")
            at = self._clock()
            changed = change(_as_of(stored.test, at), at)
            if changed is not stored.test:
                await ab_tests.update(tx, changed)
            return replace(stored, test=changed)

        return (await self._inbox.run(work, self._remember)).test

    # --- assignment

    def assignment(self, ab_test_id: str, unit: str | None) -> Assignment:
        """Return the arm of a unit, with what it follows from."""
        test = self.get(ab_test_id)
        arm = None if unit is None or not runs(test, self._clock()) else arm_of(test, unit)
        return Assignment(
            ab_test_id=test.id,
            arm=arm,
            status=test.status,
            seed=test.config.seed,
            coverage=test.config.coverage,
            arms=test.arms,
            ends_at=test.ends_at,
        )

    async def named_by(self, items: Sequence[NewPrediction], reader: Database) -> KnownTests:
        """Return the tests by id, among them those that predictions name; where there are other nodes, as stored now.

        A coverage that another node has let grow holds for what comes after, and an end, too.
        """
        named = {new.ab_test_id for new in items if new.ab_test_id is not None}
        if not named or not reader.shared:
            return self._tests
        if len(named) > 1:
            return {stored.test.id: stored for stored in await ab_tests.tests(reader)}
        stored = await ab_tests.test(reader, named.pop())
        return {} if stored is None else {stored.test.id: stored}


def _place(test: AbTest) -> Keyset:
    return Keyset(to_micros(test.created_at), test.id)


def _filled(new: Sequence[NewArm], shares: Sequence[float]) -> Arms:
    return [
        Arm(name=arm.name or chr(ord("A") + at), model_id=arm.model_id, version_id=arm.version_id, share=share)
        for at, (arm, share) in enumerate(zip(new, shares, strict=True))
    ]


def _checked(arms: Arms, paths: Sequence[str]) -> Arms:
    """Return arms that differ and whose shares fit together; raises Invalid."""
    for at, arm in enumerate(arms):
        for other in arms[:at]:
            both = {arm.version_id, other.version_id}
            if arm.model_id == other.model_id and (len(both) == 1 or None in both):
                raise invalid(paths[at], "is in another arm already; arms are different models, or versions of one")
            if arm.name == other.name:
                raise invalid(f"$.arms[{at}].name", f"{arm.name} is the name of another arm already")
    total = sum(arm.share for arm in arms)
    if abs(total - 1) > STEP / 10:
        raise invalid("$.arms", f"the shares of all arms must add up to 1 (got {total:g})")
    return arms


def _config(new: NewAbTest, id: str, arms: Arms) -> AbConfig:
    config = new.config
    return AbConfig(
        traffic_split=arms[1].share if len(arms) == 2 else None,
        coverage=config.coverage,
        metrics=_once(config.metrics),
        duration_days=config.duration_days,
        alpha=config.alpha,
        guardrails=_bounds(config.guardrails),
        seed=config.seed or id,
    )


def _bounds(new: NewGuardrails) -> Guardrails:
    return Guardrails(**msgspec.structs.asdict(new))


def _once(metrics: list[Any]) -> list[Any]:
    for at, metric in enumerate(metrics):
        if metric in metrics[:at]:
            raise invalid(f"$.config.metrics[{at}]", f"{metric} is named twice")
    return metrics


def _configured(test: AbTest, patch: AbConfigPatch) -> AbTest:
    """Return a test with changed settings; raises Invalid for what can't change any more."""
    changes = {name: value for name, value in msgspec.structs.asdict(patch).items() if value is not UNSET}
    if isinstance(patch.guardrails, NewGuardrails):
        changes["guardrails"] = _bounds(patch.guardrails)
    changes = {name: value for name, value in changes.items() if value != getattr(test.config, name)}
    if test.status != "draft":
        for name in changes.keys() - {"coverage"}:
            raise invalid(f"$.config.{name}", "can't change once a test has started; make a new test")
        if changes.get("coverage", 1) < test.config.coverage:
            raise invalid("$.config.coverage", "may only grow while a test runs, so that no unit is moved")
        if changes and test.status != "running":
            raise Conflict(f"the A/B test {test.id} has ended")
    _once(changes.get("metrics", []))
    if test.status == "running" and changes:
        changes["former_coverages"] = (*test.config.former_coverages, test.config.coverage)
    arms = test.arms
    if "traffic_split" in changes:
        if len(arms) != 2:
            raise invalid("$.config.traffic_split", "is for two arms")
        split = changes["traffic_split"]
        arms = [replace(arms[0], share=1 - split), replace(arms[1], share=split)]
    return fitting(replace(test, arms=arms, config=replace(test.config, **changes)))


def _started(test: AbTest, at: int, by: str) -> AbTest:
    days = test.config.duration_days
    ends_at = None if days is None else from_micros(at + round(days * DAY))
    return replace(test, status="running", started_at=from_micros(at), started_by=by, ends_at=ends_at)


def _as_of(test: AbTest, at: int) -> AbTest:
    """Return a test as it is at a time: one whose time is over has ended, though nobody may have stored that yet."""
    if test.status != "running" or runs(test, at):
        return test
    return replace(test, status="stopped", stopped_at=test.ends_at)


def _stopped(test: AbTest, at: int, by: str | None) -> AbTest:
    """Return a test that has ended, now where it still runs."""
    if test.status == "draft":
        raise Conflict(f"the A/B test {test.id} hasn't started")
    if test.status != "running":
        return test
    return replace(test, status="stopped", stopped_at=from_micros(at), stopped_by=by)
