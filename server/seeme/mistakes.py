"""msgspec's error messages, in words and with the whole path: what was wrong, where, and what was expected.

msgspec stops at the first mistake. The others are found by taking what was wrong out of the value and trying again.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from seeme.errors import FieldError, Invalid, RequestError, invalid

_WHERE = re.compile(r"^(?P<what>.*?)(?: - at (?P<key>`key` in )?`(?P<path>\$.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(.*)`$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_CHOICE = re.compile(r"^Invalid (?:enum )?value (?P<got>.*)$", re.DOTALL)
_PATTERN = re.compile(r"^Expected `str` matching regex ")
_STEP = re.compile(r'\.([A-Za-z0-9_]+)|\[(\d+|\.\.\.|"(?:[^"\\]|\\.)*")\]')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORDS = (
    ("`datetime` with a timezone component", "an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z"),
    ("`datetime`", "an RFC 3339 time"),
    ("`datetime | null`", "an RFC 3339 time or null"),
)
_FIXED = {
    "Invalid RFC3339 encoded datetime": "must be an RFC 3339 time, such as 2026-01-31T12:00:00Z",
    "Number out of range": "must be a number that a 64-bit float can hold",
}
_KINDS = {
    "float": "a number",
    "int": "an integer",
    "str": "text",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
    "datetime": "an RFC 3339 time",
}

MOST = 10

Schema = dict[str, Any]
Attempt = Callable[[Any], object]
Said: TypeAlias = str | FieldError


class Mistake(NamedTuple):
    """One wrong field: the path, what it must be, and how msgspec said it."""

    path: str
    message: str
    is_key: bool
    original: str
    about: Literal["a value", "a missing field", "an unknown field"] = "a value"

    @classmethod
    def parse(cls, original: str, kind: Any) -> "Mistake":
        """Return what msgspec's message about a value of type `kind` means."""
        match = _WHERE.match(original)
        assert match
        path, what, is_key = match["path"] or "$", match["what"], match["key"] is not None
        if missing := _MISSING.match(what):
            return cls(child(path, missing[1]), "is required", False, original, "a missing field")
        if unknown := _UNKNOWN.match(what):
            return cls(child(path, unknown[1]), "isn't a known field", False, original, "an unknown field")
        return cls(path, _message(what, path, kind), is_key, original)

    @property
    def is_vague(self) -> bool:
        """Whether it says only that some element of a mapping is wrong."""
        return self.is_key or "[...]" in self.path

    def located(self, tree: Any, attempt: Attempt) -> "Mistake":
        """Return the same mistake with the name of the wrong element, found by trying ever fewer of them."""
        path = self.path + "[...]" if self.is_key else self.path
        while "[...]" in path:
            parent, rest = path.split("[...]", 1)
            found = _find(tree, parent, attempt, self.original)
            if found is None:
                break
            path = child(parent, found) + rest
        return self._replace(
            path=path, message=f"a name in this object {self.message}" if self.is_key else self.message
        )


def explained(first: Said, kind: Any, tree: Any, attempt: Attempt, most: int = MOST) -> Invalid:
    """Return the error that names every wrong field of a plain value, `most` at the most.

    Args:
        first: what was said of the value as it came.
        kind: the type that it should have had.
        tree: the value as dicts and lists; parts are taken out of it.
        attempt: what makes the typed value of it, or raises.
    """
    found: dict[str, str] = {}
    taken = _Taken(tree)
    said: Said | None = first
    while said is not None and len(found) < most:
        mistake = _mistake(said, kind, tree, attempt)
        place = mistake.path if mistake.about != "a missing field" else _parent(mistake.path)
        shown = taken.original(place)
        if mistake.about == "a missing field":
            for name in _missing(mistake.path, kind, tree):
                if child(shown, name) not in taken.places:
                    found.setdefault(child(shown, name), mistake.message)
        elif shown in found:
            break
        elif mistake.about == "an unknown field" or not taken.is_below(shown):
            # (Of what has lost a part it can't be said any more whether it is right as a whole.)
            found[shown] = mistake.message
        if not taken.take(place, matters=mistake.about != "an unknown field"):
            break
        said = _said(tree, attempt)
    return _of_all([FieldError(path, message) for path, message in found.items()], len(found) == most)


