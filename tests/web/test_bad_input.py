"""Hostile and broken bodies: each is a 4xx that names what is wrong, within a second and bounded memory."""

import gzip
import json
import time
import tracemalloc
import zlib

import pytest
from asgi_client import Caller

from seeme.settings import Settings

START = b'{"model_id":"digits","id":"p1",'


async def post(program: Caller, body: bytes, **headers: str):
    """Send a prediction as these bytes; answering it must be at most a second of work."""
    began = time.process_time()
    answer = await program("POST", "/v1/predictions", body, **headers)
    assert time.process_time() - began < 1
    assert answer.headers["content-type"] == ("application/json" if answer.status < 300 else "application/problem+json")
    return answer


@pytest.mark.parametrize(
    ("field", "path"),
    [
        (b'"confidence":NaN', "$.confidence"),
        (b'"confidence":-Infinity', "$.confidence"),
        (b'"confidence":1e999', "$.confidence"),
        (b'"value":' + b"1" * 401, "$.value"),
        (b'"value":-1e400', "$.value"),
        (b'"features":{"a":NaN}', "$.features.a"),
        (b'"features":{"a":1,"b c":' + b"9" * 401 + b"}", '$.features["b c"]'),
        (b'"features":{"a":{}}', "$.features.a"),
        (b'"features":{"":1}', '$.features[""]'),
        (b'"attributions":{"a":1e999}', "$.attributions.a"),
        (b'"scores":{"cat":0.1,"dog":1.5}', "$.scores.dog"),
        (b'"label":"\\ud800"', "$.label"),
        (b'"label":"a\\udc00b"', "$.label"),
        (b'"label":"a\\u0000b"', "$.label"),
        (b'"features":{"a\\u0000":1}', '$.features["a\\u0000"]'),
        (b'"label":""', "$.label"),
        (b'"label":"' + b"x" * 201 + b'"', "$.label"),
        (b'"version_id":"a b"', "$.version_id"),
        (b'"version_id":".."', "$.version_id"),
        (b'"version_id":"v\\n"', "$.version_id"),
        (b'"created_at":"2025-11-20"', "$.created_at"),
        (b'"created_at":"2025-11-20T12:00:00"', "$.created_at"),
        (b'"label":"1","created_at":"2025-11-20T12:06:00Z"', "$.created_at"),
        (b'"detections":[{"label":"a","box":[0,0,1,1]},{"label":"a","box":[0,0,0,1]}]', "$.detections[1].box[2]"),
        (b'"detections":[{"box":[0,0,1,1]}]', "$.detections[0].label"),
        (b'"input_url":"javascript:alert(1)"', "$.input_url"),
        (b'"confidense":0.5', "$.confidense"),
        (b'"latency_ms":"12"', "$.latency_ms"),
    ],
)
async def test_a_wrong_field_is_named_with_its_path(program, field, path):
    """422, the path, and what was expected."""
    answer = await post(program, START + field + b"}")
    assert (answer.status, answer.paths()) == (422, [path])
    assert answer.json()["errors"][0]["message"]


EVERY_WRONG_FIELD = [
    (b'"confidence":2,"colour":1,"label":5,"shape":2', ["confidence", "colour", "label", "shape"]),
    (
        b'"label":NaN,"confidence":1e999,"features":{"b":NaN,"c":{}}',
        ["label", "confidence", "features.b", "features.c"],
    ),
    (b'"label":5,"features":{"a":"\\u0000"}', ["label", "features.a"]),
    (
        b'"detections":[{"label":"a","box":[0,0,0,"1"]},{"label":2,"box":[0,0,1,1]},{"box":[0,0,1,1]},{"label":3}],'
        b'"scores":{"a":3,"b":0.5,"c":2}',
        [
            *("detections[0].box[2]", "detections[0].box[3]", "detections[1].label", "detections[2].label"),
            *("detections[3].label", "detections[3].box", "scores.a", "scores.c"),
        ],
    ),
]


