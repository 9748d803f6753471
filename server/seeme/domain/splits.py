"""Which split an item of a dataset is in: decided by a hash, so that duplicates are never in two of them."""

from collections.abc import Mapping
from hashlib import blake2b

NAMES = ("train", "val", "test")


def split_of(key: str, shares: Mapping[str, float]) -> str:
    """Return the split of what `key` names (an input's hash), given each split's share of 1.

    >>> [split_of(key, {"train": 0.5, "val": 0.25, "test": 0.25}) for key in ("a", "b", "c", "d")]
    ['train', 'val', 'train', 'val']
    >>> split_of("a", {"train": 0.0, "val": 0.0, "test": 1.0})
    'test'
    """
    left = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") / 2**64
    taken = [name for name in NAMES if shares.get(name, 0.0) > 0]
    for name in taken:
        left -= shares[name]
        if left < 0:
            return name
    return taken[-1]  # shares that add up to a little less than 1
