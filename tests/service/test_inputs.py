"""Inputs: recognised by their bytes, checked against the prediction's hash, served as they came."""

import asyncio
from hashlib import sha256

import pytest
from msgspec.structs import replace

from seeme.errors import Conflict, Invalid, NotFound, TooLarge, UnsupportedMedia
from seeme.records.models import ConfigPatch, ModelPatch, NewModel
from seeme.records.predictions import NewPrediction
from seeme.service.services import Services

PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)
GIF = b"GIF89a" + bytes(100)


async def chunks(content, size=1000):
    """Yield bytes as a request brings them."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.fixture
async def logged(services, model, someone):
    """Services with a prediction p1 that has no hash and p2 with the hash of PNG."""
    news = [NewPrediction(model_id="digits", id="p1", label="1")]
    news.append(NewPrediction(model_id="digits", id="p2", label="1", input_hash=sha256(PNG).hexdigest()))
    await services.ingest.predictions(news, someone)
    return services


def left(settings):
    """Return the files of the blobs' folder."""
    return [path for path in (settings.data / "blobs").rglob("*") if path.is_file()]


async def test_an_input_comes_back_as_it_was_sent(logged):
    """Same bytes, with the media type that the bytes say; the prediction knows that it has one."""
    stored, created = await logged.inputs.put("p1", None, chunks(PNG))
    assert created
    assert (stored.input_hash, stored.size, stored.media_type) == (sha256(PNG).hexdigest(), len(PNG), "image/png")
    path, kind = await logged.inputs.open("p1", "digits")
    assert (path.read_bytes(), kind) == (PNG, "image/png")
    found = await logged.events.prediction("p1")
    assert (found.has_input, found.input_hash) == (True, stored.input_hash)


async def test_the_same_input_again_changes_nothing(logged):
    """A retry is answered as stored, and counted once."""
    for created in (True, False, False):
        stored, new = await logged.inputs.put("p1", None, chunks(PNG))
        assert (new, stored.size) == (created, len(PNG))
    assert (await logged.database.one("blob", hash=stored.input_hash))["refs"] == 1


async def test_another_input_is_a_conflict(logged, settings):
    """The first one stays."""
    await logged.inputs.put("p1", None, chunks(PNG))
    with pytest.raises(Conflict, match="another input already"):
        await logged.inputs.put("p1", None, chunks(GIF))
    assert (await logged.inputs.open("p1", None))[0].read_bytes() == PNG
    assert len(left(settings)) == 1


async def test_two_inputs_at_once_are_one_and_a_conflict(logged, settings):
    """Whoever comes second in the writer's order is refused."""
    calls = (logged.inputs.put("p1", None, chunks(content)) for content in (PNG, GIF, PNG))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    kinds = [type(one) for one in outcomes]
    assert Conflict in kinds
    path, _ = await logged.inputs.open("p1", None)
    assert left(settings) == [path]


async def test_bytes_of_another_hash_are_refused(logged, settings):
    """A prediction that was logged with a hash takes just those bytes."""
    with pytest.raises(Invalid, match=f"the bytes' SHA-256 is {sha256(GIF).hexdigest()}"):
        await logged.inputs.put("p2", None, chunks(GIF))
    assert left(settings) == []
    assert (await logged.inputs.put("p2", None, chunks(PNG)))[1]


@pytest.mark.parametrize("content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"%PDF-1.7"])
async def test_what_is_no_raster_image_is_refused(logged, settings, content):
    """Told by the bytes, whatever the sender says; nothing is left of it."""
    with pytest.raises(UnsupportedMedia):
        await logged.inputs.put("p1", None, chunks(content))
    assert left(settings) == []


async def test_an_input_has_a_bound(settings, clock, someone):
    """One byte more than SEEME_MAX_INPUT is too large."""
    async with Services.open(replace(settings, max_input=len(PNG)), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits", config=ConfigPatch(log_inputs=True)))
        await services.ingest.predictions([NewPrediction(model_id="digits", id="p1", label="1")], someone)
        with pytest.raises(TooLarge):
            await services.inputs.put("p1", None, chunks(PNG + b"x"))
        assert left(settings) == []
        await services.inputs.put("p1", None, chunks(PNG))


async def test_inputs_are_stored_only_where_they_are_wanted(logged, settings):
    """With config.log_inputs off nothing is taken, not even read; what is there stays."""
    await logged.models.patch("digits", ModelPatch(config=ConfigPatch(log_inputs=False)))

    async def never():
        raise AssertionError("the body was read")
        yield b""

    with pytest.raises(Conflict, match=r"config\.log_inputs"):
        await logged.inputs.put("p1", None, never())
    assert left(settings) == []


async def test_an_input_without_a_prediction_is_not_found(logged):
    """Unknown predictions and models have no place for it; a prediction without an input has none to show."""
    for arguments in (("unknown", None), ("unknown", "digits"), ("p1", "unknown")):
        with pytest.raises(NotFound):
            await logged.inputs.put(*arguments, chunks(PNG))
        with pytest.raises(NotFound):
            await logged.inputs.open(*arguments)
    with pytest.raises(NotFound, match="isn't stored"):
        await logged.inputs.open("p1", None)


async def test_a_shared_input_is_one_file(logged, settings):
    """Predictions of the same image refer to one file."""
    for id in ("p1", "p2"):
        await logged.inputs.put(id, None, chunks(PNG))
    assert len(left(settings)) == 1
    assert (await logged.database.one("blob", hash=sha256(PNG).hexdigest()))["refs"] == 2
