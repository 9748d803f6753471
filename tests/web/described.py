"""The API's description as Schemathesis uses it, and the service that it is held against."""

import json
from pathlib import Path
from typing import Any

import msgspec
import schemathesis
from hosted import UNLIMITED, Hosted
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis_exclusions import GENERATION, excluded
from seeds import CARS, FEEDBACK, LABELS, PETS, PREDICTIONS, found, sow
from test_api import PNG

from seeme.settings import Settings
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
    items = described["paths"]["/v1/datasets/{dataset_id}/items"]["post"]["requestBody"]["content"]["application/json"]
    items["examples"] = {"0": {"value": {"items": [msgspec.to_builtins(PETS), msgspec.to_builtins(CARS)]}}}
    decide = described["paths"]["/v1/review/{review_id}/decide"]["post"]["requestBody"]["content"]["application/json"]
    decide["examples"] = {"0": {"value": {"decision": "correct"}}, "1": {"value": {"decision": "unusable"}}}
    tests = described["paths"]["/v1/ab-tests"]["post"]["requestBody"]["content"]["application/json"]
    pair = {"name": "Larger net", "model_a_id": "digits", "model_b_id": "usual"}
    arms = [{"model_id": "digits", "version_id": "v1"}, {"model_id": "usual"}, {"model_id": "queue"}]
    tests["examples"] = {"0": {"value": pair}, "1": {"value": {"name": "Three", "arms": arms, "start": False}}}
    chosen = described["paths"]["/v1/ab-tests/{ab_test_id}/decide"]["post"]["requestBody"]["content"]
    chosen["application/json"]["examples"] = {f"{n}": {"value": {"arm": "A", "note": f"{n}"}} for n in range(4)}
    for parameter in described["paths"]["/v1/ab-test-plan"]["get"]["parameters"]:
        if parameter["name"] in ("effect", "value"):
            parameter["examples"] = {"0": {"value": 0.05}}
    for verb in ("release", "delete"):
        body = described["paths"][f"/v1/models/{{model_id}}/quarantine/{verb}"]["post"]["requestBody"]["content"]
        body["application/json"]["examples"] = {
            name: {"value": {name: value}} for name, value in (("ids", ["none"]), ("reason", "token"))
        }
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


hosted = Hosted()
schema = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig.from_dict({"generation": GENERATION}))
schema.app = hosted
ROUTES = {result.ok().label for result in schema.get_all_operations()}
CHECKS = {check.__name__: check for check in schemathesis.checks.CHECKS.get_all()}


def start(folder: Path) -> None:
    """Start the service on a fresh folder, with something of everything."""
    hosted.start(Settings(data=folder, burst_votes=2, **UNLIMITED), sow)


def credentials() -> dict[str, str]:
    """Return the headers of someone who may do everything."""
    return {"Authorization": f"Bearer {hosted.key}"}


def judge(case: Any, response: Any, **context: Any) -> None:
    """Check an answer by all the rules that hold for it."""
    left_out = [CHECKS[name] for name in excluded(case.operation.label, response.status_code)]
    case.validate_response(
        response,
        excluded_checks=left_out,
        headers=credentials(),
        transport_kwargs={"headers": credentials()},
        **context,
    )


@schema.hook("flatmap_path_parameters")
def _path(context: Any, path_parameters: Any) -> Any:
    return found(context.operation, path_parameters)


@schema.hook("flatmap_query")
def _query(context: Any, query: Any) -> Any:
    return found(context.operation, query)


@schema.hook("flatmap_body")
def _body(context: Any, body: Any) -> Any:
    image = context.operation.label.startswith("PUT")
    return st.sampled_from([PNG, body]) if image else found(context.operation, body)
