"""What becomes of an event: accepted, or the error that its sender gets."""

from typing import Literal

from seeme.errors import Conflict, FieldError, Gone, Invalid, SeeMeError
from seeme.records.feedback import Accepted
from seeme.records.rows import EventRow

Outcome = Accepted | SeeMeError


def accepted(row: EventRow, status: Literal["created", "unchanged", "orphan", "quarantined"]) -> Accepted:
    """Return the answer for an event that is stored."""
    return Accepted(id=row.id, model_id=row.model_id, status=status)


def conflict(row: EventRow) -> Conflict:
    """Return the answer for an id that is taken by other content."""
    return Conflict(f"{row.id} was sent before with other content; give a new event a new id")


def gone(row: EventRow) -> Gone:
    """Return the answer for an id that was deleted."""
    return Gone(f"{row.id} was deleted by retention or erasure and isn't taken again")


def misfit(error: FieldError) -> Invalid:
    """Return the answer for an event that doesn't fit its model."""
    return Invalid(f"{error.message} at {error.path}", errors=(error,))