@pytest.mark.parametrize(("fields", "paths"), EVERY_WRONG_FIELD)
async def test_every_wrong_field_is_named(program, fields, paths):
    """Each once, by its place in what was sent; the detail is the first and how many more, in a batch too."""
    item = START + fields + b"}"
    answer = await post(program, item)
    assert (answer.status, answer.paths()) == (422, [f"$.{path}" for path in paths])
    first, more = answer.json()["errors"][0], len(paths) - 1
    assert answer.json()["detail"].startswith(first["message"])
    assert answer.json()["detail"].endswith(f"; {more} more field{'s are' if more > 1 else ' is'} wrong")
    if b"NaN" in fields:
        return  # isn't JSON: there is no batch to take apart
    results = (await post(program, b'{"items":[' + item + b"," + item + b"]}")).json()["items"]
    assert [result["problem"]["errors"] for result in results] == [answer.json()["errors"]] * 2


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["$.feedback_type"]),
        ({"feedback_type": "praise", "prediction_id": 5, "x": 1}, ["$.feedback_type"]),
        ({"feedback_type": "wrong_label"}, ["$.prediction_id", "$.detection_index", "$.correct_label"]),
        ({"feedback_type": "correction", "correct_label": 5, "prediction_id": "p"}, ["$.correct_label"]),
        ({"feedback_type": "correction", "x": 5, "prediction_id": "p"}, ["$.x", "$"]),
        ({"feedback_type": "rating", "rating": 7, "x": 5}, ["$.rating", "$.x", "$.prediction_id"]),
    ],
)
async def test_only_what_is_wrong_is_named(program, body, paths):
    """What can't be judged without the wrong field (the other fields of an unknown kind, the whole) isn't named."""
    answer = await program("POST", "/v1/feedback", body)
    assert (answer.status, answer.paths()) == (422, paths)


async def test_at_most_ten_wrong_fields_are_named(program):
    """The detail says that there may be more."""
    answer = await program("POST", "/v1/predictions", {f"u{n}": 1 for n in range(30)})
    assert answer.paths() == [f"$.u{n}" for n in range(10)]
    assert answer.json()["detail"] == "isn't a known field at $.u0; at least 9 more fields are wrong"


async def test_a_batch_of_wrong_events_is_answered_quickly(program):
    """All wrong fields are named in the first hundred events, one in each of the others."""
    item = {"model_id": 5, "scores": {f"k{n}": 2 for n in range(300)}}
    results = (await post(program, json.dumps({"items": [item] * 1000}).encode())).json()["items"]
    counts = [len(result["problem"]["errors"]) for result in results]
    assert counts == [10] * 100 + [1] * 900


async def test_every_wrong_parameter_is_named(program):
    """Query strings too."""
    answer = await program("GET", "/v1/predictions?limit=0&start_date=yesterday&order=up&colour=red")
    assert answer.paths() == ["$.limit", "$.start_date", "$.order", "$.colour", "$.model_id"]


@pytest.mark.parametrize("date", ["yesterday", "2025-02-30"])
async def test_a_bad_date_is_answered_with_both_forms(program, date):
    """What was given, and what a date and a time look like."""
    answer = await program("GET", f"/v1/predictions?model_id=digits&start_date={date}")
    expected = "must be a date or a time with offset (2026-11-20 or 2026-11-20T13:00:00Z)"
    assert answer.json()["detail"] == f"{expected}, got '{date}', at $.start_date"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"model_id":"digits"} x',
        b'{"model_id":"digits","label":"\xff"}',
        b'{"model_id":"digits","label":"\xed\xa0\x80"}',
        b'{"model_id":"digits","label":"a\x00b"}',
        b"\xef\xbb\xbf{}",
        b'{"items":[{"model_id":"digits",}]}',
    ],
)
async def test_what_is_not_json_is_400(program, body):
    """The message says where it breaks."""
    answer = await post(program, body, content_type="application/json")
    assert answer.status == 400
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "start", [b"[", b'{"a":', b'{"model_id":', b'{"items":[', b'{"items":[[', b'{"items":[{"features":']
)
async def test_a_million_levels_are_refused(program, start):
    """Depth costs no stack, in any place."""
    answer = await post(program, (start + b"[" * 1_000_000)[:250_000] + b"]" * 1000)
    assert answer.status in (400, 422)
    assert (await post(program, (start + b"[" * 1_000_000))).status in (400, 413, 422)


async def test_free_json_is_at_most_32_levels_deep(program):
    """Where a type would allow any depth, the limit does not."""
    deep = b'{"privacy":' + b'{"a":' * 31 + b"1" + b"}" * 32
    assert (await program("PATCH", "/v1/models/digits", deep)).status == 422
    deeper = b'{"privacy":' + b'{"a":' * 32 + b"1" + b"}" * 33
    assert (await program("PATCH", "/v1/models/digits", deeper)).status == 400


