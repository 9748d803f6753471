"""What bytes are is told by the bytes."""

import io

import pytest
from PIL import Image

from seeme.domain.images import media_type

KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "BMP": "image/bmp", "WEBP": "image/webp"}


@pytest.mark.parametrize("format", KINDS)
def test_a_real_image_is_recognised(format):
    """An image that Pillow wrote is recognised from its first 64 bytes."""
    file = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(file, format)
    assert media_type(file.getvalue()[:64]) == KINDS[format]


@pytest.mark.parametrize("brand", [b"avif", b"avis"])
def test_avif_is_recognised_by_its_brand(brand):
    """AVIF is an ISO media file with one of two brands."""
    assert media_type(b"\x00\x00\x00\x20ftyp" + brand + b"\x00" * 20) == "image/avif"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<!doctype html><script>",
        b"\xef\xbb\xbf<svg>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x20ftypmp42",
        b"\x89PNG",
        b" \x89PNG\r\n\x1a\n",
        b"GIF88a",
    ],
)
def test_anything_else_is_no_image(head):
    """Vector images, pages, documents, films and broken heads aren't taken."""
    assert media_type(head) is None
