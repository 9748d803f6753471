"""Every record that crosses a border."""

import inspect
from typing import Any, get_origin

from seeme.records import datasets, feedback, keys, metrics, models, predictions, quarantine, queries, tokens, widget
from seeme.records.feedback import NewFeedback
from seeme.records.types import Page, View, Wire
from seeme.web.api import ROUTES
from seeme.web.signature import read_signature

MODULES = (datasets, feedback, keys, metrics, models, predictions, quarantine, queries, tokens, widget)
RECORDS: list[Any] = sorted(
    {
        record
        for module in MODULES
        for _, record in inspect.getmembers(module, inspect.isclass)
        if issubclass(record, Wire | View) and record not in (Wire, View) and not record.__name__.startswith("_")
    },
    key=lambda record: record.__name__,
)
PAGES: list[Any] = [
    signature.returns
    for signature in (read_signature(route.handler) for route in ROUTES)
    if get_origin(signature.returns) is Page
]
INCOMING = [record for record in RECORDS if issubclass(record, Wire)]
# A kind of feedback is told apart by its `feedback_type`, so it never comes alone.
BODIES = [*(record for record in INCOMING if record.__struct_config__.tag is None), NewFeedback]


def name_of(record: Any) -> str:
    """Return what a record is called in a test's name."""
    if record is NewFeedback:
        return "NewFeedback"
    return str(record.__name__ if get_origin(record) is None else record).replace("seeme.records.", "")
