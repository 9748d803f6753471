"""What the documents promise is true: their code runs, their commands exist, all routes are in them, links lead on."""

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from live import Live

from seeme import Client
from seeme.cli import _parser
from seeme.web.openapi import document

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ALL = [*DOCUMENTS, *sorted(ROOT.glob("examples/*/README.md")), ROOT / "widget" / "README.md", ROOT / "CHANGELOG.md"]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


class Block(NamedTuple):
    """One code block of a document."""

    path: Path
    line: int
    language: str
    text: str


def _blocks(path: Path, language: str) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if found[1] == language:
            yield Block(path, text[: found.start(2)].count("\n"), found[1], found[2])


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if any(_blocks(path, "python"))], ids=lambda path: _name(path)
)
def test_every_python_block_runs(path: Path, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a document, one after the other, as a reader would type them, against a fresh service."""
    monkeypatch.setenv("SEEME_BASE_URL", live.url)
    monkeypatch.setenv("SEEME_API_KEY", live.admin_key)
    names: dict[str, Any] = {"__name__": "__main__"}
    with ExitStack() as clients:
        for block in _blocks(path, "python"):
            # What a reader has to fill in: the address of the service, and a key.
            text = block.text.replace("http://127.0.0.1:8765", live.url).replace('"sk_..."', repr(live.admin_key))
            exec(compile("\n" * block.line + text, str(path), "exec"), names)
            for client in names.values():
                if isinstance(client, Client):
                    clients.callback(client.close)


def _commands(block: Block) -> Iterator[list[str]]:
    """Yield the arguments of each `seeme ...` in a shell block, whatever stands before it."""
    text = re.sub(r"\$\([^)]*\)", "substituted", block.text.replace("\\\n", " "))
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        while words and ("=" in words[0] or words[0] == "sudo"):
            del words[0]
        if words and Path(words[0]).name == "seeme":
            yield words[1 : words.index("|")] if "|" in words else words[1:]


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_every_command_is_one(path: Path) -> None:
    """Each `seeme ...` in a shell block is understood by the command line, with all its options."""
    for block in _blocks(path, "sh"):
        for arguments in _commands(block):
            try:
                _parser().parse_args(arguments)
            except SystemExit:
                pytest.fail(f"{_name(path)}, line {block.line}: seeme {shlex.join(arguments)}")


def test_the_commands_are_found_at_all() -> None:
    """The search above isn't looking past them."""
    found = [arguments[0] for path in ALL for block in _blocks(path, "sh") for arguments in _commands(block)]
    assert {"serve", "demo", "backup"} <= set(found)


@pytest.mark.parametrize(
    "route", [f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods]
)
def test_every_route_is_in_the_reference(route: str) -> None:
    """docs/api.md has a row for each operation of the OpenAPI document."""
    assert f"| `{route}` |" in API


def test_the_reference_names_no_route_that_is_none() -> None:
    """Its table has as many rows as there are operations."""
    rows = re.findall(r"^\| `(?:GET|POST|PUT|PATCH|DELETE) [^`]+` \|", API, re.MULTILINE)
    assert len(rows) == sum(len(methods) for methods in document()["paths"].values())


def _anchors(path: Path) -> set[str]:
    """Return the anchors that a forge gives the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_links_lead_somewhere(path: Path) -> None:
    """Each link to another file of the repository finds it, and the heading in it."""
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{_name(path)} links to {link}"
        assert not anchor or anchor in _anchors(target), f"{_name(path)} links to {link}"
