"""What a person decides about one piece of feedback on pages: approve, reject, release, delete."""

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from seeme.records.feedback import FeedbackStatus, FeedbackType, ReviewState
from seeme.service.keys import Identity
from seeme.web.pages_view import Visit

FILTERS = {"feedback_type": FeedbackType, "status": FeedbackStatus, "review": ReviewState}
NOTICES = {
    "approve": "Approved: it is taken as true.",
    "reject": "Rejected: it isn't taken as true.",
    "release": "Released: it counts now.",
    "delete": "Deleted for good.",
}


async def approve_feedback(visit: Visit) -> Response:
    """Take what a user said as true; of a corrected label or value that decides the prediction's review."""
    return await _decided(visit, visit.services.review.approve, "approve")


async def reject_feedback(visit: Visit) -> Response:
    """Say that a user was wrong; what an approval had decided is open again."""
    return await _decided(visit, visit.services.review.reject, "reject")


async def release_feedback(visit: Visit) -> Response:
    """Let quarantined feedback count."""
    return await _decided(visit, visit.services.review.release, "release")


async def delete_feedback(visit: Visit) -> Response:
    """Delete a feedback for good."""
    return await _decided(visit, visit.services.review.delete, "delete")


async def _decided(visit: Visit, decide: Callable[[str, str, Identity], Awaitable[object]], notice: str) -> Response:
    path = visit.request.path_params
    await decide(path["feedback_id"], path["model_id"], visit.who)
    return visit.redirect(_back(visit, notice))


def _back(visit: Visit, notice: str) -> str:
    """Return where the form stood: the page of its prediction, or the list with its filters."""
    model_id, query = visit.request.path_params["model_id"], visit.query()
    if "of" in query:
        return visit.path("models", model_id, "predictions", query["of"], notice=notice) + "#feedback"
    kept = {name: query.get(name) for name in ("period", *FILTERS)}
    return visit.path("models", model_id, **kept, notice=notice) + "#feedback"
