"""A zip as it is written: each entry alone, and at the end the directory, of any number and size of entries.

The standard library's writer keeps every entry in memory until the end. Here an entry is bytes, and its line of the
directory is bytes too, which the caller may keep on disk. Format: PKWARE's APPNOTE 6.3.10, with its 64-bit fields where
they are needed; nothing is packed, as images are packed already.
"""

import struct
from zlib import crc32

_VERSION = 45  # 64-bit fields
_UTF8 = 0x800
_DAY_ONE = 0x21  # 1 January 1980: the same content is the same archive
_LARGE = 0xFFFFFFFF


def entry(name: str, data: bytes) -> bytes:
    """Return what stands in a zip for one file: its head and its bytes (below 4 GiB)."""
    path = name.encode()
    head = struct.pack(
        "<4s5H3I2H", b"PK\3\4", _VERSION, _UTF8, 0, 0, _DAY_ONE, crc32(data), len(data), len(data), len(path), 0
    )
    return head + path + data


def line(name: str, data: bytes, offset: int) -> bytes:
    """Return the directory's line for one file, whose entry begins at an offset."""
    path = name.encode()
    extra = struct.pack("<2HQ", 1, 8, offset) if offset >= _LARGE else b""
    head = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 3 << 8 | _VERSION, _VERSION, _UTF8, 0, 0, _DAY_ONE, crc32(data), len(data), len(data),
        len(path), len(extra), 0, 0, 0, 0o644 << 16, min(offset, _LARGE),
    )  # fmt: skip
    return head + path + extra


def end(count: int, size: int, offset: int) -> bytes:
    """Return the end of a zip whose directory has `count` lines of `size` bytes together and begins at an offset."""
    whole = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, _VERSION, _VERSION, 0, 0, count, count, size, offset)
    place = struct.pack("<4sIQI", b"PK\6\7", 0, offset + size, 1)
    short = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), min(size, _LARGE), min(offset, _LARGE), 0
    )
    return whole + place + short
