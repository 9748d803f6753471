"""Sizes of images, against Pillow's own files."""

import io

import pytest
from PIL import Image

from seeme.domain.image_sizes import image_size


def image(format, size, **options):
    """Return an image's bytes."""
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (640, 480), (3, 5000)])
@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + bytes(3000)}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}),
    ],
)
def test_the_size_is_read_from_the_head(format, options, size):
    """As Pillow has written it."""
    assert image_size(image(format, size, **options)) == size


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "JPEG", "WEBP"])
def test_what_is_cut_off_has_no_size_and_does_no_harm(format):
    """Any beginning of an image."""
    whole = image(format, (64, 48))
    for end in range(min(len(whole), 700)):
        assert image_size(whole[:end]) in (None, (64, 48))


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8" + b"\xff" * 100, b"\x89PNG\r\n\x1a\n" + bytes(30)])
def test_what_is_no_image_has_no_size(data):
    """Nor has an image of no pixels."""
    assert image_size(data) is None