async def test_a_hostile_shape_costs_no_more_than_its_size(program):
    """Deep inside long names, many texts: the search for a wrong one stays linear."""
    inner = b'{"' + b"k" * 100 + b'":'
    body = inner * 800 + b"[" + b'"",' * 50_000 + b'"\\u0000"]' + b"}" * 800
    tracemalloc.start()
    try:
        answer = await post(program, b'{"label":NaN,"a":' + body + b"}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 422
    assert peak < 32_000_000


async def test_an_escaped_backslash_before_u0000_is_text(program):
    """Only the NUL itself is refused, not six letters that look like its escape."""
    assert (await post(program, START + b'"label":"\\\\u0000"}')).status == 201


async def test_nul_fails_alone_in_a_batch(program):
    """The other items are stored."""
    body = b'{"items":[{"model_id":"digits","label":"a\\u0000"},{"model_id":"digits","label":"b"}]}'
    results = (await post(program, body)).json()["items"]
    assert [result["status"] for result in results] == ["refused", "created"]


async def test_every_kind_of_feedback_is_named_when_it_is_none_of_them(program):
    """An unknown kind is answered with the known ones."""
    answer = await program("POST", "/v1/feedback", {"feedback_type": "praise", "prediction_id": "p1"})
    assert answer.paths() == ["$.feedback_type"]
    assert '"rating", "correction"' in answer.json()["detail"]


@pytest.mark.parametrize("media_type", ["text/plain", "", "application/xml", "application/json; charset=latin-1"])
async def test_another_content_type_is_415(program, media_type):
    """A body is JSON in UTF-8, and says so."""
    assert (await post(program, START + b'"label":"1"}', content_type=media_type)).status == 415


async def test_the_charset_may_be_named(program):
    """UTF-8 is UTF-8, however it is written."""
    body = START + b'"label":"1"}'
    assert (await post(program, body, content_type='Application/JSON; charset="UTF-8"')).status == 201


async def test_a_body_that_says_it_is_too_long_is_not_read(program):
    """Its own word is enough."""
    answer = await post(program, START + b'"label":"' + b"x" * 5_000_000 + b'"}')
    assert (answer.status, program.read) == (413, 0)


async def test_a_body_without_a_length_is_counted_while_it_is_read(program):
    """Reading stops at 256 KiB, unless it is a batch."""
    body = START + b'"label":"' + b"x" * 3_000_000 + b'"}'
    for length in ("1", str(len(body))):
        answer = await post(program, body, content_length=length)
        assert answer.status == 413
        assert program.read <= 256 * 1024 + 65536


async def test_a_batch_may_have_4_mib_and_no_more(program):
    """Only a batch may be that large."""
    item = {"model_id": "digits", "label": "1", "error": "x" * 3500}
    body = json.dumps({"items": [item] * 1000}).encode()
    assert len(body) > 3_000_000
    assert (await program("POST", "/v1/predictions", body)).status == 207
    answer = await post(program, json.dumps({"items": [item | {"error": "x" * 4000}] * 1000}).encode() + b" " * 200_000)
    assert answer.status == 413


async def test_a_packed_body_is_unpacked(program):
    """gzip is understood; its name may be in capitals."""
    body = gzip.compress(START + b'"label":"1"}')
    assert (await post(program, body, content_encoding="gzip")).status == 201
    assert (await post(program, body, content_encoding="GZIP")).status == 200
    assert (await program("POST", "/v1/predictions", body, chunk=7, content_encoding="gzip")).status == 200


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"{}")[:-4], "gzip", 400),
        (gzip.compress(b"{}") + b"more", "gzip", 400),
        (zlib.compress(b"{}"), "gzip", 400),
        (zlib.compress(b"{}"), "deflate", 415),
        (b"{}", "br", 415),
        (gzip.compress(gzip.compress(b"{}")), "gzip, gzip", 415),
    ],
    # gzip writes the time into its head: as an id it would be another test in each of two processes.
    ids=["not packed", "cut", "with a rest", "deflate as gzip", "deflate", "brotli", "packed twice"],
)
async def test_a_badly_packed_body_is_refused(program, body, encoding, status):
    """What isn't one whole gzip stream is refused."""
    assert (await post(program, body, content_encoding=encoding)).status == status


