"""The data engine's settings: which predictions a person should look at. Flat and nested forms write one store."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from seeme.records.types import Id, Probability, Time, View, Wire

Condition = Literal["no_detections", "high_density", "unusual_size", "margin", "new_class"]
Rate = Annotated[float, Meta(ge=0, le=1, description="The share of the matching predictions that is taken")]
Share = Annotated[float, Meta(ge=0, le=1, description="The share of decided items that a second person reviews blind")]


class LowConfidence(View, frozen=True, kw_only=True):
    """Predictions whose confidence is below a threshold."""

    enabled: bool = False
    threshold: float = 0.7
    sample_rate: float = 1.0


class EdgeCases(View, frozen=True, kw_only=True):
    """Predictions with something unusual about them; each condition is a rule of its own, all at one rate."""

    enabled: bool = False
    conditions: list[Condition] = field(default_factory=list)
    sample_rate: float = 1.0


class Margin(View, frozen=True, kw_only=True):
    """Predictions whose two best scores are closer than a threshold."""

    enabled: bool = False
    threshold: float = 0.1
    sample_rate: float = 1.0


class NewClass(View, frozen=True, kw_only=True):
    """Predictions of a label that isn't among the model's own."""

    enabled: bool = False
    sample_rate: float = 1.0


class RandomSample(View, frozen=True, kw_only=True):
    """A part of all predictions: without it nothing is known of those that no other rule matches."""

    enabled: bool = False
    rate: float = 0.05


class NegativeFeedback(View, frozen=True, kw_only=True):
    """Predictions that somebody voted down or corrected; they never enter the accuracy by that alone."""

    enabled: bool = True


class SecondReview(View, frozen=True, kw_only=True):
    """A part of what was decided is reviewed by a second person, who doesn't see the first one's decision."""

    share: float = 0.0


class Quota(View, frozen=True, kw_only=True):
    """How many items the rules may queue, on average, in a day or in an hour (UTC)."""

    per_day: int | None = None
    per_hour: int | None = None


class Thinning(View, frozen=True, kw_only=True):
    """The share of their rates that the random sample and all other rules have while a quota asks for it."""

    random_sample: float = 1.0
    others: float = 1.0


class SizeRange(View, frozen=True, kw_only=True):
    """Between which shares of the image's area the boxes of a label are usual; both ends are included."""

    low: float
    high: float
    boxes: int


class Reference(View, frozen=True, kw_only=True):
    """What is usual for a model, by predictions that were logged from `start` to `end`.

    Of detections: `most_boxes`, the 99th percentile of the boxes of an image, and `sizes` by label, such that
    `unusual_share` of these images (about 1 %) have a box outside. Labels of `too_few` boxes, or of none, keep the
    plain rule. Of classifications: the `labels` that came. What couldn't be said is null or empty, and a note says why.
    """

    made_at: Time
    start: Time
    end: Time
    predictions: int
    labels: list[str] | None = None
    most_boxes: int | None = None
    sizes: dict[str, SizeRange] = field(default_factory=dict)
    too_few: dict[str, int] = field(default_factory=dict)
    unusual_share: float | None = None
    notes: list[str] = field(default_factory=list)


class DataEngine(View, frozen=True, kw_only=True):
    """What a model's data engine does; `version` grows by each change and is stored with every prediction it judged.

    Rates are as they were set; while a quota thins them, those in force are rate x `thinning`.
    """

    enabled: bool = False
    auto_queue_for_review: bool = True
    low_confidence: LowConfidence = LowConfidence()
    edge_cases: EdgeCases = field(default_factory=EdgeCases)
    margin: Margin = Margin()
    new_class: NewClass = NewClass()
    random_sample: RandomSample = RandomSample()
    negative_feedback: NegativeFeedback = NegativeFeedback()
    second_review: SecondReview = SecondReview()
    quota: Quota | None = None
    thinning: Thinning = Thinning()
    reference: Reference | None = None
    target_dataset_id: str | None = None
    version: int = 0


class LowConfidencePatch(Wire, frozen=True, kw_only=True):
    """The named parts change."""

    enabled: bool | UnsetType = UNSET
    threshold: Probability | UnsetType = UNSET
    sample_rate: Rate | UnsetType = UNSET


