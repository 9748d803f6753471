"""Digests of requests, by which a harmless retry is told from another event with the same id."""

from hashlib import blake2b

import msgspec

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def digest(new: msgspec.Struct, key: bytes = b"") -> bytes:
    """Return 128 bits that stand for a request as it was sent, before defaults, whatever the order of its fields.

    What names a person needs a `key` (at most 64 bytes): without one, whoever has the database could guess the name.
    """
    return blake2b(_encoder.encode(new), digest_size=16, key=key).digest()
