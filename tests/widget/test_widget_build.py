"""The build: small, the same everywhere, checked by a compiler, and harmless on a server."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from outside import DIST, ROOT

WIDGET = ROOT / "widget"
NODE = shutil.which("node")
NPM = shutil.which("npm")
needs_node = pytest.mark.skipif(not (NODE and NPM), reason="needs node and npm, which only building the widget takes")


def run(*command: str, cwd: Path = WIDGET) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tools() -> Path:
    """The build tools of the lock file, installed once."""
    folder = WIDGET / "node_modules"
    if not (folder / "esbuild").is_dir():
        run(str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return folder


@needs_node
def test_a_fresh_build_equals_what_is_committed(tools: Path, tmp_path: Path) -> None:
    """Whoever changes a source commits its build; nobody commits another."""
    run(str(NODE), "build.mjs", str(tmp_path))
    fresh = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert {file.name: file.read_bytes() for file in DIST.iterdir()} == fresh


@needs_node
def test_the_sources_agree_with_their_types(tools: Path) -> None:
    """The compiler compares the element with the published types."""
    run(str(NODE), str(tools / "typescript" / "bin" / "tsc"))


@needs_node
@pytest.mark.parametrize("name", ["feedback-widget.js", "feedback-widget.esm.js"])
def test_importing_it_on_a_server_does_not_throw(name: str, tmp_path: Path) -> None:
    """Server-side rendering imports the module where there is no document."""
    (tmp_path / "widget.mjs").write_bytes((DIST / name).read_bytes())
    (tmp_path / "server.mjs").write_text(
        "import * as widget from './widget.mjs'; console.log(typeof widget.SeemeFeedback)"
    )
    expected = "function" if "esm" in name else "undefined"
    assert run(str(NODE), "server.mjs", cwd=tmp_path).strip() == expected


def test_the_lock_file_names_no_registry() -> None:
    """It must be usable behind any mirror, so it holds hashes and no addresses."""
    lock = json.loads((WIDGET / "package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]
    assert all("resolved" not in package and package["integrity"] for package in packages)
    manifest = json.loads((WIDGET / "package.json").read_text())
    assert "dependencies" not in manifest
    assert all(version[0].isdigit() for version in manifest["devDependencies"].values())


def test_the_package_has_all_that_it_names() -> None:
    """Every file that an import of the package resolves to is there."""
    manifest = json.loads((WIDGET / "package.json").read_text())
    named = [manifest["types"], manifest["exports"]["."]["default"], manifest["exports"]["./classic"]]
    assert all((WIDGET / name).stat().st_size > 1000 for name in named)


def test_the_readme_documents_the_whole_interface() -> None:
    """Every attribute, event, part and custom property in the sources is in the README."""
    readme = (WIDGET / "README.md").read_text()
    types = (WIDGET / "src" / "feedback-widget.d.ts").read_text()
    sources = "".join(file.read_text() for file in sorted((WIDGET / "src").rglob("*.*s")))
    events = set(re.findall(r"'(seeme-(?:submit|success|queued|error|change))'", types))
    properties = set(re.findall(r"--seeme-[a-z-]+", sources))
    parts = {part for found in re.findall(r"part: '([a-z ]+)'", sources) for part in found.split()}
    texts = re.search(r"interface Strings \{(.*?)\n\}", types, re.S)
    assert texts
    names = events | properties | parts | set(re.findall(r"^  (\w+):", texts[1], re.M))
    attributes = (WIDGET / "src" / "reflected.js").read_text().split("// A server")[0]
    names |= set(re.findall(r"'([a-z-]+)'", attributes))
    assert len(names) > 40
    assert {name for name in names if f"`{name}`" not in readme} == set()
