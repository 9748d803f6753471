"""The web pages: ROUTES reads like their table of contents; below it, what happens around every page."""

import logging
from collections.abc import Awaitable, Callable
from math import ceil
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from seeme.errors import Forbidden, SeeMeError, ServiceFailed
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.web.guard import SESSION_COOKIE, check_models
from seeme.web.pages_ab_form import make_ab_test, new_ab_test
from seeme.web.pages_ab_tests import ab_test, ab_tests, decide_ab_test, grow_ab_test, start_ab_test, stop_ab_test
from seeme.web.pages_comparing import compare
from seeme.web.pages_datasets import dataset, datasets
from seeme.web.pages_docs import docs
from seeme.web.pages_embed import embed, make_key, make_secret, require_token, retire_secret, revoke_key
from seeme.web.pages_engine import engine, set_engine, set_reference
from seeme.web.pages_feedback import approve_feedback, delete_feedback, reject_feedback, release_feedback
from seeme.web.pages_items import dataset_items, item_input, remove_item
from seeme.web.pages_models import latest, model, models, prediction
from seeme.web.pages_quarantine import delete_held, release_held
from seeme.web.pages_review import item, items, review, undo
from seeme.web.pages_sign_in import ask_to_sign_in, check_same_origin, sign_in, sign_in_form, sign_out
from seeme.web.pages_static import PageFiles
from seeme.web.pages_training import ask_for_training, make_version, training_job, training_jobs
from seeme.web.pages_view import Visit, sentence

log = logging.getLogger(__name__)
Handler = Callable[[Visit], Awaitable[Response]]


class Page(NamedTuple):
    """One page: how it is asked for, what shows it, and the scope a visitor needs (None: open to all)."""

    method: str
    path: str
    handler: Handler
    scope: str | None


_MODEL = "/models/{model_id}"
_DATASET = "/datasets/{dataset_id}"
_ITEM = _MODEL + "/review/items/{review_id}"
_FEEDBACK = _MODEL + "/feedback/{feedback_id}"
_AB_TEST = "/ab-tests/{ab_test_id}"

PAGES = [
    Page("GET", "/sign-in", sign_in_form, None),
    Page("POST", "/sign-in", sign_in, None),
    Page("POST", "/sign-out", sign_out, None),
    Page("GET", "/docs", docs, None),
    Page("GET", "/", models, "read"),
    Page("GET", "/datasets", datasets, "read"),
    Page("GET", _DATASET, dataset, "read"),
    Page("GET", _DATASET + "/items", dataset_items, "read"),
    Page("GET", _DATASET + "/items/{item_id}/input", item_input, "read"),
    Page("POST", _DATASET + "/items/{item_id}/remove", remove_item, "review"),
    Page("POST", _DATASET + "/versions", make_version, "review"),
    Page("POST", _DATASET + "/versions/{version_id}/training-jobs", ask_for_training, "review"),
    Page("GET", "/training-jobs", training_jobs, "read"),
    Page("GET", "/training-jobs/{job_id}", training_job, "read"),
    Page("GET", "/ab-tests", ab_tests, "read"),
    Page("GET", "/new-ab-test", new_ab_test, "admin"),
    Page("POST", "/new-ab-test", make_ab_test, "admin"),
    Page("GET", _AB_TEST, ab_test, "read"),
    Page("POST", _AB_TEST + "/start", start_ab_test, "admin"),
    Page("POST", _AB_TEST + "/stop", stop_ab_test, "admin"),
    Page("POST", _AB_TEST + "/decide", decide_ab_test, "admin"),
    Page("POST", _AB_TEST + "/grow", grow_ab_test, "admin"),
    Page("GET", _MODEL, model, "read"),
    Page("GET", _MODEL + "/latest", latest, "read"),
    Page("GET", _MODEL + "/predictions/{prediction_id}", prediction, "read"),
    Page("POST", _FEEDBACK + "/approve", approve_feedback, "review"),
    Page("POST", _FEEDBACK + "/reject", reject_feedback, "review"),
    Page("POST", _FEEDBACK + "/release", release_feedback, "review"),
    Page("POST", _FEEDBACK + "/delete", delete_feedback, "admin"),
    Page("POST", _MODEL + "/quarantine/release", release_held, "review"),
    Page("POST", _MODEL + "/quarantine/delete", delete_held, "review"),
    Page("GET", _MODEL + "/review", review, "read"),
    Page("GET", _MODEL + "/review/items", items, "read"),
    Page("GET", _ITEM, item, "read"),
    Page("POST", _ITEM + "/undo", undo, "review"),
    Page("GET", _MODEL + "/data-engine", engine, "read"),
    Page("POST", _MODEL + "/data-engine", set_engine, "admin"),
    Page("POST", _MODEL + "/data-engine/reference", set_reference, "admin"),
    Page("GET", _MODEL + "/compare", compare, "read"),
    Page("GET", _MODEL + "/embed", embed, "read"),
    Page("POST", _MODEL + "/embed", make_key, "admin"),
    Page("POST", _MODEL + "/keys/{key_id}/revoke", revoke_key, "admin"),
    Page("POST", _MODEL + "/signing-secrets", make_secret, "admin"),
    Page("POST", _MODEL + "/signing-secrets/{kid}/retire", retire_secret, "admin"),
    Page("POST", _MODEL + "/require-token", require_token, "admin"),
]


