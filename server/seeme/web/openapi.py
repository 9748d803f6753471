"""The description of the API (OpenAPI 3.1), made from the route table and the types of its handlers."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

import msgspec

from seeme.records.datasets import ItemAccepted
from seeme.records.feedback import Accepted
from seeme.version import __version__
from seeme.web.api import ROUTES
from seeme.web.endpoint import Route
from seeme.web.events import Refused
from seeme.web.params import ExportParams, InModelParams
from seeme.web.problems import Problem
from seeme.web.signature import Signature, read_signature

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
_PROBLEMS = {
    400: "The request can't be understood: malformed JSON, gzip or query",
    401: "No valid API key",
    403: "The key may not do this: its scope, models or origins don't include it",
    404: "There is no such thing",
    409: "The id is taken by other content, several models have it, or the state doesn't allow it",
    410: "It was deleted by retention or erasure",
    413: "The body is larger than allowed",
    415: "The content type isn't taken here",
    422: "A field is wrong; `errors` names each with its path",
    429: "Too many requests; Retry-After says when to try again",
    500: "The service failed; its log has the details",
    503: "The service can't take it now; Retry-After says when to try again",
    507: "The disk is full; reading goes on",
}
_ABOUT = (
    "Collects predictions of machine-learning models and what people say of them. "
    "Nothing answered with 2xx is ever lost; a retry with the same id is harmless."
)


@lru_cache(maxsize=1)
def document() -> Schema:
    """Return the OpenAPI document."""
    operations = [(route, read_signature(route.handler)) for route in ROUTES]
    types = list(_types(operations))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    shapes = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, Schema] = {}
    for route, signature in operations:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, signature, shapes)
    described = {
        "openapi": "3.1.0",
        "info": {"title": "SeeMe feedback", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {f"Problem{status}": _problem(status, shapes) for status in _PROBLEMS},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key: pk_... or sk_..."},
                "session": {"type": "apiKey", "in": "cookie", "name": "seeme_session"},
            },
        },
    }
    # Once through JSON: defaults that are tuples here become the arrays that they are there.
    return cast(Schema, msgspec.json.decode(msgspec.json.encode(described)))


def _types(operations: list[tuple[Route, Signature]]) -> Iterator[Any]:
    """Yield every type that needs a schema."""
    yield from (Problem, Accepted, ItemAccepted, Refused)
    for _, signature in operations:
        yield from (kind for _, kind in signature.path)
        for kind in (signature.body, signature.item, signature.entry):
            if kind is not None:
                yield kind
        if _has_json(signature) and signature.item is None and signature.entry is None:
            yield signature.returns


def _operation(route: Route, signature: Signature, shapes: dict[str, Schema]) -> Schema:
    noun = route.path.split("/")[2] if route.path.startswith("/v1/") else "service"
    operation: Schema = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "description": (route.handler.__doc__ or "").strip(),
        "tags": [noun],
    }
    parameters = [
        *_path_parameters(signature, shapes),
        *_parameters("query", signature.query),
        *_parameters("header", signature.headers),
    ]
    if parameters:
        operation["parameters"] = parameters
    if body := _body(signature, shapes):
        operation["requestBody"] = {"required": True, "content": body}
    operation["responses"] = _answers(signature, shapes) | _problems(route, signature)
    operation["security"] = _security(route)
    return operation


def _path_parameters(signature: Signature, shapes: dict[str, Schema]) -> Iterator[Schema]:
    for name, kind in signature.path:
        yield {"name": name, "in": "path", "required": True, "schema": shapes[repr(kind)]}


def _parameters(place: str, record: Any) -> Iterator[Schema]:
    if record is None:
        return
    struct = msgspec.json.schema_components([record])[1][record.__name__]
    for name, schema in struct["properties"].items():
        parameter = {"name": name, "in": place, "required": name in struct.get("required", ()), "schema": schema}
        if "description" in schema:
            parameter["description"] = schema["description"]
        yield parameter


def _body(signature: Signature, shapes: dict[str, Schema]) -> Schema | None:
    if signature.is_upload:
        return {"image/*": {}, "application/octet-stream": {}}
    if signature.body is not None:
        return {"application/json": {"schema": shapes[repr(signature.body)]}}
    if signature.item is not None:
        one = shapes[repr(signature.item)]
        return {"application/json": {"schema": {"oneOf": [one, _batch(one)]}}}
    if signature.entry is not None:
        return {"application/json": {"schema": _batch(shapes[repr(signature.entry)])}}
    return None


def _batch(one: Schema) -> Schema:
    return {
        "type": "object",
        "description": "Several at once; each is looked at alone",
        "properties": {"items": {"type": "array", "items": one, "minItems": 1, "maxItems": 1000}},
        "required": ["items"],
        "additionalProperties": False,
    }


def _results(shapes: dict[str, Schema], accepted: type) -> Schema:
    result = {"anyOf": [shapes[repr(accepted)], shapes[repr(Refused)]]}
    return {
        "type": "object",
        "properties": {"items": {"type": "array", "items": result, "minItems": 1, "maxItems": 1000}},
        "required": ["items"],
    }


def _has_json(signature: Signature) -> bool:
    return signature.returns is not None and signature.media_type == "application/json"


def _answers(signature: Signature, shapes: dict[str, Schema]) -> Schema:
    if signature.item is not None:
        accepted = _json(shapes[repr(Accepted)])
        return {
            "201": {"description": "It is new, and on disk", "content": accepted},
            "200": {"description": "It was sent before with the same content; nothing changed", "content": accepted},
            "202": {"description": "It is on disk, and waits for its prediction", "content": accepted},
            "207": {"description": "One result per item, in order", "content": _json(_results(shapes, Accepted))},
        }
    if signature.entry is not None:
        results = _json(_results(shapes, ItemAccepted))
        return {"207": {"description": "One result per item, in order", "content": results}}
    if signature.returns is None:
        return {"204": {"description": "Done"}}
    if not _has_json(signature):
        kinds: Schema = {kind: {} for kind in signature.media_type.split(", ")}
        return {"200": {"description": "The content", "content": kinds}}
    content = _json(shapes[repr(signature.returns)])
    answers = {"200": {"description": "The answer", "content": content}}
    if signature.makes:
        answers["201"] = {"description": "It was made", "content": content}
        answers["200"] = {"description": "It was there already, just like this", "content": content}
    return answers


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _problems(route: Route, signature: Signature) -> Schema:
    statuses = {400, 422, 500, 503}
    if route.scope is not None:
        statuses |= {401, 403, 429}
    if signature.path or signature.query is not None:
        statuses.add(404)
    if any(part is not None for part in (signature.body, signature.item, signature.entry)) or signature.is_upload:
        statuses |= {404, 413, 415}
    if route.method != "GET":
        statuses |= {409, 410, 507}
    if signature.query in (InModelParams, ExportParams):
        statuses.add(409)  # several models have the id; the format isn't for the dataset's task
    return {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(statuses)}


def _problem(status: int, shapes: dict[str, Schema]) -> Schema:
    answer: Schema = {
        "description": _PROBLEMS[status],
        "content": {"application/problem+json": {"schema": shapes[repr(Problem)]}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    return answer


def _security(route: Route) -> list[Schema]:
    if route.scope is None:
        return []
    return [{"key": [route.scope]}, {"session": [route.scope]}]
