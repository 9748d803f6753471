"""Versions of a model compared on a dataset: items and what each version said of them, a page at a time."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from seeme.domain.comparing import Left, Version, compared
from seeme.domain.tallies import MOST_SEGMENTS, TooManySegments, tally_of
from seeme.errors import NotFound, invalid
from seeme.records.comparing import CompareRequest, Disagreement, ModelComparison
from seeme.records.models import Model
from seeme.records.queries import from_cursor, to_cursor
from seeme.records.rows import ItemRow
from seeme.records.types import Page
from seeme.service.datasets import Datasets
from seeme.service.disagreements import Match, disagreements, farthest
from seeme.service.models import Models
from seeme.store import comparing, datasets
from seeme.store.comparing import Said
from seeme.store.database import Database
from seeme.store.datasets import WORKING_SET, StoredDatasetVersion

PAGE = 500
# Items for one page of disagreements: it ends early, rather than read a dataset in which all agree.
MOST_LOOKED_AT = 5000


class Plan(NamedTuple):
    """What is compared on what, all of it known to be there."""

    model: Model
    versions: list[tuple[str, str]]
    dataset_id: str
    number: int
    dataset_version_id: str | None
    split: str | None
    segment: str | None


class Comparing:
    """Comparisons; one at a time, since each takes seconds of a processor that events need too."""

    def __init__(self, reader: Database, models: Models, known: Datasets) -> None:
        self._reader = reader
        self._models = models
        self._datasets = known
        self._turn = asyncio.Lock()

    async def compare(self, model_id: str, request: CompareRequest) -> ModelComparison:
        """Compare versions on the items of a dataset.

        Raises:
            NotFound: there is no such model.
            Invalid: a version or dataset isn't there, is named twice or is of another task, or the attribute to split
                by has too many values.
        """
        plan = await self._plan(model_id, request)
        async with self._turn:
            return await self._compare(plan)

    async def _compare(self, plan: Plan) -> ModelComparison:
        counting = _Counting(plan)
        after, more = "", True
        while more:
            matches, after, more = await self._matches(plan, after, PAGE)
            await asyncio.to_thread(counting.add, matches)  # boxes take their time; events go on meanwhile
        return await asyncio.to_thread(counting.result)

    async def disagreements(
        self, model_id: str, request: CompareRequest, limit: int = 100, cursor: str | None = None
    ) -> Page[Disagreement]:
        """Return items that just one of two versions has right, by id; a page may end early.

        Of numbers, those where one version is nearer to the truth by most, the largest difference first, in one page.

        Raises:
            Invalid: a further page of numbers is asked for.
        """
        plan = await self._plan(model_id, request)
        if plan.model.task == "regression":
            if cursor is not None:
                raise invalid("$.cursor", "of numbers there is one page; ask for more of them with `limit`")
            return Page(items=await self._farthest(plan, limit), next_cursor=None)
        found: list[Disagreement] = []
        after, more, looked_at = "" if cursor is None else from_cursor(cursor).id, True, 0
        while more and len(found) <= limit and looked_at < MOST_LOOKED_AT:
            matches, after, more = await self._matches(plan, after, PAGE)
            looked_at += PAGE
            found += await asyncio.to_thread(disagreements, plan.model.task, matches)
        if len(found) > limit:
            found = found[:limit]
            return Page(items=found, next_cursor=to_cursor(0, found[-1].item_id))
        return Page(items=found, next_cursor=to_cursor(0, after) if more else None)

    async def _farthest(self, plan: Plan, most: int) -> list[Disagreement]:
        found: list[Disagreement] = []
        after, more = "", True
        async with self._turn:
            while more:
                matches, after, more = await self._matches(plan, after, PAGE)
                found = farthest(matches, most, found)
        return found

    async def _matches(self, plan: Plan, after: str, most: int) -> tuple[list[Match], str, bool]:
        """Return a page of items with what each version said, where it ended, and whether more follow."""
        self._datasets.get(plan.dataset_id)  # deleted meanwhile: break off
        page = await datasets.items(self._reader, plan.dataset_id, plan.number, after, most)
        rows = [row for row in page.rows if plan.split in (None, row.split)]
        matches = await self._said(plan, rows)
        return matches, page.rows[-1].id if page.rows else after, page.more

    async def _said(self, plan: Plan, rows: Sequence[ItemRow]) -> list[Match]:
        if not rows:
            return []
        detailed = plan.model.task == "detection" or plan.segment is not None
        columns = []
        for id, _ in plan.versions:
            found = await comparing.latest(self._reader, plan.model.id, id, rows, detailed=detailed)
            if found is None:  # large ones: halves of them fit
                half = len(rows) // 2
                return await self._said(plan, rows[:half]) + await self._said(plan, rows[half:])
            columns.append(found)
        return [(row, list(said)) for row, said in zip(rows, zip(*columns, strict=True), strict=True)]

    # --- what was asked for

    async def _plan(self, model_id: str, request: CompareRequest) -> Plan:
        model = self._models.get(model_id)
        named = {version.id: version.name for version in (await self._models.versions(model_id)).items}
        asked = _asked(request)
        for at, (path, id) in enumerate(asked):
            if id not in named:
                raise invalid(path, f"there is no version {id} of the model {model_id}")
            if id in [other for _, other in asked[:at]]:
                raise invalid(path, f"the version {id} is named twice; a version is compared with others")
        dataset_id, stored = await self._dataset(request)
        await self._check_task(model, dataset_id)
        return Plan(
            model,
            [(id, named[id]) for _, id in asked],
            dataset_id,
            stored.version.number if stored else WORKING_SET,
            stored.version.id if stored else None,
            request.split,
            request.segment,
        )

    async def _dataset(self, request: CompareRequest) -> tuple[str, StoredDatasetVersion | None]:
        """Return the dataset that is meant, with the version; None for its working set."""
        id, version_id = request.test_dataset_id, request.dataset_version_id
        try:
            self._datasets.get(id)
        except NotFound:
            return await self._version_alone(id, version_id)
        if version_id is None:
            return id, await datasets.latest(self._reader, id)
        stored = await datasets.version(self._reader, id, version_id)
        if stored is None:
            raise invalid("$.dataset_version_id", f"there is no version {version_id} of the dataset {id}")
        return id, stored

    async def _version_alone(self, id: str, version_id: str | None) -> tuple[str, StoredDatasetVersion]:
        found = [] if version_id is not None else await datasets.versions_of_id(self._reader, id)
        if not found:
            kind = "dataset" if version_id is not None else "dataset, nor a version of one,"
            raise invalid("$.test_dataset_id", f"there is no {kind} of the id {id}")
        if len(found) > 1:
            message = f"several datasets have a version {id}: name the dataset here, and it in `dataset_version_id`"
            raise invalid("$.test_dataset_id", message)
        return found[0].version.dataset_id, found[0]

    async def _check_task(self, model: Model, dataset_id: str) -> None:
        stored = await datasets.dataset(self._reader, dataset_id)
        task = stored.dataset.task if stored else None
        if task is not None and task != model.task:
            message = f"the dataset {dataset_id} is for {task}, and the model {model.id} for {model.task}"
            raise invalid("$.test_dataset_id", message)


def _asked(request: CompareRequest) -> list[tuple[str, str]]:
    """Return the versions with where each was named."""
    if request.versions is not None:
        return [(f"$.versions[{at}]", id) for at, id in enumerate(request.versions)]
    return [("$.version_a", request.version_a or ""), ("$.version_b", request.version_b or "")]


class _Counting:
    """A comparison in the making. Of an input that several items have, the first counts."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tally = tally_of(plan.model.task, len(plan.versions))
        self._seen: set[str] = set()
        self._tagged = False
        self._items = self._unmatched = self._failed = self._repeated = 0
        self._found = [[0, 0] for _ in plan.versions]

    def add(self, matches: Sequence[Match]) -> None:
        """Count a page of items."""
        for row, said in matches:
            self._items += 1
            for counts, one in zip(self._found, said, strict=True):
                counts[0] += one is not None
                counts[1] += one is not None and one.failed
            answers = [one for one in said if one is not None]
            if len(answers) < len(said):
                self._unmatched += 1
            elif any(one.failed for one in answers):
                self._failed += 1
            elif answers[0].id in self._seen:
                self._repeated += 1
            else:
                self._seen.add(answers[0].id)
                self._count(row, answers)

    def _count(self, row: ItemRow, answers: Sequence[Said]) -> None:
        task, key = self._plan.model.task, self._plan.segment
        tagged = [one.detail.attributes for one in answers if key and one.detail.attributes]
        segment = next((attributes[key] for attributes in tagged if key in attributes), None)
        self._tagged = self._tagged or any(key in attributes for attributes in tagged)
        try:
            self._tally.add(_truth(task, row), [_answer(task, one) for one in answers], segment)
        except TooManySegments:
            message = f"`{key}` has more than {MOST_SEGMENTS} values: choose an attribute that groups the predictions"
            raise invalid("$.segment", message) from None

    def result(self) -> ModelComparison:
        """Return the comparison."""
        plan = self._plan
        about = {
            "model_id": plan.model.id,
            "task": plan.model.task,
            "dataset_id": plan.dataset_id,
            "dataset_version_id": plan.dataset_version_id,
            "split": plan.split,
            "segment": plan.segment,
        }
        versions = [Version(*named, *counts) for named, counts in zip(plan.versions, self._found, strict=True)]
        left = Left(self._items, self._unmatched, self._failed, self._repeated)
        found = compared(self._tally, versions, left, about)
        if plan.segment is not None and found.compared and not self._tagged:
            note = f"no prediction has the attribute `{plan.segment}`, so there is one segment"
            return replace(found, notes=[*found.notes, note])
        return found


def _truth(task: str, row: ItemRow) -> Any:
    if task == "detection":
        return datasets.boxes_of(row) or []
    return row.label if task == "classification" else row.value


def _answer(task: str, said: Said) -> Any:
    if task == "detection":
        return said.detail.detections or []
    return said.label if task == "classification" else said.value
