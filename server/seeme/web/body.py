"""Reading a request's body: limits are counted while reading, so that no request costs more memory than it may."""

import re
import zlib
from collections.abc import AsyncIterator, Mapping

from seeme.errors import BadRequest, TooLarge, Unavailable, UnsupportedMedia
from seeme.settings import Settings
from seeme.web.reply import Receive

Headers = Mapping[bytes, bytes]

# Only a batch may be larger than one item, and its only key is `items`: known before the rest is read.
_BATCH = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"items"[ \t\r\n]*:')
_JSON = re.compile(rb'application/json[ \t]*(;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?$', re.IGNORECASE)
_GZIP = 16 + zlib.MAX_WBITS
# What all bodies that are still coming may hold together; the buffers they grow in are up to an eighth larger.
_PARTIAL_BODIES = 16 * 1024 * 1024
_UNPACKER = 48 * 1024


class Disconnected(Exception):
    """The caller went away before the body was complete."""


def is_batch(body: bytes | bytearray) -> bool:
    """Return whether a body is `{"items": [...]}`."""
    return _BATCH.match(body) is not None


class BodyReader:
    """Reads JSON bodies within the node's limits; those that come in parts also share a budget of memory."""

    def __init__(self, settings: Settings) -> None:
        self._max_body = settings.max_body
        self._max_batch = settings.max_batch_body
        self._held = 0

    async def read(self, receive: Receive, headers: Headers, *, batch: bool = False) -> bytes:
        """Return the whole body, at most `max_body` bytes of JSON, or `max_batch_body` of a batch.

        Raises:
            UnsupportedMedia: when it isn't JSON, or packed other than with gzip.
            TooLarge: when it is longer than the limit, packed or unpacked.
            Unavailable: when the unfinished bodies of all callers hold too much memory.
        """
        check_json(headers)
        encoding = headers.get(b"content-encoding")
        limit = self._max_batch if batch else self._max_body
        check_length(headers, limit)
        message = await receive()
        if encoding is None and not message.get("more_body") and message["type"] == "http.request":
            body: bytes = message.get("body", b"")
            if len(body) <= self._max_body:
                return body
        return await self._read_slowly(_chunks(message, receive), _gzip(encoding), limit)

    async def _read_slowly(self, chunks: AsyncIterator[tuple[bytes, bool]], packed: bool, limit: int) -> bytes:
        reserved = 0
        body = bytearray()
        unpacker = zlib.decompressobj(_GZIP) if packed else None
        try:
            async for chunk, more in chunks:
                body += _unpack(unpacker, chunk, limit + 1 - len(body)) if unpacker else chunk
                if len(body) > limit or (len(body) > self._max_body and not is_batch(body[:64])):
                    raise too_large(limit if len(body) > limit else self._max_body)
                if more:
                    reserved = self._reserve(reserved, len(body) + (_UNPACKER if packed else 0))
        finally:
            self._held -= reserved
        if unpacker and not unpacker.eof:
            raise BadRequest("the body ends in the middle of its gzip stream")
        return bytes(body)

    def _reserve(self, before: int, size: int) -> int:
        if self._held - before + size > _PARTIAL_BODIES:
            raise Unavailable("too many unfinished requests at once; try again", retry_after=1)
        self._held += size - before
        return size


def check_json(headers: Headers) -> None:
    """Refuse what doesn't say that it is JSON in UTF-8."""
    media_type = headers.get(b"content-type", b"")
    if media_type != b"application/json" and not _JSON.match(media_type):
        raise UnsupportedMedia("send JSON in UTF-8, with `Content-Type: application/json`")


def check_length(headers: Headers, limit: int) -> None:
    """Refuse a body that says it is too long, before it is read."""
    length = headers.get(b"content-length")
    # Longer than 18 digits is too large whatever it says, and int() of a very long text is slow.
    if length is not None and (len(length) > 18 or int(length) > limit):
        raise too_large(limit)


def too_large(limit: int) -> TooLarge:
    """Return the error for a body above `limit` bytes."""
    return TooLarge(f"the body is larger than {limit:,} bytes")


async def upload_chunks(receive: Receive, headers: Headers, limit: int) -> AsyncIterator[bytes]:
    """Yield the bytes of an upload as they come.

    Raises:
        TooLarge: as soon as they are more than `limit`.
        UnsupportedMedia: when they are packed.
    """
    if b"content-encoding" in headers:
        raise UnsupportedMedia("send an upload as it is, without Content-Encoding")
    check_length(headers, limit)
    size = 0
    async for chunk, _ in _chunks(await receive(), receive):
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        yield chunk


async def _chunks(message: object, receive: Receive) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield the parts of a body, each with whether more follow."""
    while True:
        assert isinstance(message, dict)
        if message["type"] != "http.request":
            raise Disconnected
        more = bool(message.get("more_body"))
        yield message.get("body", b""), more
        if not more:
            return
        message = await receive()


def _gzip(encoding: bytes | None) -> bool:
    if encoding is None or encoding.lower() == b"identity":
        return False
    if encoding.lower() != b"gzip":
        raise UnsupportedMedia("a body may be packed with gzip only")
    return True


def _unpack(unpacker: "zlib._Decompress", chunk: bytes, room: int) -> bytes:
    try:
        # `room` bounds what a bomb can cost; what doesn't fit is refused by the caller, so nothing is left to unpack.
        body = unpacker.decompress(chunk, room)
    except zlib.error:
        raise BadRequest("the body isn't gzip, though its Content-Encoding says so") from None
    if unpacker.unused_data:
        raise BadRequest("something follows the gzip stream in the body")
    return body
