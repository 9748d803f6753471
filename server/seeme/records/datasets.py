"""Datasets: items to train and test with, their immutable versions, and the training jobs that use them."""

from typing import Annotated, Literal

from msgspec import Meta

from seeme.records.predictions import LabelledBox
from seeme.records.types import Id, Label, Name, Note, Sha256, Side, Task, Time, Url, Value, View, Wire

Split = Literal["train", "val", "test"]
Source = Literal["review", "feedback", "import"]
ExportFormat = Literal["jsonl", "csv", "coco", "yolo"]
Share = Annotated[float, Meta(ge=0, le=1)]


class Splits(Wire, frozen=True, kw_only=True):
    """The share of items that each split gets; together they are 1."""

    train: Share = 0.8
    val: Share = 0.1
    test: Share = 0.1


class NewDataset(Wire, frozen=True, kw_only=True):
    """A dataset to make. Without a `task` it takes that of its first item."""

    name: Name
    id: Id | None = None
    task: Task | None = None
    splits: Splits | None = None


class Shares(View, frozen=True, kw_only=True):
    """The share of items that each split gets."""

    train: float
    val: float
    test: float


class Dataset(View, frozen=True, kw_only=True):
    """A dataset. Its `task` is null until it is known."""

    id: str
    name: str
    task: Task | None
    splits: Shares
    created_by: str
    created_at: Time


class SplitCount(View, frozen=True, kw_only=True):
    """How many items a split has, and how many of each label: of its boxes where those are labelled."""

    item_count: int
    labels: dict[str, int]


class DatasetVersion(View, frozen=True, kw_only=True):
    """A version: what was in the working set when it was made. `erased` counts what erasures have taken out since."""

    id: str
    dataset_id: str
    number: int
    name: str
    parent_version_id: str | None
    created_by: str
    created_at: Time
    item_count: int
    erased: int


class Changes(View, frozen=True, kw_only=True):
    """How many items one version has that another hasn't, lacks, and has with other content."""

    added: int
    removed: int
    changed: int


class DatasetVersionDetail(DatasetVersion, frozen=True, kw_only=True):
    """A version with its labels, and its difference to its parent (null where it has none)."""

    splits: dict[Split, SplitCount]
    changes: Changes | None


class DatasetDetail(Dataset, frozen=True, kw_only=True):
    """A dataset with what its working set holds, which is what the next version will hold."""

    item_count: int
    counts: dict[Split, SplitCount]
    latest_version: DatasetVersion | None


class NewDatasetVersion(Wire, frozen=True, kw_only=True):
    """A version to make of the working set. Its parent is the latest version, if none is named."""

    name: Name
    id: Id | None = None
    parent_version_id: Id | None = None


class NewDatasetItem(Wire, frozen=True, kw_only=True):
    """An item made elsewhere: exactly one of label, value and boxes (an empty list: nothing is in the image)."""

    id: Id
    label: Label | None = None
    value: Value | None = None
    boxes: Annotated[list[LabelledBox], Meta(max_length=1000)] | None = None
    image_size: tuple[Side, Side] | None = None
    input_hash: Sha256 | None = None
    input_url: Url | None = None
    input_id: Id | None = None
    reviewer: Name | None = None
    note: Note | None = None
    created_at: Time | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.label, self.value, self.boxes)) != 1:
            raise ValueError("an item has exactly one of `label`, `value` and `boxes`")


class ItemAccepted(View, frozen=True, kw_only=True):
    """What became of an item: it is new, it replaces another content, or it was there just like this."""

    id: str
    status: Literal["created", "changed", "unchanged"]


class DatasetItem(View, frozen=True, kw_only=True):
    """An item of a dataset: what is true of an input, and where that is known from."""

    id: str
    split: Split
    label: str | None
    value: float | None
    boxes: list[LabelledBox] | None
    image_size: tuple[int, int] | None
    input_hash: str | None
    input_url: str | None
    input_id: str | None
    has_input: bool
    source: Source
    model_id: str | None
    prediction_id: str | None
    feedback_id: str | None
    reviewer: str | None
    pi: float | None
    note: str | None
    created_at: Time


class NewTrainingJob(Wire, frozen=True, kw_only=True):
    """A training to be done: of what, on which version, from which model."""

    name: Name
    dataset_id: Id
    version_id: Id
    base_model_id: Id | None = None
    id: Id | None = None


class TrainingJob(View, frozen=True, kw_only=True):
    """A training that somebody has asked for."""

    id: str
    name: str
    dataset_id: str
    version_id: str
    base_model_id: str | None
    status: Literal["created"]
    created_by: str
    created_at: Time
