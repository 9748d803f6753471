"""Stubs of the service: each is an address with one behaviour, and keeps nothing."""

from typing import Any, NamedTuple

# What an address does with every request for feedback or context.
BEHAVIOURS = {
    "ok": "stores",
    "slow": "never answers",
    "full": "503 with Retry-After",
    "refused": "403",
    "invalid": "422",
    "away": "cuts the connection",
}
# Of the drawing in pages/shapes.svg: one is right, one has the wrong label, one is off, and one is missing.
SHAPES = [
    {"label": "circle", "confidence": 0.97, "box": [38, 86, 124, 124]},
    {"label": "triangle", "confidence": 0.61, "box": [200, 48, 104, 104]},
    {"label": "triangle", "confidence": 0.88, "box": [318, 140, 84, 92]},
]
MODELS: dict[str, dict[str, object]] = {
    "animals": {"task": "classification", "labels": ["cat", "dog", "fox", "hedgehog", "owl"]},
    "plants": {"task": "classification", "labels": ["fern", "moss"]},
    "prices": {"task": "regression", "labels": []},
    "shapes": {"task": "detection", "labels": ["circle", "square", "triangle"]},
}


class Reply(NamedTuple):
    """What is answered: a status, JSON, and how long to wait before another try."""

    status: int
    body: object
    retry_after: int | None = None


def _problem(status: int, title: str, detail: str, path: str = "") -> Reply:
    errors = [{"path": path, "message": detail}] if path else []
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": errors}
    return Reply(status, body, 600 if status == 503 else None)


FAILURES = {
    "full": _problem(503, "Service Unavailable", "The queue is full; try again later"),
    "refused": _problem(403, "Forbidden", "This key may not send feedback from this page"),
    "invalid": _problem(422, "Unprocessable Content", "$.model_id: there is no such model", "$.model_id"),
}


def _accepted(feedback: dict[str, Any]) -> dict[str, object]:
    return {"id": feedback["id"], "model_id": feedback["model_id"], "status": "created"}


def store(service: str, body: dict[str, Any]) -> Reply:
    """Answer feedback, or a batch of it, as the named service does."""
    if service in FAILURES:
        return FAILURES[service]
    if "items" in body:
        return Reply(207, {"items": [_accepted(feedback) for feedback in body["items"]]})
    return Reply(201, _accepted(body))


def context(service: str, model: str, with_token: bool) -> Reply:
    """Say what a page may know of a model; with a token, of its prediction and the subject's vote too."""
    if service in FAILURES:
        return FAILURES[service]
    if model not in MODELS:
        return _problem(404, "Not Found", f"There is no model {model!r}")
    found = {"model_id": model, **MODELS[model], "prediction": None, "vote": None}
    if with_token:
        shapes = model == "shapes"
        found["prediction"] = {
            "label": None if shapes else "cat",
            "value": None,
            "detections": SHAPES if shapes else None,
            "image_size": [480, 320] if shapes else None,
            "input_url": "/shapes.svg" if shapes else None,
        }
        found["vote"] = {"id": "0190aaaa-0000-7000-8000-000000000001", "rating": 1}
    return Reply(200, found)
