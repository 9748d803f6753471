"""A page with the box editor, its image's pixels as places on the screen, and what it says of each box."""

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from outside import Origin
from playwright.sync_api import Locator, Page

WIDTH, HEIGHT = 400, 200
BOXES = [
    {"label": "dog", "confidence": 0.97, "box": [20, 30, 200, 150]},
    {"label": "nose", "box": [60.25, 60, 50, 40]},
    {"label": "cat", "confidence": 0.4, "box": [260, 40, 100, 100]},
]


def png(width: int = WIDTH, height: int = HEIGHT) -> str:
    """Return a grey image of that size as a data URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


@dataclass
class Editor:
    """The element in a page."""

    page: Page
    name: str = "seeme-boxes"

    @property
    def element(self) -> Locator:
        """The element; in detection mode the part of it that holds the editor."""
        return self.page.locator(self.name)

    @property
    def canvas(self) -> Locator:
        """The image with its boxes."""
        return self.element.locator("[part=canvas]")

    @property
    def value(self) -> Any:
        """What was judged."""
        return self.element.evaluate("e => e.value")

    @property
    def status(self) -> Locator:
        """What it says of the last change."""
        return self.element.get_by_role("status")

    def set(self, **properties: Any) -> None:
        """Set properties of the element."""
        self.element.evaluate("(e, properties) => { Object.assign(e, properties) }", properties)

    def row(self, number: int) -> Locator:
        """The row of a box, counted from 1."""
        return self.element.locator("[part=row]").nth(number - 1)

    def field(self, number: int, name: str) -> Locator:
        """A field in the row of a box, by its English name."""
        return self.row(number).locator(f"[part={name.lower()}]")

    def box(self, number: int) -> Locator:
        """The drawing of a box, counted from 1."""
        return self.boxes.nth(number - 1)

    @property
    def boxes(self) -> Locator:
        """The drawings of all boxes."""
        return self.element.locator("[part~=box]")

    def press(self, name: str) -> None:
        """Click a button."""
        self.element.get_by_role("button", name=name, exact=True).click()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a pixel of the image is on the screen."""
        place = self.canvas.bounding_box()
        assert place
        return place["x"] + x * place["width"] / WIDTH, place["y"] + y * place["height"] / HEIGHT

    def click(self, x: float, y: float) -> None:
        """Click at a pixel of the image."""
        self.page.mouse.click(*self.at(x, y))

    def drag(self, *points: tuple[float, float], drop: bool = True) -> None:
        """Press at the first pixel of the image, pass the others, and let go at the last."""
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=3)
        if drop:
            self.page.mouse.up()

    @property
    def selected(self) -> list[int]:
        """The numbers of the selected boxes, which must be the same in the image and in the list."""
        in_image, in_list = (
            self.element.locator(where).evaluate_all("nodes => nodes.map((node) => node.ariaCurrent === 'true')")
            for where in ("[part~=box]", "[part=row]")
        )
        assert in_image == in_list
        return [number for number, is_selected in enumerate(in_image, 1) if is_selected]


def html(service: Origin, image: str | None = None, before: str = "") -> str:
    """Return the tags of the script and the element."""
    return (
        f'<script type="module" src="{service.address}/seeme-boxes.js"></script>'
        f'<main>{before}<seeme-boxes image-src="{png() if image is None else image}"></seeme-boxes></main>'
    )


def open_editor(page: Page, site: Origin, service: Origin, *, width: str = "560px", **properties: Any) -> Editor:
    """Open a page with the editor; up to 560 pixels the image takes all its width."""
    style = f"<style>body {{ margin: 0 }} seeme-boxes {{ inline-size: {width} }}</style>"
    page.goto(site.show(style + html(service)))
    editor = Editor(page)
    editor.set(**{"boxes": BOXES, **properties})
    page.wait_for_function("document.querySelector('seeme-boxes').shadowRoot.querySelector('img').complete")
    return editor
