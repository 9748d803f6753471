"""Quarantine on a model's page: what is held back and why, and the forms that release or delete much of it."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from starlette.responses import Response

from seeme.records.feedback import Feedback
from seeme.records.models import Model
from seeme.records.quarantine import QuarantineChoice
from seeme.web.pages_sign_in import read_fields
from seeme.web.pages_view import Visit

_ROWS = 12
_TITLES = {
    "burst": ("Bursts", "More votes on one prediction within an hour than pages may send."),
    "duplicate": ("Duplicates", "The same was said of the prediction within 10 seconds, by nobody known."),
    "token": ("Without a good prediction token", "This model asks for one, and none came that proves anything."),
    "misfit": ("Misfits", "They came before their prediction and don't fit it: they can only be deleted."),
}


class Group(NamedTuple):
    """What is in quarantine for one cause: the oldest rows of so many."""

    cause: str
    title: str
    about: str
    number: int
    items: list[Feedback]


async def held(visit: Visit, model: Model) -> list[Group]:
    """Return what is in quarantine, by its cause."""
    found = await visit.services.review.held(model.id, _ROWS)
    return [Group(cause, *_TITLES[cause], count, items) for cause, count, items in found]


async def release_held(visit: Visit) -> Response:
    """Let the chosen feedback count, or all of one cause."""
    choice = await _choice(visit)
    if choice is None:
        return _back(visit, notice="nothing")
    answer = await visit.services.review.release_held(visit.request.path_params["model_id"], choice, visit.who)
    return _back(visit, notice="released", done=answer.done, left=answer.left)


async def delete_held(visit: Visit) -> Response:
    """Delete the chosen feedback for good, or all of one cause."""
    choice = await _choice(visit)
    if choice is None:
        return _back(visit, notice="nothing")
    answer = await visit.services.review.delete_held(visit.request.path_params["model_id"], choice)
    return _back(visit, notice="deleted", done=answer.done, left=answer.left)


def notice_of(query: Mapping[str, str]) -> str | None:
    """Return what the page says after a form was sent, from its address; only numbers are taken from there."""
    notice, done, left = (query.get(name, "") for name in ("notice", "done", "left"))
    if notice == "nothing":
        return "Nothing was chosen: tick the boxes of what you mean first."
    if notice not in ("released", "deleted") or not (done.isdecimal() and left.isdecimal()):
        return None
    what = "released: it counts now" if notice == "released" else "deleted for good"
    rest = f" {int(left):,} of the same kind {'is' if int(left) == 1 else 'are'} left." if int(left) else ""
    return f"{int(done):,} {what}.{rest}"


async def _choice(visit: Visit) -> QuarantineChoice | None:
    """Return what the form means; None when nothing was chosen."""
    fields = await read_fields(visit.request)
    wanted = {"ids": fields.get("id"), "reason": fields.get("reason", [None])[-1]}
    try:
        return msgspec.convert(wanted, QuarantineChoice)
    except msgspec.ValidationError:
        return None


def _back(visit: Visit, **told: object) -> Response:
    model_id = visit.request.path_params["model_id"]
    return visit.redirect(visit.path("models", model_id, period=visit.query().get("period"), **told) + "#quarantine")
