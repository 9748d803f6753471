"""Which predictions are taken for review, by which rules, and how likely that was: seeded hashes, so it replays.

A rule is (name, condition, rate). A prediction that matches rule r is taken by it when hash01(salt_r, key) < rate_r,
and queued when any rule takes it. Its inclusion probability is pi = 1 - prod(1 - rate_r) over the rules that it matches
(Poisson sampling; Sarndal, Swensson and Wretman 1992, section 3.2).
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from seeme.domain import boxes
from seeme.errors import FieldError
from seeme.records.engine import Condition, DataEngine, DataEnginePatch, Quota, QuotaPatch, SizeRange, Thinning
from seeme.records.predictions import NewPrediction

OF_TASK: dict[str, tuple[Condition, ...]] = {
    "detection": ("no_detections", "high_density", "unusual_size"),
    "classification": ("margin", "new_class"),
    "regression": (),
}
_WHOLE = 2.0**64
SMALL_AREA = 32 * 32
CROWD = 5
OVERLAP = 0.3
BY_FEEDBACK = "negative_feedback"
RANDOM = "random_sample"


class Rule(NamedTuple):
    """One reason to look at a prediction."""

    name: str
    matches: Callable[[NewPrediction], bool]
    rate: float
    salt: bytes


class RuleSet(NamedTuple):
    """The rules that are in force for a model, and the version of its settings that they come from."""

    version: int
    rules: tuple[Rule, ...]


class Sampled(NamedTuple):
    """The rules that a prediction matched and those that took it, in the order of the rules; and pi."""

    matched: tuple[str, ...]
    taken: tuple[str, ...]
    pi: float


def hash01(salt: bytes, key: str) -> float:
    """Return a number in [0, 1) that depends on nothing but a salt (at most 64 bytes) and a key.

    >>> 0 <= hash01(b"salt", "one") < 1 and hash01(b"salt", "one") == hash01(b"salt", "one")
    True
    """
    return _number(salt, key) / _WHOLE


def place(model_id: str, key: str) -> int:
    """Return where in the queue a prediction stands: by a hash that has nothing to do with what took it."""
    return _number(_salt(model_id, "place"), key) >> 1


def chosen_twice(model_id: str, prediction_id: str, share: float) -> bool:
    """Say whether a decided prediction is among the share that a second person reviews."""
    return hash01(_salt(model_id, "second"), prediction_id) < share


def _number(salt: bytes, key: str) -> int:
    """Return 64 bits of a hash."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8, key=salt).digest(), "big")


def _salt(model_id: str, name: str) -> bytes:
    return blake2b(f"{name} {model_id}".encode(), digest_size=16).digest()


def key_of(prediction_id: str, input_hash: str | None) -> str:
    """Return what a prediction is sampled by: its input where that is known, so that duplicates go together."""
    return input_hash or prediction_id


def rates(task: str, engine: DataEngine) -> dict[str, float]:
    """Return the rate of each rule that is on, as it was set."""
    found: dict[str, float] = {}
    if engine.low_confidence.enabled:
        found["low_confidence"] = engine.low_confidence.sample_rate
    if engine.edge_cases.enabled:
        found |= dict.fromkeys(engine.edge_cases.conditions or OF_TASK[task], engine.edge_cases.sample_rate)
    if engine.margin.enabled:
        found["margin"] = engine.margin.sample_rate
    if engine.new_class.enabled:
        found["new_class"] = engine.new_class.sample_rate
    if engine.random_sample.enabled:
        found[RANDOM] = engine.random_sample.rate
    return {name: rate for name, rate in found.items() if rate > 0}


def thinned(rates: Mapping[str, float], thinning: Thinning) -> dict[str, float]:
    """Return rates as they are in force.

    >>> thinned({"margin": 0.5, "random_sample": 0.1}, Thinning(others=0.5))
    {'margin': 0.25, 'random_sample': 0.1}
    """
    return {
        name: rate * (thinning.random_sample if name == RANDOM else thinning.others) for name, rate in rates.items()
    }


