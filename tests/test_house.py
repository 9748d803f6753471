"""The house rules, enforced: which floor may import which, what a floor may do, sizes, names and docstrings."""

import ast
import re
import tokenize
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import msgspec
import pytest

from seeme.settings import Settings

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "server" / "seeme"
FLOORS = {
    "records": 0,
    "errors": 0,
    "mistakes": 0,
    "settings": 0,
    "clock": 0,
    "ids": 0,
    "version": 0,
    "assignment": 0,
    "domain": 1,
    "store": 2,
    "service": 3,
    "web": 4,
    "cli": 5,
    "commands": 5,
    "__main__": 5,
}
# Whatever else stands beside the floors is the SDK, so that the narrower rule is the default; '' is `seeme` itself.
SDK_FACE = ""

# What `domain/` may import: nothing here opens a file or a socket, reads a clock or draws at random.
PURE = {
    "__future__", "array", "bisect", "collections", "collections.abc", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "graphlib", "hashlib", "heapq", "hmac", "itertools", "json", "math", "operator", "re",
    "string", "struct", "typing", "unicodedata", "zlib",
    "msgspec", "msgspec.structs", "numpy", "numpy.typing", "scipy.special", "statistics.NormalDist", "cronsim",
    "seeme.records", "seeme.errors", "seeme.clock", "seeme.assignment", "seeme.domain",
}  # fmt: skip
IMPURE_NAMES = {"open", "print", "input", "eval", "exec", "compile", "breakpoint", "__import__"}
IMPURE_ATTRIBUTES = {
    "now",
    "today",
    "utcnow",
    "random",
    "tofile",
    "fromfile",
    "memmap",
    "loadtxt",
    "savetxt",
    "load",
    "save",
}

# Who may know HTTP, drivers and SQL.
HTTP = {"starlette", "uvicorn", "http", "httptools", "jinja2", "urllib", "urllib.request"}
DRIVERS = {"sqlite3", "aiosqlite", "psycopg", "psycopg_pool", "asyncpg"}
SQL = re.compile(
    r"(?is)^\s*(select\s.+\sfrom\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\w+\s+set\s|delete\s+from\s|with\s.+\sselect\s"
    r"|create\s+(table|index)\s|begin\s+immediate|pragma\s)"
)
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc"}
MAX_FILE = 400
MAX_FUNCTION = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _python_files(*folders: str) -> list[Path]:
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in files if not {"node_modules", "__pycache__", ".venv"} & set(path.parts))


def _tree(path: Path) -> ast.Module:
    with tokenize.open(path) as file:
        return ast.parse(file.read(), str(path))


def _module(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module(path): path for path in _python_files("server/seeme")}
SOURCES = _python_files("server", "examples", "tests", ".ci")
TESTS = [path for path in SOURCES if path.is_relative_to(ROOT / "tests")]


def _part(module: str) -> str:
    """Return what decides the floor: `store` for `seeme.store.blobs`, '' for `seeme` itself."""
    return [*module.split("."), ""][1]


def _imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, ast.stmt]]:
    """Yield every imported dotted name, wherever in the file it stands; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                origin = ".".join(package[: len(package) - node.level + 1] + origin.split(".") * bool(origin))
            yield from ((f"{origin}.{alias.name}", node) for alias in node.names)


def _imported_modules(module: str) -> dict[str, ast.stmt]:
    """Return the modules of the package that a module imports, each with a statement that does it."""
    path = MODULES[module]
    found = {}
    for name, node in _imports(_tree(path), module, path.name == "__init__.py"):
        if name.split(".")[0] == "seeme":
            found[name if name in MODULES else name.rpartition(".")[0]] = node
    return found


def _outside(module: str) -> set[str]:
    """Return the dotted names of everything that a module imports."""
    path = MODULES[module]
    return {name for name, _ in _imports(_tree(path), module, path.name == "__init__.py")}


def _is_among(name: str, allowed: set[str]) -> bool:
    """Say whether a dotted name is one of `allowed` or a name in it; `numpy` covers `numpy.x` where x is no module."""
    if name.startswith("seeme."):
        name = ".".join(name.split(".")[:2])
    return name in allowed or name.rpartition(".")[0] in allowed


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _docstring_nodes(tree: ast.AST) -> set[int]:
    """Return the ids of the constants that are docstrings."""
    owners = (node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | Function))
    first = (owner.body[0] for owner in owners if owner.body)
    return {id(node.value) for node in first if isinstance(node, ast.Expr)}


def _at(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module: str) -> None:
    """A module imports its own floor and those below; the SDK (client, transport, ...) itself and floor 0."""
    own = _part(module)
    for imported in _imported_modules(module):
        other = _part(imported)
        if own not in FLOORS:
            assert FLOORS.get(other, 0) == 0, f"{module} (SDK) imports {imported} (floor {FLOORS[other]})"
        elif other not in FLOORS:
            assert other == SDK_FACE or FLOORS[own] == 5, f"{module} (floor {FLOORS[own]}) imports the SDK's {imported}"
        else:
            same = own == other or FLOORS[own] == FLOORS[other] in (0, 5)
            assert same or FLOORS[other] < FLOORS[own], (
                f"{module} (floor {FLOORS[own]}) imports {imported} (floor {FLOORS[other]})"
            )


def test_there_are_no_import_cycles() -> None:
    """The modules can be put in an order in which each imports only earlier ones, imports in functions counted."""
    graph = {module: set(_imported_modules(module)) - {module} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("module", [name for name in MODULES if FLOORS.get(_part(name)) != 5])
def test_no_import_of_ours_hides_in_a_function(module: str) -> None:
    """Below the command line (which starts without the server's packages) our imports stand at the top of the file.

    But for the engine that few have: its driver would be in everybody's memory.
    """
    path = MODULES[module]
    for function in _functions(_tree(path)):
        for name, node in _imports(function, module, path.name == "__init__.py"):
            late = name == "seeme.store.postgres_setup.open_postgres" and module == "seeme.store.engines"
            assert late or name.split(".")[0] != "seeme", f"{_at(path, node)} imports {name} in a function"
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            called = ast.unparse(call.func)
            assert called.split(".")[-1] not in ("__import__", "import_module"), f"{_at(path, call)} calls {called}"


@pytest.mark.parametrize("module", [name for name in MODULES if _part(name) == "domain"])
def test_the_domain_imports_nothing_that_acts(module: str) -> None:
    """Nothing under domain/ can do I/O, read a clock or draw at random."""
    for name in _outside(module):
        assert _is_among(name, PURE), f"{module} imports {name}"
        assert name not in ("seeme.clock.now", "numpy.random"), f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in MODULES if _part(name) == "domain"])
def test_the_domain_calls_nothing_that_acts(module: str) -> None:
    """Nothing under domain/ is async, opens or prints, asks for the time, or uses numpy's random numbers or files."""
    path = MODULES[module]
    for node in ast.walk(_tree(path)):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith), _at(path, node)
        if isinstance(node, ast.Name):
            assert node.id not in IMPURE_NAMES, f"{_at(path, node)} uses {node.id}"
        if isinstance(node, ast.Attribute):
            assert node.attr not in IMPURE_ATTRIBUTES, f"{_at(path, node)} uses .{node.attr}"


