"""What Schemathesis may not judge, and why: a check, the routes it is left out for, and the reason.

JSON Schema can't say these rules, so a request that fits its schema is refused all the same, with 422 and a sentence.
"""

from typing import Any, NamedTuple

# NUL is refused in every text (tests/web/test_bad_input.py), which no schema of ours says: a pattern for it would be
# matched on each text of each event.
GENERATION: dict[str, Any] = {"allow-x00": False}


class Exclusion(NamedTuple):
    """A check that doesn't hold for some routes; with a `status`, for answers of that status alone."""

    check: str
    routes: frozenset[str]
    reason: str
    status: int | None = None


def _routes(*labels: str) -> frozenset[str]:
    return frozenset(labels)


EVENTS = _routes("POST /v1/predictions", "POST /v1/labels", "POST /v1/feedback")
ITEMS = _routes("POST /v1/datasets/{dataset_id}/items")

EXCLUSIONS = [
    Exclusion(
        "positive_data_acceptance",
        EVENTS,
        "the model must be there, the fields must fit its task and the prediction, exactly one of some is needed, "
        "and no time may lie in the future",
        422,
    ),
    Exclusion(
        "negative_data_rejection",
        EVENTS | ITEMS,
        "a batch is answered with 207 whatever is in it; that its wrong events are refused is asserted in the test",
        207,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("GET /v1/models", "GET /v1/predictions", "GET /v1/feedback")
        | _routes("GET /v1/datasets", "GET /v1/training-jobs")
        | _routes("GET /v1/datasets/{dataset_id}/items", "GET /v1/datasets/{dataset_id}/versions"),
        "a cursor is opaque: only a `next_cursor` is one; 31 February isn't a date, and no end is before its start",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("GET /v1/models/{model_id}/metrics", "POST /v1/models/{model_id}/rebuild"),
        "31 February isn't a date, no end is before its start, and lookback_weeks and dates exclude each other",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("POST /v1/datasets", "GET /v1/datasets/{dataset_id}/versions/{version_id}/export"),
        "the shares of the splits add up to 1; no shard is above their number, and only yolo comes in shards",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("POST /v1/models", "PATCH /v1/models/{model_id}"),
        "labels differ from each other, and settings that nothing acts on yet are refused with a sentence",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("POST /v1/models/{model_id}/quarantine/release", "POST /v1/models/{model_id}/quarantine/delete"),
        "feedback is chosen by ids or by a reason, not by both",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("GET /v1/widget-context"),
        "a prediction token comes with the id of its prediction",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("GET /v1/review", "GET /v1/models/{model_id}/accuracy"),
        "it is about a model or a dataset; a cursor is opaque, 31 February isn't a date, no end is before its start",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("POST /v1/review/{review_id}/decide"),
        "`corrected` needs exactly one of `label`, `value` and `boxes`, as fits the task; the others take none",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("POST /v1/review/claim", "POST /v1/review/{review_id}/renew")
        | _routes("POST /v1/models/{model_id}/data-engine/dry-run"),
        "a whole number is written without a fraction (13, not 13.0); rules must fit the model's task",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("POST /v1/ab-tests", "PATCH /v1/ab-tests/{ab_test_id}", "POST /v1/ab-tests/{ab_test_id}/decide")
        | _routes("GET /v1/ab-tests"),
        "arms are different ones that are there, with shares that add up to 1, and the chosen one is among them; what "
        "runs only grows its coverage; a cursor is opaque",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("GET /v1/ab-test-plan"),
        "either an effect or a duration is given, with what else it takes to say the other",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("POST /v1/keys"),
        "a secret key has scopes and no origins, a publishable one origins and no scopes",
        422,
    ),
    Exclusion(
        "positive_data_acceptance",
        _routes("PUT /v1/predictions/{prediction_id}/input"),
        "the bytes must be those of an image",
        415,
    ),
]


def excluded(label: str, status: int) -> set[str]:
    """Return the names of the checks that are left out for an answer of a route."""
    return {one.check for one in EXCLUSIONS if label in one.routes and one.status in (None, status)}
