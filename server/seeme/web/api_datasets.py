"""Datasets, their items and versions, and training jobs: all of them about no one model, so for keys of all models."""

from collections.abc import Sequence
from typing import Annotated

from starlette.responses import Response, StreamingResponse

from seeme.errors import SeeMeError
from seeme.records.datasets import (
    Dataset,
    DatasetDetail,
    DatasetItem,
    DatasetVersion,
    DatasetVersionDetail,
    ItemAccepted,
    NewDataset,
    NewDatasetItem,
    NewDatasetVersion,
    NewTrainingJob,
    TrainingJob,
)
from seeme.records.types import Id, Page
from seeme.service.services import Services
from seeme.web.guard import Caller
from seeme.web.params import ExportParams, ItemParams, ListParams, given
from seeme.web.signature import Made

# Its texts are those of whoever labels: it is for programs, and never a page of ours.
_UNTRUSTED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "no-store",
}


async def create_dataset(services: Services, caller: Caller, body: NewDataset) -> Made[Dataset]:
    """Make a dataset; it is filled by reviews and imports."""
    return Made(*await services.datasets.create(body, caller.identity))


def list_datasets(services: Services, query: ListParams) -> Page[Dataset]:
    """List datasets, the oldest first."""
    return services.datasets.list(query.limit, given(query.cursor))


async def read_dataset(services: Services, dataset_id: Id) -> DatasetDetail:
    """Get a dataset with what its working set holds."""
    return await services.datasets.read(dataset_id)


async def delete_dataset(services: Services, dataset_id: Id) -> None:
    """Delete a dataset with all its versions; training jobs stay as they are."""
    await services.datasets.delete(dataset_id)


async def add_dataset_items(
    services: Services, caller: Caller, dataset_id: Id, entries: Sequence[NewDatasetItem]
) -> list[ItemAccepted | SeeMeError]:
    """Put items that were made elsewhere into the working set; the same again changes nothing."""
    return await services.datasets.add(dataset_id, entries, caller.identity)


async def list_dataset_items(services: Services, dataset_id: Id, query: ItemParams) -> Page[DatasetItem]:
    """List items by id; of boxes one with the label is enough."""
    filters = {"split": given(query.split), "source": given(query.source), "label": given(query.label)}
    return await services.datasets.items(dataset_id, given(query.version), query.limit, given(query.cursor), **filters)


async def remove_dataset_item(services: Services, dataset_id: Id, item_id: Id) -> None:
    """Take an item out of the working set; versions that have it keep it."""
    await services.datasets.remove(dataset_id, item_id)


async def create_dataset_version(
    services: Services, caller: Caller, dataset_id: Id, body: NewDatasetVersion
) -> Made[DatasetVersion]:
    """Freeze the working set: a version never changes, but for what erasures take out of it."""
    return Made(*await services.datasets.create_version(dataset_id, body, caller.identity))


async def list_dataset_versions(services: Services, dataset_id: Id, query: ListParams) -> Page[DatasetVersion]:
    """List a dataset's versions, the oldest first."""
    return await services.datasets.versions(dataset_id, query.limit, given(query.cursor))


async def read_dataset_version(services: Services, dataset_id: Id, version_id: Id) -> DatasetVersionDetail:
    """Get a version with its labels by split, and its difference to its parent."""
    return await services.datasets.version(dataset_id, version_id)


async def export_dataset(
    services: Services, dataset_id: Id, version_id: Id, query: ExportParams
) -> Annotated[Response, "application/x-ndjson, text/csv, application/json, application/zip"]:
    """Download a version, made as it is sent: JSONL and CSV of any task, COCO JSON and a YOLO zip of detections."""
    export = await services.dataset_exports.open(dataset_id, version_id, query.format, query.shard, query.shards)
    headers = _UNTRUSTED | {"content-disposition": f'attachment; filename="{export.name}"'}
    return StreamingResponse(export.chunks, media_type=export.media_type, headers=headers)


async def create_training_job(services: Services, caller: Caller, body: NewTrainingJob) -> Made[TrainingJob]:
    """Store that a training was asked for: a durable record, which nothing acts on yet."""
    return Made(*await services.training.create(body, caller.identity))


async def list_training_jobs(services: Services, query: ListParams) -> Page[TrainingJob]:
    """List training jobs, the oldest first."""
    return await services.training.list(query.limit, given(query.cursor))


async def read_training_job(services: Services, job_id: Id) -> TrainingJob:
    """Get a training job."""
    return await services.training.get(job_id)
