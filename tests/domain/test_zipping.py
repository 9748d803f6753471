"""The zip as it is written, read by the standard library, beyond the limits of its first format too."""

import io
import zipfile

from seeme.domain import zipping


def test_what_is_written_is_read():
    """Names of any letters, empty files, bytes as they were."""
    files = {"data.yaml": b"names:\n", "labels/é☃.txt": b"", "images/a.png": bytes(range(256)) * 300}
    body, directory = b"", b""
    for name, data in files.items():
        directory += zipping.line(name, data, len(body))
        body += zipping.entry(name, data)
    whole = body + directory + zipping.end(len(files), len(directory), len(body))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_there_may_be_more_entries_than_fit_in_16_bits():
    """A label for each of 70,000 images."""
    names = [f"labels/{number}.txt" for number in range(70_000)]
    body, lines = io.BytesIO(), []
    for name in names:
        lines.append(zipping.line(name, b"0", body.tell()))
        body.write(zipping.entry(name, b"0"))
    offset, directory = body.tell(), b"".join(lines)
    body.write(directory + zipping.end(len(names), len(directory), offset))
    with zipfile.ZipFile(body) as archive:
        assert archive.namelist() == names
        assert archive.read(names[-1]) == b"0"


def test_an_entry_may_begin_beyond_4_gib(tmp_path):
    """In a file that is nothing but a hole until there."""
    path, offset = tmp_path / "large.zip", 5 * 2**30
    with path.open("wb") as file:
        file.seek(offset)
        file.write(zipping.entry("a.txt", b"far"))
        start = file.tell()
        line = zipping.line("a.txt", b"far", offset)
        file.write(line + zipping.end(1, len(line), start))
    with zipfile.ZipFile(path) as archive:
        assert archive.read("a.txt") == b"far"
