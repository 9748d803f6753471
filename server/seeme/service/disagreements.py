"""The items that versions of a model disagree about: one alone is right, or one is much nearer."""

from collections.abc import Iterator, Sequence

from seeme.domain.boxes import matched
from seeme.records.comparing import Answered, Disagreement, Side
from seeme.records.rows import ItemRow
from seeme.store import datasets
from seeme.store.comparing import Said

Match = tuple[ItemRow, list[Said | None]]


def disagreements(task: str, matches: Sequence[Match]) -> list[Disagreement]:
    """Return the items of which just one of two versions is right."""
    found = []
    for row, said in _of_both(matches):
        a, b = (_judged(task, row, one) for one in said)
        if a.right != b.right:
            found.append(_disagreement(row, a, b, "a" if a.right else "b"))
    return found


def farthest(matches: Sequence[Match], most: int, before: Sequence[Disagreement] = ()) -> list[Disagreement]:
    """Return the items, of these and those found before, whose numbers are nearer to the truth in one version by most.

    The first is the one with the largest difference of absolute errors; items of one difference are by id.
    """
    found = [*before]
    for row, said in _of_both(matches):
        a, b = (_measured(row, one) for one in said)
        if a.error != b.error:
            found.append(_disagreement(row, a, b, "a" if (a.error or 0) < (b.error or 0) else "b"))
    return sorted(found, key=lambda one: (-abs((one.a.error or 0) - (one.b.error or 0)), one.item_id))[:most]


def _of_both(matches: Sequence[Match]) -> Iterator[tuple[ItemRow, list[Said]]]:
    for row, said in matches:
        answers = [one for one in said if one is not None and not one.failed]
        if len(answers) == len(said):
            yield row, answers


def _disagreement(row: ItemRow, a: Answered, b: Answered, nearer: Side) -> Disagreement:
    boxes = datasets.boxes_of(row)
    return Disagreement(
        item_id=row.id,
        split=row.split,
        label=row.label,
        objects=None if boxes is None else len(boxes),
        value=row.value,
        input_url=row.input_url,
        right=nearer,
        a=a,
        b=b,
    )


def _measured(row: ItemRow, said: Said) -> Answered:
    error = abs((said.value or 0) - (row.value or 0))
    return Answered(prediction_id=said.id, confidence=said.confidence, value=said.value, error=error)


def _judged(task: str, row: ItemRow, said: Said) -> Answered:
    if task == "classification":
        right, objects = said.label == row.label, None
    else:
        true = [(one.label, one.box) for one in datasets.boxes_of(row) or ()]
        answer = [(one.label, one.box) for one in said.detail.detections or ()]
        right, objects = len(matched(true, answer)) == len(true) == len(answer), len(answer)
    return Answered(prediction_id=said.id, right=right, label=said.label, confidence=said.confidence, objects=objects)
