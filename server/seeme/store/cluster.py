"""The verbs that several nodes on one database need: agreements, claimed tasks, orphans to join."""

from seeme.records.rows import FeedbackRow, LabelRow
from seeme.store.database import Reader, Transaction
from seeme.store.events import to_row

SECRET = "secret"  # the fingerprint of the secret that subjects are hashed with


async def agree(tx: Transaction, name: str, value: str) -> str:
    """Return the value that all nodes agreed on: this one, if no node was faster."""
    await tx.run("agree", name=name, value=value)
    row = await tx.one("agreed", name=name)
    assert row is not None
    return str(row["value"])


async def claim(tx: Transaction, name: str, now: int, next_at: int) -> bool:
    """Claim a periodic task that is due; say whether this node got it."""
    await tx.run("insert_task", name=name)
    return await tx.one("claim_task", name=name, now=now, next_at=next_at) is not None


async def joinable(reader: Reader, model_id: str, most: int) -> tuple[list[LabelRow], list[FeedbackRow]]:
    """Return orphans whose prediction is there: both came at once, on two nodes that didn't see each other."""
    labels = await reader.all("joinable_labels", model_id=model_id, most=most)
    feedback = await reader.all("joinable_feedback", model_id=model_id, most=most)
    return [to_row(LabelRow, row) for row in labels], [to_row(FeedbackRow, row) for row in feedback]
