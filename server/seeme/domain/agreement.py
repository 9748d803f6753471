"""How well two people agree who judged the same items."""

from collections import Counter
from collections.abc import Sequence

from seeme.domain import boxes
from seeme.records.predictions import LabelledBox


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Return Cohen's kappa (Cohen 1960): agreement beyond chance, 1 at best, 0 as by chance; None where chance is sure.

    >>> cohen_kappa([("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15)
    0.4
    """
    n = len(pairs)
    if not n:
        return None
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(first[word] * second[word] for word in first)
    if expected == n * n:
        return None
    observed = sum(one == other for one, other in pairs)
    return (n * observed - expected) / (n * n - expected)


def mean_iou(ones: Sequence[LabelledBox], others: Sequence[LabelledBox]) -> float | None:
    """Return the mean IoU of two people's boxes of one image; a box that only one of them has counts 0.

    None where neither has any.
    """
    most = len(ones) + len(others)
    pairs = boxes.matched([(box.label, box.box) for box in ones], [(box.label, box.box) for box in others])
    alone = most - 2 * len(pairs)
    total = len(pairs) + alone
    return sum(overlap for _, _, overlap in pairs) / total if total else None
