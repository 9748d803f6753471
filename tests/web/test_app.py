"""The application around the routes: methods, unknown paths, scripts, base paths, numbers and the description."""

import gzip
import json

import pytest
from asgi_client import Caller
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client.parser import text_string_to_metric_families

from seeme.records.models import Model
from seeme.settings import Settings
from seeme.web import openapi, scripts
from seeme.web.api import ROUTES
from seeme.web.app import create_app


async def test_an_unknown_path_is_a_problem(program):
    """404 in the shape of all errors."""
    answer = await program("GET", "/v1/nothing")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert set(answer.json()) == {"type", "title", "status", "detail", "errors"}


async def test_another_method_is_405_and_says_which_are_allowed(program):
    """Allow names every method of the path."""
    answer = await program("PATCH", "/v1/models")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    answer = await program("POST", "/v1/models/digits")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, PATCH")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_head_answers_like_get(program):
    """With the same status and headers."""
    for path in ("/v1/models", "/v1/models/digits", "/healthz", "/openapi.json"):
        got, head = await program("GET", path), await program("HEAD", path)
        assert (head.status, head.headers) == (got.status, got.headers)


async def test_every_answer_forbids_sniffing_and_reads_are_not_stored(program):
    """A proxy must not keep what a key was needed for."""
    answer = await program("GET", "/v1/models")
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert (await program("GET", "/v1/nothing")).headers["x-content-type-options"] == "nosniff"


async def test_the_widget_is_cacheable_by_pages_of_any_origin(stranger, tmp_path, monkeypatch):
    """ETag, an hour's cache, CORS; a rebuild shows without a restart."""
    monkeypatch.setattr(scripts, "_PACKAGED", tmp_path)
    (tmp_path / "feedback-widget.js").write_text("1")
    answer = await stranger("GET", "/feedback-widget.js")
    assert (answer.status, answer.body) == (200, b"1")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await stranger("GET", "/feedback-widget.js", if_none_match=f'"x", W/{answer.headers["etag"]}')
    assert (again.status, again.body) == (304, b"")
    (tmp_path / "feedback-widget.js").write_text("22")
    assert (await stranger("GET", "/feedback-widget.js", if_none_match=answer.headers["etag"])).body == b"22"


async def test_the_widget_comes_packed_to_who_takes_gzip(stranger, tmp_path, monkeypatch):
    """Caches are told what to tell apart: each form has its own ETag, and both vary."""
    monkeypatch.setattr(scripts, "_PACKAGED", tmp_path)
    (tmp_path / "feedback-widget.js").write_text("1" * 1000)
    plain = await stranger("GET", "/feedback-widget.js")
    packed = await stranger("GET", "/feedback-widget.js", accept_encoding="br, gzip;q=0.8")
    assert "content-encoding" not in plain.headers
    assert (packed.headers["content-encoding"], gzip.decompress(packed.body)) == ("gzip", plain.body)
    assert packed.headers["content-length"] == str(len(packed.body))
    assert len(packed.body) < len(plain.body)
    assert [answer.headers["vary"] for answer in (plain, packed)] == ["accept-encoding"] * 2
    tags = [answer.headers["etag"] for answer in (plain, packed)]
    assert tags[0] != tags[1]
    statuses = [
        (await stranger("GET", "/feedback-widget.js", accept_encoding="gzip", if_none_match=tag)).status for tag in tags
    ]
    assert statuses == [200, 304]


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        (b"", False),
        (b"gzip", True),
        (b"GZIP;q=1.0", True),
        (b"deflate, gzip ; q=0.001", True),
        (b"gzip;q=0, *", False),
        (b"br, *;q=0.5", True),
        (b"*;q=0", False),
        (b"br", False),
        (b"gzippy, identity", False),
        (b"gzip;q=rubbish", False),
    ],
)
def test_gzip_is_sent_only_when_it_is_asked_for(accepted, taken):
    """As RFC 9110 reads an Accept-Encoding."""
    assert scripts.takes_gzip(accepted) is taken


async def test_a_widget_that_was_not_built_is_404_with_what_to_do(stranger, tmp_path, monkeypatch):
    """The message names the command."""
    monkeypatch.setattr(scripts, "_PACKAGED", tmp_path)
    monkeypatch.setattr(scripts, "_CHECKOUT", tmp_path)
    answer = await stranger("GET", "/feedback-widget.esm.js")
    assert (answer.status, "make" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize("path", ["/v1/models", "/feedback/v1/models"])
async def test_a_base_path_works_whether_the_proxy_strips_it_or_not(services, program, model: Model, path):
    """Both kinds of proxies exist."""
    settings, services.settings = services.settings, Settings(data=services.settings.data, root_path="/feedback")
    caller = Caller(create_app(services), program.headers["authorization"].split()[1])
    services.settings = settings
    assert (await caller("GET", path)).json()["items"][0]["id"] == model.id
    assert (await caller("GET", path + "/digits")).status == 200


async def test_the_description_is_valid_openapi(stranger):
    """The specification's own validator reads it, as it is served."""
    answer = await stranger("GET", "/openapi.json")
    document = json.loads(answer.body)
    OpenAPIV31SpecValidator(document).validate()
    assert document["servers"] == [{"url": "/"}]


def test_the_description_has_every_route_with_its_scope_and_a_name_of_its_own():
    """It is made from the route table."""
    paths = openapi.document()["paths"]
    operations = {(method.upper(), path): one for path, item in paths.items() for method, one in item.items()}
    assert set(operations) == {(route.method, route.path) for route in ROUTES}
    assert len({one["operationId"] for one in operations.values()}) == len(ROUTES)
    for route in ROUTES:
        security = operations[route.method, route.path]["security"]
        assert security == ([{"key": [route.scope]}, {"session": [route.scope]}] if route.scope else [])


async def test_metrics_parse_with_prometheus_own_parser(program):
    """Requests, events, queue and commits are counted."""
    await program("POST", "/v1/predictions", {"model_id": "digits", "label": "1"})
    await program("POST", "/v1/predictions", {"model_id": "digits", "label": ""})
    await program("GET", "/v1/models/nothing")
    answer = await program("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    counted = {(s.name, *sorted(s.labels.items())): s.value for f in families.values() for s in f.samples}
    route = ("route", "/v1/predictions")
    assert counted["seeme_http_requests_total", ("method", "POST"), route, ("status", "201")] == 1
    assert counted["seeme_http_requests_total", ("method", "POST"), route, ("status", "422")] == 1
    assert counted["seeme_events_total", ("kind", "predictions"), ("outcome", "created")] == 1
    assert counted["seeme_events_total", ("kind", "predictions"), ("outcome", "refused")] == 1
    assert counted[("seeme_queue_length",)] == 0
    assert counted[("seeme_up",)] == 1
    assert counted[("seeme_commit_seconds_count",)] >= 1
    assert families["seeme_commit_seconds"].type == "histogram"


@pytest.mark.parametrize(
    "name",
    ["feedback-extras.js", "feedback-detection.js", "seeme-boxes.js", "seeme-assign.js", "feedback-widget.en.json"],
)
async def test_parts_and_texts_of_the_widget_are_for_pages_of_any_origin(stranger, name):
    """What the widget loads when it is wanted comes with CORS and its own type, as a module and a fetch need it."""
    answer = await stranger("GET", f"/{name}")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-type"].split(";")[0] == ("application/json" if "json" in name else "text/javascript")