@pytest.mark.parametrize("module", [name for name in MODULES if FLOORS.get(_part(name)) in (0, 1, 2, 3)])
def test_only_the_web_floor_knows_http(module: str) -> None:
    """Records, domain, store and service import no web framework, server or HTTP client."""
    known = {name for name in _outside(module) if name.split(".")[0] in HTTP}
    # Parsing an address is no HTTP.
    assert {name for name in known if not name.startswith("urllib.parse")} == set()


@pytest.mark.parametrize("module", [name for name in MODULES if _part(name) != "store"])
def test_only_the_store_knows_sql(module: str) -> None:
    """No module but the store's imports a database driver or holds a statement."""
    path = MODULES[module]
    tree = _tree(path)
    docstrings = _docstring_nodes(tree)
    assert {name for name in _outside(module) if name.split(".")[0] in DRIVERS} == set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            assert not SQL.match(node.value), f"{_at(path, node)} holds SQL: {node.value[:60]!r}"


@pytest.mark.parametrize("module", [name for name in MODULES if FLOORS.get(_part(name)) in (1, 2)])
def test_time_is_an_argument(module: str) -> None:
    """Domain and store are told the time; they never ask for it."""
    assert not {"seeme.clock.now", "time.time", "time.time_ns"} & _outside(module)
    text = ast.unparse(_tree(MODULES[module]))
    assert not re.search(r"\b(clock\.now|time\.time|time\.time_ns|datetime\.now|datetime\.utcnow|date\.today)\(", text)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path: Path) -> None:
    """A file has 400 lines at most, a function 40."""
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_FILE, f"{path.relative_to(ROOT)} has {lines} lines"
    for function in _functions(_tree(path)):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= MAX_FUNCTION, f"{_at(path, function)} {function.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_a_noun_of_the_product(path: Path) -> None:
    """No file or folder is called utils, helpers, common, base or manager."""
    for name in path.relative_to(ROOT).with_suffix("").parts:
        assert name.removeprefix("test_") not in EMPTY_NAMES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_functions_and_tests_say_what_they_are(path: Path) -> None:
    """Every module, public class, public function and test has a docstring."""
    tree = _tree(path)
    assert ast.get_docstring(tree), f"{path.relative_to(ROOT)} has no docstring"
    for owner in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]:
        if isinstance(owner, ast.ClassDef) and owner.name.startswith("_"):
            continue
        for node in owner.body:
            if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{_at(path, node)} {node.name} has no docstring"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_long_test_names_its_time_budget(path: Path) -> None:
    """What is marked `long` is marked with a `timeout` too, in the same place."""
    tree = _tree(path)
    places = [ast.unparse(node.value) for node in tree.body if isinstance(node, ast.Assign)]
    decorated = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | Function))
    places += [" ".join(ast.unparse(decorator) for decorator in node.decorator_list) for node in decorated]
    for place in places:
        assert "pytest.mark.long" not in place or "pytest.mark.timeout(" in place, f"{path.relative_to(ROOT)}: {place}"


def _documented_settings() -> dict[str, str]:
    """Return the rows of the tables of docs/settings.md: variable to default as written."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(SEEME_[A-Z_]+)` \| ([^|]*?) \|", text, re.MULTILINE))


@pytest.mark.parametrize("field", msgspec.structs.fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_documented_with_its_default(field: msgspec.structs.FieldInfo) -> None:
    """docs/settings.md has a row for the setting, and the default in it is the real one."""
    written = _documented_settings().get(f"SEEME_{field.name.upper()}")
    assert written == (f"`{field.default}`" if str(field.default) else "none")


def test_no_documented_setting_is_unknown() -> None:
    """Every SEEME_* row of docs/settings.md is a setting, or one of the client's two."""
    known = {f"SEEME_{field.name.upper()}" for field in msgspec.structs.fields(Settings)}
    assert set(_documented_settings()) == known | {"SEEME_BASE_URL", "SEEME_API_KEY"}
