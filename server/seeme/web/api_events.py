"""Predictions, labels and feedback: sending, reading and reviewing them."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from starlette.responses import FileResponse, Response

from seeme.records.feedback import Feedback, NewFeedback
from seeme.records.predictions import NewLabel, NewPrediction, Prediction, StoredInput
from seeme.records.types import Id, Page
from seeme.records.widget import WidgetContext
from seeme.service.outcomes import Outcome
from seeme.service.services import Services
from seeme.web.guard import Caller
from seeme.web.params import FeedbackParams, InModelParams, PredictionParams, TokenHeaders, WidgetParams, given
from seeme.web.signature import Made

# An uploaded image is shown to people who are signed in: it must never act as a page of ours.
UNTRUSTED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, max-age=3600",
}


async def log_predictions(services: Services, caller: Caller, items: Sequence[NewPrediction]) -> list[Outcome]:
    """Log predictions."""
    return await services.ingest.predictions(items, caller.identity)


async def log_labels(services: Services, caller: Caller, items: Sequence[NewLabel]) -> list[Outcome]:
    """Send true labels; those whose prediction isn't known yet wait for it."""
    return await services.ingest.labels(items, caller.identity)


async def log_feedback(services: Services, caller: Caller, items: Sequence[NewFeedback]) -> list[Outcome]:
    """Send feedback; that whose prediction isn't known yet waits for it."""
    return await services.ingest.feedback(items, caller.identity, caller.address)


async def list_predictions(services: Services, query: PredictionParams) -> Page[Prediction]:
    """List predictions."""
    services.models.get(query.model_id)
    return await services.events.list_predictions(query.query())


async def read_prediction(services: Services, caller: Caller, prediction_id: Id, query: InModelParams) -> Prediction:
    """Get a prediction."""
    model_id = await model_of(services, caller, "prediction", prediction_id, query)
    return await services.events.prediction(prediction_id, model_id)


async def upload_input(
    services: Services, caller: Caller, prediction_id: Id, query: InModelParams, chunks: AsyncIterator[bytes]
) -> Made[StoredInput]:
    """Store a prediction's input, recognised by its bytes."""
    model_id = await model_of(services, caller, "prediction", prediction_id, query)
    return Made(*await services.inputs.put(prediction_id, model_id, chunks))


async def read_input(
    services: Services, caller: Caller, prediction_id: Id, query: InModelParams
) -> Annotated[Response, "image/*"]:
    """Send a prediction's input."""
    model_id = await model_of(services, caller, "prediction", prediction_id, query)
    path, media_type = await services.inputs.open(prediction_id, model_id)
    return FileResponse(path, media_type=media_type, headers=UNTRUSTED)


async def list_feedback(services: Services, query: FeedbackParams) -> Page[Feedback]:
    """List feedback."""
    services.models.get(query.model_id)
    return await services.events.list_feedback(query.query())


async def read_feedback(services: Services, caller: Caller, feedback_id: Id, query: InModelParams) -> Feedback:
    """Get feedback."""
    model_id = await model_of(services, caller, "feedback", feedback_id, query)
    return await services.events.feedback(feedback_id, model_id)


async def approve_feedback(services: Services, caller: Caller, feedback_id: Id, query: InModelParams) -> Feedback:
    """Say that feedback is right."""
    model_id = await model_of(services, caller, "feedback", feedback_id, query)
    return await services.review.approve(feedback_id, model_id, caller.identity)


async def reject_feedback(services: Services, caller: Caller, feedback_id: Id, query: InModelParams) -> Feedback:
    """Say that feedback is wrong."""
    model_id = await model_of(services, caller, "feedback", feedback_id, query)
    return await services.review.reject(feedback_id, model_id, caller.identity)


async def release_feedback(services: Services, caller: Caller, feedback_id: Id, query: InModelParams) -> Feedback:
    """Let quarantined feedback count."""
    model_id = await model_of(services, caller, "feedback", feedback_id, query)
    return await services.review.release(feedback_id, model_id, caller.identity)


async def delete_feedback(services: Services, caller: Caller, feedback_id: Id, query: InModelParams) -> None:
    """Delete feedback, and take it out of the sums."""
    model_id = await model_of(services, caller, "feedback", feedback_id, query)
    await services.review.delete(feedback_id, model_id, caller.identity)


async def widget_context(services: Services, query: WidgetParams, headers: TokenHeaders) -> WidgetContext:
    """Say what the widget may know of a model, and with a prediction token of that prediction and the user's vote."""
    token = given(headers.prediction_token)
    return await services.widget.context(query.model_id, given(query.prediction_id), token)


async def model_of(services: Services, caller: Caller, kind: str, id: str, query: InModelParams) -> str | None:
    """Return the named model; for a key of some models find it among those, before anything is done."""
    if not caller.identity.models or isinstance(query.model_id, str):
        return given(query.model_id)  # type: ignore[no-any-return]
    return await services.events.home(kind, id, None, caller.identity.models)
