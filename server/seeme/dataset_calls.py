"""The part of the client that is about datasets and training jobs."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from seeme.batching import MAX_BODY, MAX_ITEMS, BatchFailed, Failure
from seeme.calls import Calls, dataset_path, record
from seeme.errors import ServiceError
from seeme.ids import short_id
from seeme.outgoing import plain, query, segment
from seeme.records.datasets import (
    Dataset,
    DatasetDetail,
    DatasetItem,
    DatasetVersion,
    DatasetVersionDetail,
    ItemAccepted,
    TrainingJob,
)
from seeme.results import Record, Records
from seeme.transport import Request, problem_of


class DatasetCalls(Calls):
    """Datasets, their items, versions and exports, and training jobs."""

    def create_dataset(
        self,
        name: str,
        task: str | None = None,
        id: str | None = None,
        splits: Mapping[str, float] | None = None,
    ) -> Record:
        """Create a dataset, and return it.

        Without a `task` it takes that of its first item; `splits` are shares, such as `{"train": 0.8, "val": 0.1,
        "test": 0.1}`. With an `id` of your own, doing it again returns the same dataset.
        """
        body = {"id": id or short_id("d"), "name": name, "task": task, "splits": splits}
        return self._do("POST", "/v1/datasets", Dataset, body=body)

    def get_datasets(self, limit: int | None = None) -> Records:
        """Return the datasets, the oldest first."""
        return self._list("/v1/datasets", Dataset, limit)

    def get_dataset(self, dataset_id: str) -> Record:
        """Return one dataset with what its working set holds, in `item_count` and `counts`."""
        return self._do("GET", dataset_path(dataset_id), DatasetDetail)

    def delete_dataset(self, dataset_id: str) -> None:
        """Delete a dataset with all its versions."""
        self._do("DELETE", dataset_path(dataset_id))

    def create_dataset_version(
        self, dataset_id: str, name: str, parent_version_id: str | None = None, id: str | None = None
    ) -> Record:
        """Freeze a dataset's working set as a version, and return it; its parent is the latest one if none is named."""
        body = {"id": id or short_id("dv"), "name": name, "parent_version_id": parent_version_id}
        return self._do("POST", dataset_path(dataset_id, "versions"), DatasetVersion, body=body)

    def get_dataset_versions(self, dataset_id: str, limit: int | None = None) -> Records:
        """Return the versions of a dataset, the oldest first."""
        return self._list(dataset_path(dataset_id, "versions"), DatasetVersion, limit)

    def get_dataset_version(self, dataset_id: str, version_id: str) -> Record:
        """Return one version with its labels by split, and its `changes` against its parent."""
        path = dataset_path(dataset_id, "versions", segment(version_id, "version_id"))
        return self._do("GET", path, DatasetVersionDetail)

    def get_dataset_items(
        self, dataset_id: str, version_id: str | None = None, limit: int | None = 100, **filters: str
    ) -> Records:
        """Return the items of a version, or of the working set, by id; `limit=None` is all of them.

        `filters` are `split`, `source` and `label` (of boxes one with it is enough).
        """
        return self._list(dataset_path(dataset_id, "items"), DatasetItem, limit, version=version_id, **filters)

    def remove_dataset_item(self, dataset_id: str, item_id: str) -> None:
        """Take an item out of a dataset's working set; versions that have it keep it."""
        self._do("DELETE", dataset_path(dataset_id, "items", segment(item_id, "item_id")))

    def import_dataset_items(self, dataset_id: str, items: Iterable[Mapping[str, Any]]) -> list[Record]:
        """Put items made elsewhere into a dataset's working set, and return what became of each, in their order.

        An item has an `id`, exactly one of `label`, `boxes` (`{label, box}`) and `value`, and may have `image_size`,
        `input_hash`, `input_url`, `input_id`, `reviewer`, `note` and `created_at`. The same again changes nothing.

        Raises:
            BatchFailed: when some were refused: `.failures` has their indices, ids, errors and contents.
        """
        path = dataset_path(dataset_id, "items")
        answers: list[Record | None] = []
        failures: list[Failure] = []
        for chunk in _chunks(items):
            body = b'{"items":[' + b",".join(chunk) + b"]}"
            answer = self._transport.call(Request("POST", path, body=body), max(60.0, self._transport.timeout)).json()
            found = answer.get("items") if isinstance(answer, dict) else None
            if not isinstance(found, list) or len(found) != len(chunk):
                raise ServiceError("the answer isn't one result for each item (is base_url a SeeMe service?)")
            for sent, one in zip(chunk, found, strict=True):
                if one.get("status") == "refused":
                    item = msgspec.json.decode(sent)
                    error = problem_of(one["problem"].get("status", 422), one["problem"])
                    failures.append(Failure(len(answers), "dataset item", str(item.get("id")), error, item))
                    answers.append(None)
                else:
                    answers.append(record(one, ItemAccepted))
        if failures:
            raise BatchFailed(failures, answers)
        return [one for one in answers if one is not None]

    def export_dataset(
        self,
        dataset_id: str,
        version_id: str,
        path: str | os.PathLike[str],
        format: str = "jsonl",
        shard: int | None = None,
        shards: int | None = None,
    ) -> Path:
        """Write a version to a file as `jsonl`, `csv`, `coco` or `yolo` (a zip), and return its path.

        The file has its name only once it is whole; what was there before is replaced then.
        """
        where = query(format=format, shard=shard, shards=shards)
        source = dataset_path(dataset_id, "versions", segment(version_id, "version_id"), "export")
        target = Path(path)
        part = target.with_name(f".{target.name}.{short_id('part')}")
        try:
            with part.open("xb") as file:
                self._transport.call(Request("GET", source, where, into=file))
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        return target

    def create_training_job(
        self, name: str, dataset_id: str, version_id: str, base_model_id: str | None = None, id: str | None = None
    ) -> Record:
        """Ask for a training on a version of a dataset, from a base model, and return the job."""
        body = {"id": id or short_id("job"), "name": name, "dataset_id": dataset_id, "version_id": version_id}
        return self._do("POST", "/v1/training-jobs", TrainingJob, body={**body, "base_model_id": base_model_id})

    def get_training_jobs(self, limit: int | None = None) -> Records:
        """Return the training jobs, the oldest first."""
        return self._list("/v1/training-jobs", TrainingJob, limit)

    def get_training_job(self, job_id: str) -> Record:
        """Return one training job."""
        return self._do("GET", f"/v1/training-jobs/{segment(job_id, 'job_id')}", TrainingJob)


def _chunks(items: Iterable[Mapping[str, Any]]) -> Iterator[list[bytes]]:
    """Yield items as JSON, as many at a time as one request takes."""
    chunk: list[bytes] = []
    size = 0
    for at, item in enumerate(items):
        fields = {name: part for name, part in item.items() if part is not None}
        one = msgspec.json.encode(plain(fields, f"$[{at}]"))
        if chunk and (len(chunk) == MAX_ITEMS or size + len(one) > MAX_BODY):
            yield chunk
            chunk, size = [], 0
        chunk.append(one)
        size += len(one) + 1
    if chunk:
        yield chunk
