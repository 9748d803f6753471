"""A/B tests: what is compared, on whom, by which metrics, and how far a test has come."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from seeme.records.types import Id, Name, Note, Time, View, Wire

AbMetric = Literal[
    "feedback_score", "feedback_per_unit", "response_rate", "latency", "error_rate", "accuracy", "confidence"
]
AbStatus = Literal["draft", "running", "stopped", "decided"]

ArmName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._~:-]{1,64}$(?!\n)", max_length=64, description="1 to 64 of A-Z a-z 0-9 . _ ~ : -")
]
# The step of the assignment's hash: smaller parts would be empty.
ArmShare = Annotated[float, Meta(ge=0.0001, le=0.9999)]
Coverage = Annotated[float, Meta(ge=0.0001, le=1, description="The part of all units that is in the test")]
TrafficSplit = Annotated[
    float, Meta(ge=0.0001, le=0.9999, description="The second arm's share of the units in the test")
]
Metrics = Annotated[list[AbMetric], Meta(min_length=1, max_length=7)]
DurationDays = Annotated[float, Meta(ge=0.0001, le=3650)]
Alpha = Annotated[float, Meta(ge=0.0001, le=0.5)]
Bound = Annotated[float, Meta(ge=0, le=100)]
Seed = Annotated[str, Meta(min_length=1, max_length=128)]


class NewGuardrails(Wire, frozen=True, kw_only=True):
    """By how much a challenger may be worse before a stop is suggested; null is without bound, latency is relative."""

    error_rate: Bound | None = 0.01
    latency: Bound | None = 0.1
    feedback_score: Bound | None = None
    feedback_per_unit: Bound | None = None
    accuracy: Bound | None = None


class NewArm(Wire, frozen=True, kw_only=True):
    """An arm: a model, or one version of it. Unnamed arms are called A, B, C ...; without shares all are equal."""

    model_id: Id
    version_id: Id | None = None
    name: ArmName | None = None
    share: ArmShare | None = None


class NewAbConfig(Wire, frozen=True, kw_only=True):
    """How a test runs. `seed` is that of the assignment's hash: the test's id, if none is given."""

    traffic_split: TrafficSplit | None = None
    coverage: Coverage = 1.0
    metrics: Metrics = field(default_factory=lambda: ["feedback_score"])
    duration_days: DurationDays | None = None
    alpha: Alpha = 0.05
    guardrails: NewGuardrails = NewGuardrails()
    seed: Seed | None = None


class NewAbTest(Wire, frozen=True, kw_only=True):
    """A test of two models (`model_a_id` now, `model_b_id` the challenger), or of two or more `arms`."""

    name: Name
    id: Id | None = None
    model_a_id: Id | None = None
    model_b_id: Id | None = None
    arms: Annotated[list[NewArm], Meta(min_length=2, max_length=10)] | None = None
    config: NewAbConfig = NewAbConfig()
    start: bool = True

    def __post_init__(self) -> None:
        pair = self.model_a_id is not None and self.model_b_id is not None
        either = self.model_a_id is not None or self.model_b_id is not None
        if (self.arms is None) != pair or (either and not pair):
            raise ValueError("a test has either `model_a_id` and `model_b_id`, or `arms`")


class AbConfigPatch(Wire, frozen=True, kw_only=True):
    """The named parts change; of a test that runs only `coverage`, and only upwards."""

    traffic_split: TrafficSplit | UnsetType = UNSET
    coverage: Coverage | UnsetType = UNSET
    metrics: Metrics | UnsetType = UNSET
    duration_days: DurationDays | UnsetType | None = UNSET
    alpha: Alpha | UnsetType = UNSET
    guardrails: NewGuardrails | UnsetType = UNSET
    seed: Seed | UnsetType = UNSET


class AbTestPatch(Wire, frozen=True, kw_only=True):
    """A change of a test; parts not named stay as they are."""

    name: Name | UnsetType = UNSET
    config: AbConfigPatch | UnsetType = UNSET


class Decision(Wire, frozen=True, kw_only=True):
    """Which arm is taken, by its name."""

    arm: ArmName
    note: Note | None = None


class Arm(View, frozen=True, kw_only=True):
    """An arm of a test, and its share of the units in it."""

    name: str
    model_id: str
    version_id: str | None
    share: float


class Guardrails(View, frozen=True, kw_only=True):
    """By how much a challenger may be worse before a stop is suggested; null is without bound, latency is relative."""

    error_rate: float | None
    latency: float | None
    feedback_score: float | None
    feedback_per_unit: float | None
    accuracy: float | None


class AbConfig(View, frozen=True, kw_only=True):
    """How a test runs. `traffic_split` is null with more than two arms; a running test's coverage may have grown."""

    traffic_split: float | None
    coverage: float
    former_coverages: tuple[float, ...] = ()
    metrics: list[AbMetric]
    duration_days: float | None
    alpha: float
    guardrails: Guardrails
    seed: str


class AbTest(View, frozen=True, kw_only=True):
    """A test. The first arm is what the others are compared with. At `ends_at` it ends, `stopped_by` nobody (null)."""

    id: str
    name: str
    status: AbStatus
    arms: list[Arm]
    config: AbConfig
    created_by: str
    created_at: Time
    started_at: Time | None = None
    started_by: str | None = None
    ends_at: Time | None = None
    stopped_at: Time | None = None
    stopped_by: str | None = None
    decided_at: Time | None = None
    decided_by: str | None = None
    chosen_arm: str | None = None
    note: str | None = None


class Assignment(View, frozen=True, kw_only=True):
    """The arm of a unit: null where the coverage leaves the unit out, while the test doesn't run, and without a unit.

    The rest is what it follows from: with it, other units' arms can be computed for a while without asking again.
    """

    ab_test_id: str
    arm: Arm | None
    status: AbStatus
    seed: str
    coverage: float
    arms: list[Arm]
    ends_at: Time | None
