"""msgspec's error messages, in words and with the whole path: what was wrong, where, and what was expected."""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

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

Schema = dict[str, Any]


class Mistake(NamedTuple):
    """One wrong field: the path, what it must be, and how msgspec said it."""

    path: str
    message: str
    is_key: bool
    original: str

    @classmethod
    def parse(cls, original: str, kind: Any) -> "Mistake":
        """Return what msgspec's message about a value of type `kind` means."""
        match = _WHERE.match(original)
        assert match
        path, what, is_key = match["path"] or "$", match["what"], match["key"] is not None
        if missing := _MISSING.match(what):
            return cls(child(path, missing[1]), "is required", False, original)
        if unknown := _UNKNOWN.match(what):
            return cls(child(path, unknown[1]), "isn't a known field", False, original)
        return cls(path, _message(what, path, kind), is_key, original)

    @property
    def is_vague(self) -> bool:
        """Whether it says only that some element of a mapping is wrong."""
        return self.is_key or "[...]" in self.path

    def located(self, body: bytes, decode: Callable[[bytes], object]) -> "Mistake":
        """Return the same mistake with the name of the wrong element, found by decoding ever fewer of them."""
        tree = json.loads(body, parse_int=_verbatim, parse_float=_verbatim)
        path = self.path + "[...]" if self.is_key else self.path
        while "[...]" in path:
            parent, rest = path.split("[...]", 1)
            found = _find(tree, parent, decode, self.original)
            if found is None:
                break
            path = child(parent, found) + rest
        return self._replace(
            path=path, message=f"a name in this object {self.message}" if self.is_key else self.message
        )


def _verbatim(number: str) -> msgspec.Raw:
    """Keep a number as it was sent: 1e999 must stay 1e999 to be found again."""
    return msgspec.Raw(number.encode())


def child(path: str, name: str) -> str:
    """Return the path of a member: `$.scores.cat`, or `$.scores["a cat"]` where the name needs quotes."""
    short = name if len(name) <= 100 else name[:100] + "..."
    return f"{path}.{short}" if _NAME.match(short) else f"{path}[{json.dumps(short)}]"


def _find(tree: Any, path: str, decode: Callable[[bytes], object], original: str) -> str | None:
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
        suspects = half if _error(tree, decode) == original else suspects[len(half) :]
    node.clear()
    node.update(everything)
    return str(suspects[0][0]) if suspects else None


def _error(tree: Any, decode: Callable[[bytes], object]) -> str | None:
    try:
        decode(msgspec.json.encode(tree))
    except msgspec.ValidationError as error:
        return str(error)
    return None


def _at(tree: Any, path: str) -> Any:
    for name, index in _STEP.findall(path):
        try:
            tree = tree[name] if name else tree[json.loads(index)]
        except (LookupError, TypeError):
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
        if "description" in schema and "pattern" in schema:
            return str(schema["description"])
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
