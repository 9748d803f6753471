"""The end of a person's data."""

from seeme.records.keys import Erased, NewErasure
from seeme.service.services import Services


async def erase(services: Services, body: NewErasure) -> Erased:
    """Delete the predictions and the feedback of a person, in all models; doing it again finds nothing left."""
    subject = services.ingest.subject_hash(body.subject)
    assert subject is not None
    return await services.removal.erase(subject)
