"""The API reference: the OpenAPI document as a page to read."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from starlette.responses import Response

from seeme.web.openapi import document
from seeme.web.pages_view import Visit

_WORDS = re.compile(r"[\w']+")
_METHODS = ("get", "post", "put", "patch", "delete")
Schema = Mapping[str, Any]


class Word(NamedTuple):
    """A piece of a type's notation; `ref` names the schema it links to."""

    text: str
    ref: str | None = None


class Field(NamedTuple):
    """One line of a table: a parameter, or a property of a schema."""

    name: str
    place: str
    required: bool
    type: list[Word]
    note: str


class Answer(NamedTuple):
    """One response of an operation."""

    status: str
    note: str
    type: list[Word]


class Operation(NamedTuple):
    """One method of one route."""

    anchor: str
    method: str
    path: str
    title: str
    text: str
    scope: str
    parameters: list[Field]
    body: list[Word]
    answers: list[Answer]
    problems: list[Answer]


class Shape(NamedTuple):
    """One named schema."""

    name: str
    text: str
    type: list[Word]
    fields: list[Field]


class Reference(NamedTuple):
    """The whole document, ready for the template."""

    title: str
    text: str
    groups: dict[str, list[Operation]]
    group_notes: dict[str, str]
    shapes: list[Shape]


async def docs(visit: Visit) -> Response:
    """Show the API reference to anybody."""
    return visit.render("docs.html", reference=_reference(), service=visit.public_url())


@lru_cache(maxsize=1)
def _reference() -> Reference:
    return read(document())


def read(openapi: Mapping[str, Any]) -> Reference:
    """Return an OpenAPI 3.1 document as what the page shows."""
    responses = openapi.get("components", {}).get("responses", {})
    groups: dict[str, list[Operation]] = {tag["name"]: [] for tag in openapi.get("tags", [])}
    for path, item in openapi.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append(_operation(method, path, item[method], item, responses))
    schemas = openapi.get("components", {}).get("schemas", {})
    return Reference(
        title=openapi["info"]["title"],
        text=openapi["info"].get("description", ""),
        groups={tag: operations for tag, operations in groups.items() if operations},
        group_notes={tag["name"]: tag.get("description", "") for tag in openapi.get("tags", [])},
        shapes=[_shape(name, schemas[name]) for name in sorted(schemas)],
    )


def _said_once(title: str, text: str) -> tuple[str, str]:
    """Return an operation's summary and description, of two that say the same the one that says more."""
    short, long = _WORDS.findall(title.lower()), _WORDS.findall(text.lower())
    if set(long) <= set(short):
        return title, ""
    return (text.rstrip("."), "") if long[: len(short)] == short else (title, text)


def _operation(method: str, path: str, operation: Schema, item: Schema, named: Schema) -> Operation:
    parameters = [_parameter(one) for one in [*item.get("parameters", []), *operation.get("parameters", [])]]
    answers = []
    for status, answer in operation.get("responses", {}).items():
        whole = named.get(_name(answer), {}) if "$ref" in answer else answer
        answers.append(Answer(status, whole.get("description", ""), _content(whole)))
    title, text = _said_once(operation.get("summary", ""), operation.get("description", ""))
    return Operation(
        anchor=operation.get("operationId") or f"{method}-{path.strip('/').replace('/', '-')}",
        method=method.upper(),
        path=path,
        title=title,
        text=text,
        scope=_scope(operation),
        parameters=parameters,
        body=_content(operation.get("requestBody", {})),
        answers=[answer for answer in answers if answer.status < "4"],
        problems=[answer for answer in answers if answer.status >= "4"],
    )


def _scope(operation: Schema) -> str:
    if "x-scope" in operation:
        return str(operation["x-scope"] or "")
    names = [name for entry in operation.get("security", []) for scopes in entry.values() for name in scopes]
    return ", ".join(dict.fromkeys(names))


def _parameter(parameter: Schema) -> Field:
    if "$ref" in parameter:
        return Field(_name(parameter), "", False, [], "")
    schema = parameter.get("schema", {})
    required = bool(parameter.get("required"))
    described = {"description": parameter["description"]} if "description" in parameter else {}
    note = notes({**schema, **described})
    return Field(parameter["name"], parameter["in"], required, type_of(schema), note)


def _content(part: Schema) -> list[Word]:
    if "$ref" in part:
        return [Word(_name(part), None)]
    words: list[Word] = []
    for media_type, body in part.get("content", {}).items():
        if words:
            words.append(Word(" or "))
        words += type_of(body.get("schema", {}))
        if media_type != "application/json":
            words.append(Word(f" as {media_type}"))
    return words


def _shape(name: str, schema: Schema) -> Shape:
    required = schema.get("required", [])
    fields = [
        Field(key, "", key in required, type_of(value), notes(value))
        for key, value in schema.get("properties", {}).items()
    ]
    return Shape(name, schema.get("description", ""), [] if fields else type_of(schema), fields)


_FORMATS = {"date-time": "time", "date": "date", "binary": "bytes"}


def type_of(schema: Schema) -> list[Word]:
    """Return the notation of a schema's type, with links to the schemas it names."""
    if "$ref" in schema:
        return [Word(_name(schema), _name(schema))]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return list(_joined([type_of(part) for part in schema[union]], " | " if union != "allOf" else " & "))
    if "enum" in schema:
        return [Word(" | ".join(_literal(value) for value in schema["enum"]))]
    if "const" in schema:
        return [Word(_literal(schema["const"]))]
    kind = schema.get("type", "any")
    if kind == "array":
        return _array(schema)
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return [Word("map of "), *type_of(schema["additionalProperties"])]
    if kind == "object" and schema.get("properties"):
        parts = [[Word(f"{name}: "), *type_of(part)] for name, part in schema["properties"].items()]
        return [Word("{"), *_joined(parts, ", "), Word("}")]
    if isinstance(kind, list):
        return [Word(" | ".join(kind))]
    return [Word(_FORMATS.get(schema.get("format", ""), str(kind)))]


def _array(schema: Schema) -> list[Word]:
    if schema.get("prefixItems"):
        return [Word("["), *_joined([type_of(part) for part in schema["prefixItems"]], ", "), Word("]")]
    return [Word("list of "), *type_of(schema.get("items") or {})]


def _joined(parts: list[list[Word]], between: str) -> Iterator[Word]:
    for index, part in enumerate(parts):
        if index:
            yield Word(between)
        yield from part


def _literal(value: object) -> str:
    return "null" if value is None else f'"{value}"' if isinstance(value, str) else str(value)


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rsplit("/", 1)[-1]


_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "above {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} entries",
}


def notes(schema: Schema) -> str:
    """Return a schema's description, limits and default as one line."""
    parts = [schema["description"]] if schema.get("description") else []
    branches = [schema, *(part for part in schema.get("anyOf", []) if part.get("type") != "null")]
    for branch in branches:
        parts += [branch["description"]] if branch is not schema and branch.get("description") else []
        parts += [text.format(branch[name]) for name, text in _LIMITS.items() if name in branch]
    if schema.get("default") is not None:
        parts.append(f"default {_literal(schema['default'])}")
    return "; ".join(dict.fromkeys(parts))
