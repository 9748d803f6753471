"""Versions of a model compared on the items of a dataset. What isn't known is null, and `reasons` says why."""

from typing import Annotated, Literal

from msgspec import Meta

from seeme.records.datasets import Split
from seeme.records.types import Id, Key, Scalar, Task, View, Wire

Side = Literal["a", "b"]


class CompareRequest(Wire, frozen=True, kw_only=True):
    """What to compare: `version_a` with `version_b`, or 2 to 10 `versions`, on a dataset or a version of one."""

    test_dataset_id: Annotated[
        Id,
        Meta(
            description="A dataset (its latest version, or the working set where there is none), or a dataset version"
        ),
    ]
    version_a: Id | None = None
    version_b: Id | None = None
    versions: Annotated[list[Id], Meta(min_length=2, max_length=10)] | None = None
    dataset_version_id: Annotated[Id, Meta(description="A version of the dataset")] | None = None
    split: Split | None = None
    segment: Annotated[Key, Meta(description="A key of the predictions' attributes to split the result by")] | None = (
        None
    )

    def __post_init__(self) -> None:
        if (self.versions is None) == (self.version_a is None) or (self.version_a is None) != (self.version_b is None):
            raise ValueError("name `version_a` and `version_b`, or `versions`")


class VersionScore(View, frozen=True, kw_only=True):
    """How one version does on the items that are compared; `accuracy` has Wilson's interval, `mae` Student's.

    A detection is right when all boxes of its image are. `f1` is the mean over labels (`macro_f1`) or also weighted by
    how often each is true (`weighted_f1`); of boxes, `precision`, `recall` and `mean_f1` (of images) are at an overlap
    of .5, and `map_50` and `map_50_95` are COCO's mean average precision. `found` counts the dataset's items that this
    version has a prediction for, and `failed` those of them whose prediction is an error. Scores of other tasks
    are null.
    """

    id: str
    name: str
    found: int
    failed: int
    right: int | None = None
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    macro_f1: float | None = None
    weighted_f1: float | None = None
    mae: float | None = None
    mae_low: float | None = None
    mae_high: float | None = None
    rmse: float | None = None
    precision: float | None = None
    recall: float | None = None
    mean_f1: float | None = None
    map_50: float | None = None
    map_50_95: float | None = None
    reasons: dict[str, str]


class MeanChange(View, frozen=True, kw_only=True):
    """A mean of paired differences (b minus a) with Student's interval, and the paired t-test's p-value."""

    delta: float
    low: float | None
    high: float | None
    p_value: float | None
    reasons: dict[str, str]


class McNemar(View, frozen=True, kw_only=True):
    """McNemar's test of two versions; `corrected` is null when no item is right for one version alone."""

    exact_p_value: float
    mid_p_value: float
    corrected_p_value: float | None


class VersionPair(View, frozen=True, kw_only=True):
    """Two versions on the same items. `delta` is b minus a: of accuracy, or of the mean absolute error.

    `low` to `high` is its interval and `p_value` its test: the interval excludes 0 just when p < 1 - level. With more
    than two versions `holm_p_value` is the one to judge by. `f1` is the mean change of images' F1, of detections only.
    """

    version_a: str
    version_b: str
    delta: float | None
    low: float | None
    high: float | None
    p_value: float | None
    holm_p_value: float | None
    both_right: int | None = None
    only_a_right: int | None = None
    only_b_right: int | None = None
    both_wrong: int | None = None
    mcnemar: McNemar | None = None
    rmse_delta: float | None = None
    f1: MeanChange | None = None
    reasons: dict[str, str]


class CochranQ(View, frozen=True, kw_only=True):
    """Cochran's Q: whether any of several versions differs from the others in accuracy."""

    q: float
    degrees_of_freedom: int
    p_value: float


class ClassScores(View, frozen=True, kw_only=True):
    """One version on one label: how often it was said, and how well; null where there is nothing to divide by."""

    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None


class ClassComparison(View, frozen=True, kw_only=True):
    """One label, true `actual` times: each version's scores in the order of the versions, and b minus a of two.

    The interval of the change in recall is Tango's, on the items of this label; it isn't adjusted for how many labels
    are looked at.
    """

    label: str
    actual: int
    versions: list[ClassScores]
    precision_delta: float | None
    recall_delta: float | None
    recall_low: float | None
    recall_high: float | None
    f1_delta: float | None


class ConfusionChange(View, frozen=True, kw_only=True):
    """How often a label was taken for another (or for itself) by two versions, and the difference b minus a."""

    actual: str
    predicted: str
    count_a: int
    count_b: int
    delta: int


class SegmentComparison(View, frozen=True, kw_only=True):
    """The items of one value of the attribute; null is those without it. `scores` are accuracies, or mean errors.

    With two versions there is the change with its interval, which isn't adjusted for how many segments are looked at.
    """

    value: Scalar
    items: int
    scores: list[float]
    delta: float | None
    low: float | None
    high: float | None
    p_value: float | None


class ModelComparison(View, frozen=True, kw_only=True):
    """Versions of a model on the same items of a dataset, each of which has the truth.

    `items` are the dataset's, of the split if one is named. Of these `compared` have a prediction of every version;
    the others are left out: `unmatched` lack one, `failed` have one that is an error, and `repeated` have an input that
    another item has already. Of two versions `version_a`, `version_b`, `delta` and the rest are the first pair's;
    `cochran_q` is of more than two.
    """

    model_id: str
    task: Task
    dataset_id: str
    dataset_version_id: str | None
    split: str | None
    segment: str | None
    level: float
    items: int
    compared: int
    unmatched: int
    failed: int
    repeated: int
    version_a: VersionScore | None
    version_b: VersionScore | None
    delta: float | None
    low: float | None
    high: float | None
    p_value: float | None
    versions: list[VersionScore]
    pairs: list[VersionPair]
    cochran_q: CochranQ | None
    classes: list[ClassComparison]
    confusions: list[ConfusionChange]
    segments: list[SegmentComparison]
    notes: list[str]
    reasons: dict[str, str]


class Answered(View, frozen=True, kw_only=True):
    """What one version said of an item, in the prediction of this id; of a number how far it is from the true one."""

    prediction_id: str
    right: bool | None = None
    label: str | None = None
    confidence: float | None
    objects: int | None = None
    value: float | None = None
    error: float | None = None


class Disagreement(View, frozen=True, kw_only=True):
    """An item with what is true: a label, so many objects or a number; `right` is the version that is, or is nearer."""

    item_id: str
    split: str
    label: str | None
    objects: int | None
    value: float | None
    input_url: str | None
    right: Side
    a: Answered
    b: Answered