def rules_of(model_id: str, task: str, labels: Sequence[str], engine: DataEngine) -> RuleSet | None:
    """Return the rules that a model's settings mean; None when its data engine is off."""
    if not engine.enabled:
        return None
    in_force = thinned(rates(task, engine), engine.thinning)
    return RuleSet(
        engine.version,
        tuple(
            Rule(name, _condition(name, labels, engine), rate, _salt(model_id, name)) for name, rate in in_force.items()
        ),
    )


def decide(rules: Sequence[Rule], prediction: NewPrediction, key: str) -> Sampled:
    """Return which rules a prediction matches, which of them take it, and how likely it was to be taken at all."""
    matched, taken, missed = [], [], 1.0
    for name, matches, rate, salt in rules:
        if matches(prediction):
            matched.append(name)
            missed *= 1.0 - rate
            if rate >= 1.0 or hash01(salt, key) < rate:
                taken.append(name)
    return Sampled(tuple(matched), tuple(taken), 1.0 - missed)


def _always(prediction: NewPrediction) -> bool:
    return True


def _low_confidence(threshold: float) -> Callable[[NewPrediction], bool]:
    def is_low(prediction: NewPrediction) -> bool:
        found = confidence_of(prediction)
        return found is not None and found < threshold

    return is_low


def confidence_of(prediction: NewPrediction) -> float | None:
    """Return how sure a model was: its confidence, else of an image with detections that of its least sure one."""
    if prediction.confidence is not None or not prediction.detections:
        return prediction.confidence
    return min((found.confidence for found in prediction.detections if found.confidence is not None), default=None)


def _condition(name: str, labels: Sequence[str], engine: DataEngine) -> Callable[[NewPrediction], bool]:
    reference = engine.reference
    if name == "low_confidence":
        return _low_confidence(engine.low_confidence.threshold)
    if name == "margin":
        return lambda prediction: _is_close(prediction.scores, engine.margin.threshold)
    if name == "new_class":
        known = frozenset(reference.labels if reference and reference.labels else labels)
        return lambda prediction: bool(known) and prediction.label is not None and prediction.label not in known
    if name == "high_density":
        return _high_density(reference.most_boxes if reference else None)
    if name == "unusual_size":
        return _unusual_size(reference.sizes if reference else {})
    return {"no_detections": _no_detections, RANDOM: _always}[name]


def _is_close(scores: dict[str, float] | None, threshold: float) -> bool:
    if not scores or len(scores) < 2:
        return False
    first, second = sorted(scores.values())[-1:-3:-1]
    return first - second < threshold


def _no_detections(prediction: NewPrediction) -> bool:
    return prediction.detections is not None and not prediction.detections


def _high_density(most: int | None) -> Callable[[NewPrediction], bool]:
    """Return whether there are more boxes than usual, or half of 5 or more have an IoU of 0.3 with another one."""

    def is_dense(prediction: NewPrediction) -> bool:
        found = prediction.detections or ()
        if most is not None and len(found) > most:
            return True
        return len(found) >= CROWD and boxes.mostly_overlapping([one.box for one in found], OVERLAP)

    return is_dense


def _unusual_size(usual: Mapping[str, SizeRange]) -> Callable[[NewPrediction], bool]:
    """Return whether a box is of no usual size for its label.

    Where that isn't known: whether it is smaller than 32 x 32 pixels, or larger than half of the image.
    """
    ranges = {label: (one.low, one.high) for label, one in usual.items()}

    def is_unusual(prediction: NewPrediction) -> bool:
        size = prediction.image_size
        whole = size[0] * size[1] if size else None
        for one in prediction.detections or ():
            area = boxes.area(boxes.clipped(one.box, size))
            if whole is None:
                if area < SMALL_AREA:
                    return True
            elif (known := ranges.get(one.label)) is not None:
                if not known[0] <= area / whole <= known[1]:
                    return True
            elif area < SMALL_AREA or area > whole / 2:
                return True
        return False

    return is_unusual


