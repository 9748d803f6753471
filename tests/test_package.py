"""What is shipped: the wheel holds every part that the service needs, and the base install is the client alone."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "server" / "seeme"
# What only the server needs: `import seeme` must load none of it, and works where none of it is installed.
SERVER_ONLY = {"numpy", "starlette", "uvicorn", "uvloop", "httptools", "aiosqlite", "sqlite3", "jinja2", "asyncio"}


def _run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return its output; its errors become the test's."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _files(folder: Path, below: str) -> set[str]:
    """Return the names that the files of a folder have in the wheel."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {f"{below}/{path.relative_to(folder).as_posix()}" for path in files}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel and the source archive, built by the real build backend."""
    folder = tmp_path_factory.mktemp("built")
    _run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """Return the wheel."""
    (path,) = built.glob("*.whl")
    return path


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_package_the_widget_and_the_examples(wheel: Path) -> None:
    """Every file of the package, of the widget's build and of the demo's examples is in the wheel."""
    wanted = _files(PACKAGE, "seeme")
    wanted |= _files(ROOT / "widget" / "dist", "seeme/web/static/widget")
    for example in ("digits", "detection", "ab"):
        wanted |= _files(ROOT / "examples" / example, f"seeme/examples/{example}")
    assert wanted - _names(wheel) == set()


@pytest.mark.parametrize(
    "pattern",
    [
        "seeme/store/queries.sql",
        "seeme/store/migrations/0001_*.sql",
        "seeme/web/templates/*.html",
        "seeme/web/static/vendor/uplot/LICENSE",
        "seeme/web/static/widget/*.js",
        "seeme/examples/digits/page.html",
        "seeme/examples/detection/weights.json",
        "seeme/examples/ab/page.html",
        "seeme/py.typed",
        "seeme_feedback-*.dist-info/licenses/LICENSE",
    ],
)
def test_the_wheel_holds_what_is_easily_forgotten(wheel: Path, pattern: str) -> None:
    """Files that aren't Python are where they are looked for."""
    assert [name for name in _names(wheel) if Path(name).match(pattern)]


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    """No tests, caches or data slipped in, and the only top-level name is `seeme`."""
    names = _names(wheel)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"seeme", "seeme_feedback"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name or name.endswith((".pyc", ".db"))]


def test_the_base_install_needs_msgspec_alone(wheel: Path) -> None:
    """What is required without an extra is msgspec; the command `seeme` is there."""
    with zipfile.ZipFile(wheel) as archive:
        (folder,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = HeaderParser().parsestr(archive.read(f"{folder}/METADATA").decode())
        scripts = archive.read(f"{folder}/entry_points.txt").decode()
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert [line.split(">")[0] for line in required] == ["msgspec"]
    assert "seeme = seeme.cli:main" in scripts


def test_the_client_works_where_only_msgspec_is_installed(wheel: Path, tmp_path: Path) -> None:
    """`from seeme import Client` and a client can be made with the wheel and msgspec on the path and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    shutil.copytree(Path(msgspec.__file__).parent, tmp_path / "msgspec")
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    code = f"{path}; from seeme import Client; Client('http://127.0.0.1:1', 'sk_a_b')"
    _run(sys.executable, "-I", "-S", "-c", code, cwd=tmp_path)


def test_the_import_loads_nothing_of_the_server() -> None:
    """`import seeme` loads no numpy, no web framework, no database driver."""
    code = "import sys, seeme; print(*sys.modules)"
    loaded = _run(sys.executable, "-c", code, cwd=ROOT).split()
    assert SERVER_ONLY & {name.split(".")[0] for name in loaded} == set()


def test_the_source_archive_builds_the_same_wheel(built: Path, wheel: Path, tmp_path: Path) -> None:
    """A wheel built from the source archive holds the same files as one built from the checkout."""
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist", cwd=folder)
    (again,) = (tmp_path / "dist").glob("*.whl")
    assert _names(again) == _names(wheel)
