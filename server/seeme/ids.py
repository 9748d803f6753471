"""Ids and secrets: UUID version 7 (RFC 9562) for events, short random ones for what people type."""

import os
import secrets

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def uuid7(at: int) -> str:
    """Return a UUIDv7 for the time `at` (microseconds UTC): sortable by time, 74 random bits."""
    value = (at // 1000 & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def short_id(prefix: str) -> str:
    """Return an id such as `m_7fk2m9c4qhtx`: 12 letters without look-alikes, 59 random bits."""
    return prefix + "_" + "".join(secrets.choice(_ALPHABET) for _ in range(12))


def secret() -> str:
    """Return 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)
