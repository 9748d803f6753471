"""Models, their versions and settings."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, field

from seeme.records.engine import DataEngine, DataEnginePatch
from seeme.records.types import Id, Label, Name, Task, Time, View, Wire

Labels = Annotated[list[Label], Meta(max_length=1000)]
LogPredictions = Annotated[
    bool, Meta(description="Whether predictions are taken; when off, logging one is refused with 409")
]
LogInputs = Annotated[
    bool, Meta(description="Whether input images are stored; when off, an upload is refused with 409")
]
RetentionDays = Annotated[
    int,
    Meta(
        description="For how many days from receipt a prediction is kept, with its input and true labels; metrics stay"
    ),
]
Days = Annotated[RetentionDays, Meta(ge=1, le=3650)]
LabelsComplete = Annotated[
    bool,
    Meta(
        description="Declares that every prediction gets its true label, sooner or later; only then is `accuracy` "
        "shown, as labels of a part of the predictions say little of the rest"
    ),
]

RequirePredictionToken = Annotated[
    bool,
    Meta(
        description="Whether feedback by publishable keys needs a valid `prediction_token`; without one it is kept in "
        "quarantine"
    ),
]


class Config(View, frozen=True, kw_only=True):
    """What a model logs, and for how long its raw rows are kept (metrics outlive them)."""

    log_predictions: LogPredictions = True
    log_inputs: LogInputs = False
    log_retention_days: RetentionDays = 30
    labels_complete: LabelsComplete = False
    require_prediction_token: RequirePredictionToken = False


class ConfigPatch(Wire, frozen=True, kw_only=True):
    """The named parts change; the others stay."""

    log_predictions: LogPredictions | UnsetType = UNSET
    log_inputs: LogInputs | UnsetType = UNSET
    log_retention_days: Days | UnsetType = UNSET
    labels_complete: LabelsComplete | UnsetType = UNSET
    require_prediction_token: RequirePredictionToken | UnsetType = UNSET


class NewModel(Wire, frozen=True, kw_only=True):
    """A model to watch. `labels` may stay empty: labels are then learnt from the predictions."""

    name: Name
    id: Id | None = None
    task: Task = "classification"
    labels: Labels = field(default_factory=list)
    config: ConfigPatch = ConfigPatch()


class ModelPatch(Wire, frozen=True, kw_only=True):
    """A change of a model; parts not named stay as they are."""

    name: Name | UnsetType = UNSET
    labels: Labels | UnsetType = UNSET
    config: ConfigPatch | UnsetType = UNSET
    data_engine: DataEnginePatch | UnsetType = UNSET
    auto_retrain: dict[str, Any] | UnsetType = UNSET
    privacy: dict[str, Any] | UnsetType = UNSET


class Model(View, frozen=True, kw_only=True):
    """A model."""

    id: str
    name: str
    task: Task
    labels: list[str]
    config: Config
    data_engine: DataEngine
    created_at: Time
    updated_at: Time


class NewVersion(Wire, frozen=True, kw_only=True):
    """A version of a model, named as its makers name it."""

    name: Name
    id: Id | None = None


class Version(View, frozen=True, kw_only=True):
    """A version of a model."""

    id: str
    model_id: str
    name: str
    created_at: Time