@pytest.mark.parametrize("start", [b'{"model_id":"', b'{"items":['])
async def test_a_gzip_bomb_costs_little_memory(program, start):
    """A gigabyte of zeros in a megabyte is refused after a few megabytes of it."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(start)
    bomb += b"".join(packer.compress(b" " * 1_000_000) for _ in range(1000)) + packer.flush()
    assert len(bomb) < 2_000_000
    tracemalloc.start()
    try:
        answer = await post(program, bomb[: 4 * 1024 * 1024 - 1], content_encoding="gzip", content_length="1000")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert peak < 32_000_000


async def test_an_upload_has_a_limit_too(program):
    """It is counted while it is read."""
    await program("POST", "/v1/predictions", {"model_id": "digits", "id": "p1", "label": "1"})
    body = b"\x89PNG\r\n\x1a\n" + b"\0" * Settings().max_input
    told = await program("PUT", "/v1/predictions/p1/input", body, content_type="image/png")
    counted = await program("PUT", "/v1/predictions/p1/input", body, content_type="image/png", content_length="9")
    packed = await program("PUT", "/v1/predictions/p1/input", gzip.compress(body), content_encoding="gzip")
    assert [answer.status for answer in (told, counted, packed)] == [413, 413, 415]


@pytest.mark.parametrize(
    ("query", "status", "path"),
    [
        ("model_id=digits&limit=0", 422, "$.limit"),
        ("model_id=digits&limit=1001", 422, "$.limit"),
        ("model_id=digits&limit=ten", 422, "$.limit"),
        ("model_id=digits&limit=", 422, "$.limit"),
        ("model_id=digits&limit=" + "9" * 400, 422, "$.limit"),
        ("model_id=digits&min_confidence=nan", 422, "$.min_confidence"),
        ("model_id=digits&min_confidence=null", 422, "$.min_confidence"),
        ("model_id=digits&start_date=yesterday", 422, "$.start_date"),
        ("model_id=digits&start_date=2025-02-30", 422, "$.start_date"),
        ("model_id=digits&start_date=2025-11-02&end_date=2025-11-01", 422, "$.end_date"),
        ("model_id=digits&cursor=abc", 422, "$.cursor"),
        ("model_id=digits&cursor=WzFlOTksImEiXQ", 422, "$.cursor"),
        ("model_id=digits&label=a%00b", 422, "$.label"),
        ("model_id=digits&order=up", 422, "$.order"),
        ("model_id=digits&model_id=digits", 422, "$.model_id"),
        ("limit=5", 422, "$.model_id"),
        ("model_id=digits&label=%ff", 400, None),
        ("&".join(f"a{n}=1" for n in range(1000)), 400, None),
    ],
)
async def test_a_wrong_parameter_is_named(program, query, status, path):
    """Query strings are checked like bodies."""
    answer = await program("GET", "/v1/predictions?" + query)
    assert answer.status == status
    assert answer.paths() == ([path] if path else [])


async def test_a_plus_that_was_not_escaped_in_a_time_is_understood(program):
    """In a query string it arrives as a space."""
    answer = await program("GET", "/v1/predictions?model_id=digits&start_date=2025-11-01T00:00:00+02:00")
    assert answer.status == 200


@pytest.mark.parametrize("id", ["a b", "x" * 129, "a%2Fb", "é"])
async def test_an_id_that_can_not_exist_is_refused(program, id):
    """A path is checked like a body."""
    assert (await program("GET", f"/v1/models/{id}")).status in (404, 422)


async def test_a_full_queue_is_503_with_retry_after(program, services):
    """Nothing is dropped silently."""
    object.__setattr__(services.inbox, "_items", services.settings.queue_items)
    answer = await program("POST", "/v1/predictions", {"model_id": "digits", "label": "1"})
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_what_breaks_inside_is_500_and_tells_nothing(program, services, monkeypatch, caplog):
    """The log has the details, the answer hasn't."""

    async def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(services.events, "list_predictions", broken)
    answer = await program("GET", "/v1/predictions?model_id=digits")
    assert answer.status == 500
    assert "secret detail" not in answer.body.decode()
    assert "secret detail" in caplog.text