def _of_all(errors: list[FieldError], is_full: bool) -> Invalid:
    first = invalid(*errors[0])
    if len(errors) == 1:
        return first
    more = len(errors) - 1
    words = f"{'at least ' if is_full else ''}{more} more field{'s are' if more > 1 else ' is'} wrong"
    return Invalid(f"{first.message}; {words}", errors=tuple(errors))


class _Taken:
    """What was taken out of a value, and what the places of the rest were before: elements of lists move up."""

    def __init__(self, tree: Any) -> None:
        self.places: set[str] = set()
        self._tree = tree
        self._gone: dict[str, list[int]] = {}

    def original(self, path: str) -> str:
        """Return the path that something had in the value as it came."""
        result = "$"
        for step in _STEP.finditer(path):
            text = step[0]
            if step[2] and step[2].isdigit():
                index = int(step[2])
                for gone in sorted(self._gone.get(result, ())):
                    index += gone <= index
                text = f"[{index}]"
            result += text
        return result

    def is_below(self, path: str) -> bool:
        """Say whether anything that matters was taken out at or under a path."""
        return any(place == path or place.startswith((path + ".", path + "[")) for place in self.places)

    def take(self, path: str, *, matters: bool) -> bool:
        """Take out what is at a path; say whether something was."""
        steps = list(_STEP.finditer(path))
        if not steps or (node := _at(self._tree, _parent(path))) is None:
            return False
        shown, last = self.original(path), steps[-1]
        index = last[2] is not None and last[2].isdigit()
        try:
            del node[int(last[2]) if index else last[1] or json.loads(last[2])]
        except (LookupError, TypeError, ValueError):
            return False
        if index:
            self._gone.setdefault(_parent(shown), []).append(int(_STEP.findall(shown)[-1][1]))
        if matters:
            self.places.add(shown)
        return True


def _mistake(said: Said, kind: Any, tree: Any, attempt: Attempt) -> Mistake:
    if isinstance(said, FieldError):
        return Mistake(said.path, said.message, False, "")
    mistake = Mistake.parse(said, kind)
    if mistake.is_vague:
        mistake = mistake.located(tree, attempt)
    if _PATTERN.match(said):
        value = _at(tree, mistake.path)
        if isinstance(value, str) and len(value) <= 60 and not mistake.is_key:
            return mistake._replace(message=f"{mistake.message}, got {value!r}")
    return mistake


def _said(tree: Any, attempt: Attempt) -> Said | None:
    """Return what is said of a value now; None when nothing is, or when it can't be tried."""
    try:
        attempt(tree)
    except msgspec.ValidationError as error:
        return str(error)
    except RequestError as error:
        return error.errors[0] if error.errors else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return None


def _parent(path: str) -> str:
    return path[: [step.start() for step in _STEP.finditer(path)][-1]]


def _missing(path: str, kind: Any, tree: Any) -> list[str]:
    """Return all required fields that an object lacks, when one of them is known to be missing."""
    owner = _parent(path)
    (name, _) = _STEP.findall(path)[-1]
    node = _at(tree, owner)
    for schema in _schemas(kind, owner) if isinstance(node, dict) else ():
        if name in schema.get("required", ()) and _is_meant(schema, node):
            return [field for field in schema["required"] if field not in node]
    return [name]


def _is_meant(schema: Schema, node: dict[str, Any]) -> bool:
    """Say whether an object is of this kind, by the field that tells kinds apart, if there is one."""
    for name, inner in schema.get("properties", {}).items():
        allowed = _allowed(inner)
        if len(allowed) == 1 and node.get(name) not in allowed:
            return False
    return True