def merged(engine: DataEngine, patch: DataEnginePatch) -> DataEngine:
    """Return settings with the named parts changed, as the next version; the same ones when nothing changes."""
    changes: dict[str, Any] = {}
    for name in ("enabled", "auto_queue_for_review", "target_dataset_id", "reference"):
        if (value := getattr(patch, name)) is not UNSET:
            changes[name] = value
    for name in (
        "low_confidence",
        "edge_cases",
        "margin",
        "new_class",
        "random_sample",
        "negative_feedback",
        "second_review",
    ):
        named = {
            key: value for key, value in msgspec.structs.asdict(getattr(patch, name)).items() if value is not UNSET
        }
        changes[name] = msgspec.structs.replace(getattr(engine, name), **named)
    if patch.low_confidence_threshold is not UNSET:
        flat = {"enabled": True, "threshold": patch.low_confidence_threshold}
        changes["low_confidence"] = msgspec.structs.replace(changes["low_confidence"], **flat)
    if patch.edge_case_detection is not UNSET:
        changes["edge_cases"] = msgspec.structs.replace(changes["edge_cases"], enabled=patch.edge_case_detection)
    if patch.quota is None:
        changes |= {"quota": None, "thinning": Thinning()}
    elif not isinstance(patch.quota, UnsetType):
        changes["quota"] = msgspec.convert(msgspec.to_builtins(patch.quota), Quota)
    changed = msgspec.structs.replace(engine, **changes)
    return engine if changed == engine else msgspec.structs.replace(changed, version=engine.version + 1)


def contradiction(patch: DataEnginePatch) -> FieldError | None:
    """Return which setting a patch names in two forms, or a quota that is of no or of two kinds."""
    for flat, section, name in (
        ("low_confidence_threshold", "low_confidence", "threshold"),
        ("edge_case_detection", "edge_cases", "enabled"),
    ):
        if getattr(patch, flat) is not UNSET and getattr(getattr(patch, section), name) is not UNSET:
            return FieldError(f"$.data_engine.{flat}", f"is the same setting as {section}.{name}; give one of them")
    if isinstance(patch.quota, QuotaPatch) and (patch.quota.per_day is UNSET) == (patch.quota.per_hour is UNSET):
        return FieldError("$.data_engine.quota", "give one of per_day and per_hour, or null for no quota")
    return None


def misfit(task: str, labels: Sequence[str], engine: DataEngine) -> FieldError | None:
    """Return why settings can't be acted on for a model of a task: a setting that isn't acted on is refused."""
    for condition in engine.edge_cases.conditions:
        if condition not in OF_TASK[task]:
            known = ", ".join(OF_TASK[task]) or "none"
            return FieldError(
                "$.data_engine.edge_cases.conditions", f"{condition} isn't one of a {task} model's: {known}"
            )
    if task == "regression" and (engine.low_confidence.enabled or engine.edge_cases.enabled):
        name = "low_confidence" if engine.low_confidence.enabled else "edge_cases"
        return FieldError(
            f"$.data_engine.{name}", "a regression has no confidence and no edge cases; use random_sample"
        )
    for name in ("margin", "new_class"):
        if task != "classification" and getattr(engine, name).enabled:
            return FieldError(f"$.data_engine.{name}", f"is for classification models, this one is {task}")
    if engine.new_class.enabled and not labels and not (engine.reference and engine.reference.labels):
        return FieldError("$.data_engine.new_class", "needs the model's labels: name them first, as `labels`")
    if engine.enabled and not _has_rule(engine):
        return FieldError(
            "$.data_engine.enabled", "there is no rule: enable one, such as random_sample, or negative_feedback"
        )
    return None


def _has_rule(engine: DataEngine) -> bool:
    sections = ("low_confidence", "edge_cases", "margin", "new_class", "random_sample", "negative_feedback")
    return any(getattr(engine, name).enabled for name in sections)
