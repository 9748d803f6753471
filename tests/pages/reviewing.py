"""Reviewers before real browser windows, and queues for them to work on."""

import re
import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from playwright.async_api import Browser, Page, expect
from tests.widget.axe import RUN, TAGS, source

from seeme.clock import from_micros
from seeme.records.feedback import Correction
from seeme.records.keys import NewKey
from seeme.records.models import ConfigPatch, ModelPatch, NewModel
from seeme.records.predictions import Detection, NewPrediction
from seeme.records.queries import ReviewQuery
from seeme.records.review import ReviewItem
from seeme.service.keys import Identity
from seeme.service.services import Services

LABELS = ["cat", "dog", "fox", "hare"]
ALL = {"enabled": True, "random_sample": {"enabled": True, "rate": 1.0}}


def png(width: int, height: int, shade: int = 128) -> bytes:
    """Return an image of that size, with a lighter square in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def row(y: int) -> bytes:
        inside = height // 4 < y < height * 3 // 4
        return b"\0" + bytes(220 if inside and width // 4 < x < width * 3 // 4 else shade for x in range(width))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(row(y) for y in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def make_model(services: Services, task: str = "classification", engine: Any = ALL, **fields: Any) -> None:
    """Make the model `pets` with its data engine."""
    given: dict[str, Any] = {"labels": [] if task == "regression" else LABELS, **fields}
    new = NewModel(name="Pets", id="pets", task=task, config=ConfigPatch(log_inputs=True), **given)  # type: ignore[arg-type]
    await services.models.create(new)
    await services.models.patch("pets", msgspec.convert({"data_engine": engine}, ModelPatch), "Ada")


async def fill(services: Services, someone: Identity, count: int = 6, **fields: Any) -> None:
    """Log predictions p0, p1 ... of cats, all of which are taken."""
    scores = {"cat": 0.5, "dog": 0.3, "fox": 0.15, "hare": 0.05}
    given: dict[str, Any] = {"label": "cat", "confidence": 0.5, "scores": scores, **fields}
    at = from_micros(services.clock())
    await services.ingest.predictions(
        [NewPrediction(model_id="pets", id=f"p{n}", created_at=at, **given) for n in range(count)], someone
    )


async def fill_detections(services: Services, someone: Identity, count: int = 4) -> None:
    """Log predictions with two boxes each and images."""
    found = [
        Detection(label="cat", box=(80.0, 60.0, 160.0, 120.0), confidence=0.9),
        Detection(label="dog", box=(20.0, 30.0, 60.0, 40.0), confidence=0.4),
    ]
    await fill(
        services, someone, count, label=None, confidence=None, scores=None, detections=found, image_size=(320, 240)
    )
    await add_images(services, count, 320, 240)


async def add_images(services: Services, count: int, width: int, height: int) -> None:
    """Upload the inputs."""
    for n in range(count):
        await services.inputs.put(f"p{n}", "pets", _whole(png(width, height, 90 + n)))


async def correct(services: Services, someone: Identity, id: str, label: str, notes: str) -> None:
    """Have a user say what is right."""
    new = Correction(model_id="pets", prediction_id=id, correct_label=label, notes=notes)
    await services.ingest.feedback([new], someone)


async def listed(services: Services, **filters: Any) -> list[ReviewItem]:
    """Return the items of the queue."""
    return (await services.flagged.page(ReviewQuery(model_id="pets", limit=1000, **filters))).items


async def decided(services: Services) -> dict[str, str]:
    """Return what was decided of each item."""
    return {item.id: item.decision for item in await listed(services) if item.decision}


class Desk:
    """One reviewer's window."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.mistakes: list[str] = []
        page.on("console", lambda said: self.mistakes.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.mistakes.append(str(error)))

    async def open(self, link: str = "/models/pets/review") -> None:
        """Go to a page of the service."""
        await self.page.goto(self.address + link)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def saved(self, number: int) -> None:
        """Wait until so many decisions of this sitting are stored."""
        await expect(self.page.locator("#done")).to_have_text(str(number))

    async def item(self) -> str:
        """Wait for an item and return its id."""
        await expect(self.page.locator("#item-title")).to_be_visible()
        link = await self.page.locator("#about a").last.get_attribute("href")
        assert link
        return link.rsplit("/", 1)[1]

    async def told(self, text: str | re.Pattern[str]) -> None:
        """Wait until the live region says something."""
        await expect(self.page.locator("#announce")).to_contain_text(text)

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        root = "document.documentElement"
        return int(await self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))

    async def violations(self) -> list[Any]:
        """Return what axe finds wrong with the page as it stands."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(source())
        found, _, _ = await self.page.evaluate(RUN, TAGS)
        return list(found)


async def sit_down(
    chromium: Browser, services: Services, address: str, holder: str = "Ada", *scopes: str, **look: Any
) -> Desk:
    """Open a window and sign in with a key of one's own."""
    wanted = list(scopes or ("read", "review"))
    new = NewKey(kind="secret", holder=holder, scopes=wanted, models=[])  # type: ignore[arg-type]
    key = (await services.keys.create(new)).key
    context = await chromium.new_context(locale="en-GB", **look)
    desk = Desk(await context.new_page(), address)
    await desk.open("/sign-in")
    await desk.page.fill("#secret", key)
    await desk.page.click("main button")
    await desk.page.wait_for_url(re.compile(r"/$"))
    desk.mistakes.clear()
    return desk
