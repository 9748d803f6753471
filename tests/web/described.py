"""The API's description as Schemathesis can use it, with examples of what is there."""

import json
from typing import Any

import msgspec
from seeds import FEEDBACK, LABELS, PREDICTIONS

from seeme.web import openapi

_REF = "#/components/schemas/"
_OUT = "Out."


def document() -> dict[str, Any]:
    """Return the document: as served, but for the tuples in answers, and with examples of requests."""
    described: dict[str, Any] = json.loads(json.dumps(openapi.document()))
    schemas = described["components"]["schemas"]
    described["components"]["schemas"] = schemas | {
        _OUT + name: _of_answers(_without_tuples(schema)) for name, schema in schemas.items()
    }
    described["components"]["responses"] = _of_answers(described["components"]["responses"])
    for operations in described["paths"].values():
        for operation in operations.values():
            operation["responses"] = _of_answers(_without_tuples(operation["responses"]))
    for path, events in (("predictions", PREDICTIONS), ("labels", LABELS), ("feedback", FEEDBACK)):
        body = described["paths"][f"/v1/{path}"]["post"]["requestBody"]["content"]["application/json"]
        body["examples"] = _examples([msgspec.to_builtins(event) for event in events])
    return described


def _examples(events: list[Any]) -> dict[str, Any]:
    """Return each event with an id and without one, and all of them as a batch.

    The ids are others than those in the paths: an id that two models have would stand for neither.
    """
    new = [{name: value for name, value in event.items() if name != "id"} for event in events]
    bodies = [*({**event, "id": f"example-{number}"} for number, event in enumerate(events)), *new, {"items": new}]
    return {f"{number}": {"value": body} for number, body in enumerate(bodies)}


def _of_answers(part: Any) -> Any:
    """Return a part of the document that refers to the schemas of answers instead of those of requests."""
    return json.loads(json.dumps(part).replace(f'"{_REF}', f'"{_REF}{_OUT}'))


def _without_tuples(part: Any) -> Any:
    """Return a schema with lists of one kind for tuples.

    Schemathesis turns `prefixItems` into the `items` of older drafts, and then finds that no schema of the new one.
    """
    if isinstance(part, list):
        return [_without_tuples(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    inner = {name: _without_tuples(value) for name, value in part.items()}
    return inner | {"items": {"anyOf": inner.pop("prefixItems")}} if "prefixItems" in inner else inner
