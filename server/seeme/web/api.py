"""The API's table of contents: every route, what it asks of a key, and the function that answers it."""

from seeme.web.api_ab_tests import (
    ab_test_assignment,
    ab_test_results,
    create_ab_test,
    decide_ab_test,
    list_ab_tests,
    patch_ab_test,
    plan_ab_test,
    read_ab_test,
    rebuild_ab_test,
    start_ab_test,
    stop_ab_test,
)
from seeme.web.api_datasets import (
    add_dataset_items,
    create_dataset,
    create_dataset_version,
    create_training_job,
    delete_dataset,
    export_dataset,
    list_dataset_items,
    list_dataset_versions,
    list_datasets,
    list_training_jobs,
    read_dataset,
    read_dataset_version,
    read_training_job,
)
from seeme.web.api_erasures import erase
from seeme.web.api_events import (
    approve_feedback,
    delete_feedback,
    list_feedback,
    list_predictions,
    log_feedback,
    log_labels,
    log_predictions,
    read_feedback,
    read_input,
    read_prediction,
    reject_feedback,
    release_feedback,
    upload_input,
    widget_context,
)
from seeme.web.api_keys import create_key, create_sign_in_code, list_keys, revoke_key
from seeme.web.api_models import (
    create_model,
    create_version,
    delete_model,
    list_models,
    list_versions,
    model_metrics,
    patch_model,
    read_model,
    rebuild_sums,
)
from seeme.web.api_quarantine import delete_quarantined, release_quarantined
from seeme.web.api_review import (
    claim_review,
    decide_review,
    list_review,
    list_rule_sets,
    model_accuracy,
    read_review,
    renew_review,
    review_state,
    skip_review,
    try_rules,
    undo_review,
)
from seeme.web.api_service import health, metrics_text, ready
from seeme.web.api_signing import create_signing_secret, list_signing_secrets, retire_signing_secret
from seeme.web.endpoint import Edge, Endpoint, Route
from seeme.web.events import EventEndpoint
from seeme.web.items import ItemsEndpoint

_PREDICTION = "/v1/predictions/{prediction_id}"
_FEEDBACK = "/v1/feedback/{feedback_id}"
_MODEL = "/v1/models/{model_id}"
_REVIEW = "/v1/review/{review_id}"
_QUARANTINE = _MODEL + "/quarantine"
_DATASET = "/v1/datasets/{dataset_id}"
_AB_TEST = "/v1/ab-tests/{ab_test_id}"
_SECRETS = _MODEL + "/signing-secrets"