def child(path: str, name: str) -> str:
    """Return the path of a member: `$.scores.cat`, or `$.scores["a cat"]` where the name needs quotes."""
    short = name if len(name) <= 100 else name[:100] + "..."
    return f"{path}.{short}" if _NAME.match(short) else f"{path}[{json.dumps(short)}]"


def _find(tree: Any, path: str, attempt: Attempt, original: str) -> str | None:
    """Bisect the object at `path` down to the one member that makes the same error; leave the tree as it was."""
    node = _at(tree, path)
    if not isinstance(node, dict):
        return None
    everything = list(node.items())
    suspects = everything
    while len(suspects) > 1:
        half = suspects[: len(suspects) // 2]
        node.clear()
        node.update(half)
        suspects = half if _said(tree, attempt) == original else suspects[len(half) :]
    node.clear()
    node.update(everything)
    return str(suspects[0][0]) if suspects else None


def _at(tree: Any, path: str) -> Any:
    for name, index in _STEP.findall(path):
        try:
            tree = tree[name] if name else tree[json.loads(index)]
        except (LookupError, TypeError, ValueError):
            return None
    return tree


def _message(what: str, path: str, kind: Any) -> str:
    if choice := _CHOICE.match(what):
        return f"must be one of {_choices(kind, path)} (got {choice['got']})"
    if what in _FIXED:
        return _FIXED[what]
    if _PATTERN.match(what):
        return f"must be {_described(kind, path)}"
    for msgspec_says, words in _WORDS:
        if what == f"Expected {msgspec_says}":
            return f"must be {words}"
    if what.startswith("Expected "):
        return re.sub(r"`([a-z |]+)`", lambda match: _in_words(match[1]), "must be " + what.removeprefix("Expected "))
    return what


def _in_words(kinds: str) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | "))


def _choices(kind: Any, path: str) -> str:
    values = [value for schema in _schemas(kind, path) for value in _allowed(schema)]
    return ", ".join(json.dumps(value) for value in dict.fromkeys(values)) or "the documented values"


def _allowed(schema: Schema) -> list[Any]:
    return list(schema.get("enum", ())) or ([schema["const"]] if "const" in schema else [])


def _described(kind: Any, path: str) -> str:
    for schema in _schemas(kind, path):
        if "pattern" in schema and ("title" in schema or "description" in schema):
            return str(schema.get("title") or schema["description"])
        if "pattern" in schema:
            return f"text that matches {schema['pattern']}"
    return "of the documented form"


def _schemas(kind: Any, path: str) -> list[Schema]:
    """Return the JSON Schemas that a type has for the value at `path`."""
    root = _schema(kind)
    found = _open(root, root)
    for name, index in _STEP.findall(path):
        found = [inner for schema in found for inner in _step(root, schema, name, index)]
    return found


@lru_cache(maxsize=100)
def _schema(kind: Any) -> Schema:
    return msgspec.json.schema(kind)


def _step(root: Schema, schema: Schema, name: str, index: str) -> list[Schema]:
    inner = schema.get("properties", {}).get(name) if name else None
    if inner is None and name:
        inner = schema.get("additionalProperties")
    if index.isdigit():
        prefix = schema.get("prefixItems", [])
        inner = prefix[int(index)] if int(index) < len(prefix) else schema.get("items")
    elif index:
        inner = schema.get("additionalProperties")
    return _open(root, inner) if isinstance(inner, dict) else []


def _open(root: Schema, schema: Schema) -> list[Schema]:
    """Follow references and unions down to plain schemas."""
    if "$ref" in schema:
        return _open(root, root["$defs"][schema["$ref"].rpartition("/")[2]])
    return [schema] + [
        inner for part in schema.get("anyOf", []) + schema.get("oneOf", []) for inner in _open(root, part)
    ]


def printable(text: str) -> str:
    """Return a text that can't act on a terminal: what came from a file or a server may stand in it."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