class EdgeCasesPatch(Wire, frozen=True, kw_only=True):
    """The named parts change. Without conditions all that fit the model's task are meant."""

    enabled: bool | UnsetType = UNSET
    conditions: Annotated[list[Condition], Meta(max_length=5)] | UnsetType = UNSET
    sample_rate: Rate | UnsetType = UNSET


class MarginPatch(Wire, frozen=True, kw_only=True):
    """The named parts change."""

    enabled: bool | UnsetType = UNSET
    threshold: Probability | UnsetType = UNSET
    sample_rate: Rate | UnsetType = UNSET


class NewClassPatch(Wire, frozen=True, kw_only=True):
    """The named parts change."""

    enabled: bool | UnsetType = UNSET
    sample_rate: Rate | UnsetType = UNSET


class RandomSamplePatch(Wire, frozen=True, kw_only=True):
    """The named parts change."""

    enabled: bool | UnsetType = UNSET
    rate: Rate | UnsetType = UNSET


class NegativeFeedbackPatch(Wire, frozen=True, kw_only=True):
    """The named parts change."""

    enabled: bool | UnsetType = UNSET


class SecondReviewPatch(Wire, frozen=True, kw_only=True):
    """The named parts change."""

    share: Share | UnsetType = UNSET


Items = Annotated[int, Meta(ge=1, le=1_000_000, description="How many items")]


class QuotaPatch(Wire, frozen=True, kw_only=True):
    """A quota, in place of the one before: items a day or items an hour."""

    per_day: Items | UnsetType = UNSET
    per_hour: Items | UnsetType = UNSET


class DataEnginePatch(Wire, frozen=True, kw_only=True):
    """A change of the data engine, in the flat or the nested form, or both; what isn't named stays as it is."""

    enabled: bool | UnsetType = UNSET
    auto_queue_for_review: bool | UnsetType = UNSET
    low_confidence_threshold: Probability | UnsetType = UNSET
    edge_case_detection: bool | UnsetType = UNSET
    low_confidence: LowConfidencePatch = LowConfidencePatch()
    edge_cases: EdgeCasesPatch = field(default_factory=EdgeCasesPatch)
    margin: MarginPatch = MarginPatch()
    new_class: NewClassPatch = NewClassPatch()
    random_sample: RandomSamplePatch = RandomSamplePatch()
    negative_feedback: NegativeFeedbackPatch = NegativeFeedbackPatch()
    second_review: SecondReviewPatch = SecondReviewPatch()
    quota: QuotaPatch | UnsetType | None = UNSET
    reference: Annotated[None, Meta(description="null drops the reference; making one is a call")] | UnsetType = UNSET
    target_dataset_id: Id | UnsetType | None = UNSET


class RuleSetVersion(View, frozen=True, kw_only=True):
    """The settings that were in force from a time on, with who set them; `quota` is who thins rates for a quota.

    `rates` are those in force by rule: as set, times the thinning.
    """

    version: int
    made_by: str
    created_at: Time
    settings: DataEngine
    rates: dict[str, float] = field(default_factory=dict)


class DryRunRequest(Wire, frozen=True, kw_only=True):
    """Settings to try on the last predictions; what they don't name is as it stands."""

    data_engine: DataEnginePatch
    last: Annotated[int, Meta(ge=1, le=10_000, description="On how many predictions to try them")] = 1000


class DryRunRule(View, frozen=True, kw_only=True):
    """One rule: how many predictions it matches, and how many items a day it would take by itself."""

    rule: str
    rate: float
    matched: int
    items_per_day: float | None


class DryRun(View, frozen=True, kw_only=True):
    """What settings would queue, on average: an item that several rules take is one item.

    Items a day are null where the predictions span less than an hour. With a quota, `thinning` says by how much it
    would thin the rates at this traffic, spread evenly, and `items_per_day_in_quota` what is left; else both are null.
    """

    predictions: int
    taken: float
    days: float | None
    items_per_day: float | None
    thinning: Thinning | None
    items_per_day_in_quota: float | None
    rules: list[DryRunRule]