ROUTES = [
    # Events
    Route("POST", "/v1/predictions", log_predictions, "ingest", "Log one prediction, or up to 1,000"),
    Route("POST", "/v1/labels", log_labels, "ingest", "Send true labels that became known later"),
    Route("POST", "/v1/feedback", log_feedback, "feedback", "Send feedback: a rating, a correction, a comment"),
    Route("GET", "/v1/widget-context", widget_context, "feedback", "What the widget may know of a model"),
    # Reading and reviewing them
    Route("GET", "/v1/predictions", list_predictions, "read", "List a model's predictions"),
    Route("GET", _PREDICTION, read_prediction, "read", "Get a prediction", True),
    Route("PUT", _PREDICTION + "/input", upload_input, "ingest", "Upload a prediction's input image", True),
    Route("GET", _PREDICTION + "/input", read_input, "read", "Download a prediction's input image", True),
    Route("GET", "/v1/feedback", list_feedback, "read", "List a model's feedback, or follow its changes"),
    Route("GET", _FEEDBACK, read_feedback, "read", "Get feedback", True),
    Route("POST", _FEEDBACK + "/approve", approve_feedback, "review", "Approve feedback", True),
    Route("POST", _FEEDBACK + "/reject", reject_feedback, "review", "Reject feedback", True),
    Route("POST", _FEEDBACK + "/release", release_feedback, "review", "Let quarantined feedback count", True),
    Route("DELETE", _FEEDBACK, delete_feedback, "admin", "Delete feedback", True),
    Route("POST", _QUARANTINE + "/release", release_quarantined, "review", "Let much quarantined feedback count"),
    Route("POST", _QUARANTINE + "/delete", delete_quarantined, "review", "Delete much quarantined feedback"),
    # The review queue
    Route("GET", "/v1/review", list_review, "read", "List the review queue of a model or a dataset"),
    Route("POST", "/v1/review/claim", claim_review, "review", "Claim open items, for a while"),
    Route("GET", _REVIEW, read_review, "read", "Get an item with all that its reviewer needs", True),
    Route("POST", _REVIEW + "/renew", renew_review, "review", "Hold a claimed item for longer", True),
    Route("POST", _REVIEW + "/skip", skip_review, "review", "Give a claimed item back, for others", True),
    Route("POST", _REVIEW + "/decide", decide_review, "review", "Decide a claimed item", True),
    Route("POST", _REVIEW + "/undo", undo_review, "review", "Take a decision back", True),
    Route("GET", _MODEL + "/review", review_state, "read", "How far the review of a model is"),
    Route("GET", _MODEL + "/accuracy", model_accuracy, "read", "Accuracy, estimated from what was reviewed"),
    Route("POST", _MODEL + "/data-engine/dry-run", try_rules, "read", "Try settings on the last predictions"),
    Route("GET", _MODEL + "/rule-sets", list_rule_sets, "read", "List the data engine's settings over time"),
    # Models
    Route("POST", "/v1/models", create_model, "admin", "Make a model"),
    Route("GET", "/v1/models", list_models, "read", "List models", True),
    Route("GET", _MODEL, read_model, "read", "Get a model"),
    Route("PATCH", _MODEL, patch_model, "admin", "Change the named parts of a model"),
    Route("DELETE", _MODEL, delete_model, "admin", "Delete a model with all its data"),
    Route("POST", _MODEL + "/versions", create_version, "ingest", "Make a version of a model"),
    Route("GET", _MODEL + "/versions", list_versions, "read", "List a model's versions"),
    Route("GET", _MODEL + "/metrics", model_metrics, "read", "Performance by hour, day or week"),
    Route("POST", _MODEL + "/rebuild", rebuild_sums, "admin", "Make the sums of days again from rows"),
    Route("POST", _SECRETS, create_signing_secret, "admin", "Make a signing secret; its text is shown this once"),
    Route("GET", _SECRETS, list_signing_secrets, "admin", "List a model's live signing secrets"),
    Route("DELETE", _SECRETS + "/{kid}", retire_signing_secret, "admin", "Retire a signing secret"),
    # Datasets
    Route("POST", "/v1/datasets", create_dataset, "review", "Make a dataset"),
    Route("GET", "/v1/datasets", list_datasets, "read", "List datasets"),
    Route("GET", _DATASET, read_dataset, "read", "Get a dataset, with what its working set holds"),
    Route("DELETE", _DATASET, delete_dataset, "admin", "Delete a dataset with all its versions"),
    Route("POST", _DATASET + "/items", add_dataset_items, "review", "Put up to 1,000 items into the working set"),
    Route("GET", _DATASET + "/items", list_dataset_items, "read", "List the items of a version or of the working set"),
    Route("POST", _DATASET + "/versions", create_dataset_version, "review", "Freeze the working set as a version"),
    Route("GET", _DATASET + "/versions", list_dataset_versions, "read", "List a dataset's versions"),
    Route("GET", _DATASET + "/versions/{version_id}", read_dataset_version, "read", "Get a version, and what changed"),
    Route("GET", _DATASET + "/versions/{version_id}/export", export_dataset, "read", "Download a version"),
    Route("POST", "/v1/training-jobs", create_training_job, "review", "Ask for a training"),
    Route("GET", "/v1/training-jobs", list_training_jobs, "read", "List training jobs"),
    Route("GET", "/v1/training-jobs/{job_id}", read_training_job, "read", "Get a training job"),
    # A/B tests
    Route("POST", "/v1/ab-tests", create_ab_test, "admin", "Make an A/B test, and start it", True),
    Route("GET", "/v1/ab-tests", list_ab_tests, "read", "List A/B tests", True),
    Route("GET", _AB_TEST, read_ab_test, "read", "Get an A/B test", True),
    Route("PATCH", _AB_TEST, patch_ab_test, "admin", "Change an A/B test", True),
    Route("POST", _AB_TEST + "/start", start_ab_test, "admin", "Start a draft", True),
    Route("POST", _AB_TEST + "/stop", stop_ab_test, "admin", "End an A/B test", True),
    Route("POST", _AB_TEST + "/decide", decide_ab_test, "admin", "Store which arm was chosen", True),
    Route("GET", _AB_TEST + "/assignment", ab_test_assignment, "ingest", "Get the arm of a unit", True),
    Route("GET", _AB_TEST + "/results", ab_test_results, "read", "What an A/B test says, and how sure it is", True),
    Route("POST", _AB_TEST + "/rebuild", rebuild_ab_test, "admin", "Make an A/B test's sums again", True),
    Route("GET", "/v1/ab-test-plan", plan_ab_test, "read", "Plan an A/B test: units and days, or effect", True),
    # People
    Route("POST", "/v1/erasures", erase, "admin", "Delete all rows of a person, and take them out of the sums"),
    # Keys
    Route("POST", "/v1/keys", create_key, "admin", "Make a key; its text is shown this once"),
    Route("GET", "/v1/keys", list_keys, "admin", "List keys without their texts"),
    Route("DELETE", "/v1/keys/{key_id}", revoke_key, "admin", "Revoke a key"),
    Route("POST", "/v1/sign-in-codes", create_sign_in_code, "admin", "Make a one-time code for the pages"),
    # The service itself
    Route("GET", "/healthz", health, None, "Whether the process answers"),
    Route("GET", "/readyz", ready, None, "Whether events can be taken and stored"),
    Route("GET", "/metrics", metrics_text, "read", "Numbers about the service, for Prometheus"),
]


def endpoint(route: Route, edge: Edge) -> Endpoint:
    """Return the endpoint that answers a route."""
    taken = route.handler.__annotations__
    kind = EventEndpoint if "items" in taken else ItemsEndpoint if "entries" in taken else Endpoint
    return kind(route, edge)
