"""Quarantine: deciding about much of it at once."""

from seeme.records.quarantine import DecidedAll, QuarantineChoice
from seeme.records.types import Id
from seeme.service.services import Services
from seeme.web.guard import Caller


async def release_quarantined(services: Services, caller: Caller, model_id: Id, body: QuarantineChoice) -> DecidedAll:
    """Let quarantined feedback count: some by their ids, or the oldest 1,000 of one cause."""
    return await services.review.release_held(model_id, body, caller.identity)


async def delete_quarantined(services: Services, model_id: Id, body: QuarantineChoice) -> DecidedAll:
    """Delete quarantined feedback for good: some by their ids, or the oldest 1,000 of one cause."""
    return await services.review.delete_held(model_id, body)
