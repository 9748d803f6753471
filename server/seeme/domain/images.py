"""Which raster image bytes are, told by the bytes and never by what the sender says."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)


def media_type(head: bytes) -> str | None:
    """Return the media type of an image from its first bytes; None for anything that isn't a raster image we know.

    >>> media_type(b"GIF89a..."), media_type(b"<svg onload=...")
    ('image/gif', None)
    """
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return "image/avif"
    return None
