"""The verbs of quarantine: what is in it, by its cause, which is the first word of the reason."""

from typing import get_args

from seeme.records.feedback import Feedback
from seeme.records.quarantine import Cause
from seeme.store.database import Reader
from seeme.store.reading import PAGE_SIZE, to_feedback

# As in the index: so many letters tell the causes apart.
_CAUSES = {cause[:5]: cause for cause in get_args(Cause)}


async def oldest(reader: Reader, model_id: str, cause: Cause, most: int) -> list[str]:
    """Return the ids of the oldest feedback that is in quarantine for a cause."""
    rows = await reader.all("quarantined_of_cause", model_id=model_id, cause=cause[:5], most=most)
    return [row["id"] for row in rows]


async def shown(reader: Reader, model_id: str, cause: Cause, most: int) -> list[Feedback]:
    """Return the oldest feedback that is in quarantine for a cause, as it goes out."""
    rows, _ = await reader.some("list_quarantined", PAGE_SIZE, model_id=model_id, cause=cause[:5], most=most)
    return [to_feedback(row) for row in rows]


async def counts(reader: Reader, model_id: str) -> dict[Cause, int]:
    """Return how much feedback of a model is in quarantine, by its cause."""
    rows = await reader.all("count_quarantined", model_id=model_id)
    return {_CAUSES[row["cause"]]: row["n"] for row in rows}