def routes(services: Services) -> list[BaseRoute]:
    """Return the routes of all pages and of their static files."""
    pages: list[BaseRoute] = [
        Route(page.path, _endpoint(services, page), methods=[page.method], include_in_schema=False) for page in PAGES
    ]
    return [*pages, Mount("/static", app=PageFiles(), name="static")]


def error_page(request: Request, services: Services, error: SeeMeError, identity: Identity | None = None) -> Response:
    """Return the page that tells a browser's user what went wrong and what to do."""
    visit = Visit(request, services, identity)
    title = _TITLES.get(error.status, "It didn't work")
    wait = None if error.retry_after is None else max(1, ceil(error.retry_after))
    text = _beyond(title, error.message, wait)
    response = visit.render("error.html", error.status, error=error, title=title, text=text)
    if wait is not None:
        response.headers["retry-after"] = str(wait)
    return response


def _beyond(title: str, message: str, wait: int | None) -> str:
    """Return what a message says beyond the page's title, and when to come back if that is known."""
    told = message if wait is None else message.partition("; try again")[0]
    parts = [] if told.rstrip(".") == title else [sentence(told)]
    if wait is not None:
        parts.append(f"Come back in {_duration(wait)}.")
    return " ".join(parts)


def _duration(seconds: int) -> str:
    number, unit = (seconds, "second") if seconds < 120 else (ceil(seconds / 60), "minute")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def wants_html(request: Request) -> bool:
    """Tell whether an answer goes to a person's browser window and not to a program."""
    return "text/html" in request.headers.get("accept", "") and "/v1/" not in request.url.path


_TITLES = {
    400: "That can't be understood",
    401: "Please sign in",
    403: "You may not do that",
    404: "There is no such page",
    405: "That doesn't work here",
    409: "That doesn't fit what is stored",
    410: "It was deleted",
    429: "Too many requests",
    500: "Something broke on our side",
    503: "Busy just now",
    507: "The disk is full",
}


def _endpoint(services: Services, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        identity = await _identity(services, request)
        visit = Visit(request, services, identity)
        try:
            return await _answer(visit, page)
        except SeeMeError as error:
            return error_page(request, services, error, identity)
        except Exception:
            log.exception("the page %s failed", request.url.path)
            return error_page(request, services, ServiceFailed(), identity)

    return endpoint


async def _identity(services: Services, request: Request) -> Identity | None:
    token = request.cookies.get(SESSION_COOKIE)
    return await services.keys.session(token) if token else None


async def _answer(visit: Visit, page: Page) -> Response:
    if page.method != "GET":
        check_same_origin(visit)
    if page.scope is not None:
        if visit.identity is None:
            return ask_to_sign_in(visit)
        _check_allowed(visit, page.scope)
    return await page.handler(visit)


def _check_allowed(visit: Visit, scope: str) -> None:
    who = visit.who
    if scope not in who.scopes:
        raise Forbidden(f"This needs the scope `{scope}`; your key doesn't have it.")
    if "model_id" in visit.request.path_params:
        check_models(who, [visit.request.path_params["model_id"]])
