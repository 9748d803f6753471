"""The page: run the detector on pictures of the bench, log what it said, and ask about each box with the widget."""

import json
import logging
from collections.abc import Callable
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from seeme import Client
from seeme.client import BatchFailed
from seeme.errors import SeeMeError

from . import png, scene
from .detector import LABELS
from .prediction import PICTURES, Prediction, log_predictions, predict, upload

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
SHOWN = 3

CARD = Template("""<li class="card" style="--place: $place">
<div class="said"><h2>$found</h2><p>$sure <span>$latency ms</span></p></div>
<seeme-feedback
mode="detection"
model-id="$model"
prediction-id="$prediction"
api-key="$key"
labels="$labels"
image-src="$image"
boxes="$boxes">
</seeme-feedback>
<details><summary>What is really there</summary>
<p>$truth</p>
<svg viewBox="0 0 $width $height" role="img" aria-label="The same picture with the true boxes">
<image href="$image" width="$width" height="$height"/>
$outlines</svg></details>
</li>""")


@lru_cache(maxsize=32)
def image(number: int) -> bytes:
    """Return the picture with this number as a PNG; a picture is made from its number, so any start can show it."""
    return png.encode(scene.make(number).pixels)


def draw() -> list[int]:
    """Return the numbers of pictures for a page, by chance."""
    return [int(number) for number in np.random.default_rng().integers(PICTURES, size=SHOWN)]


def upload_shown(client: Client, model_id: str, shown: list[Prediction]) -> None:
    """Upload a page's pictures, which can come after the page."""
    try:
        for said in shown:
            upload(client, model_id, said)
    except SeeMeError:
        log.exception("pictures of a page could not be uploaded")


def card(said: Prediction, place: int, model_id: str, key: str) -> str:
    """Return a picture's part of the page: what was found, the widget, and behind a summary the truth."""
    detections, parts = said.answer.detections, said.scene.parts
    lowest = min((found.confidence for found in detections), default=None)
    return CARD.substitute(
        place=place,
        found=escape(count([found.label for found in detections]) or "Nothing found"),
        sure="" if lowest is None else f"<span>least sure of them {lowest:.0%}</span>",
        latency=f"{said.answer.latency_ms:.0f}",
        model=escape(model_id),
        prediction=escape(said.id),
        key=escape(key),
        labels=escape(", ".join(LABELS)),
        image=f"pictures/{said.scene.number}.png",
        boxes=escape(json.dumps(said.boxes)),
        truth=escape(count([part.label for part in parts]) or "No part at all") + ".",
        width=scene.WIDTH,
        height=scene.HEIGHT,
        outlines="\n".join(outline(part) for part in parts),
    )


def outline(part: scene.Part) -> str:
    """Return the drawing of a true box."""
    x, y, width, height = part.box
    return (
        f'<g><title>{escape(part.label)}</title><rect x="{x}" y="{y}" width="{width}" height="{height}"/>'
        f'<text x="{x}" y="{max(11, y - 3)}">{escape(part.label)}</text></g>'
    )


def count(labels: list[str]) -> str:
    """Return how many there are of each, as `2 screws, 1 nut`."""
    counts = [(labels.count(label), label) for label in LABELS]
    return ", ".join(f"{number} {label}{'s' * (number > 1)}" for number, label in counts if number)


def create_app(client: Client, model_id: str, service_url: str, publishable_key: str, home: str = "") -> Starlette:
    """Return the example's app; browsers find the service at `service_url`, and at `home` another example, if any."""
    template = Template((HERE / "page.html").read_text(encoding="utf-8"))
    back = f'<a class="quiet" href="{escape(home)}">Digits</a>' if home else ""
    known = {"service": escape(service_url.rstrip("/")), "model": escape(model_id), "home": back}

    def page(request: Request) -> Response:
        """Show new pictures; a service that can't be reached doesn't take the page away."""
        shown = [predict(number) for number in draw()]
        later, notice = None, ""
        try:
            log_predictions(client, model_id, shown)
            later = BackgroundTask(upload_shown, client, model_id, shown)
        except BatchFailed as failed:
            reason = escape(str(failed.failures[0].error))
            notice = f'<p class="notice" role="status">These predictions were not logged: {reason}</p>'
        cards = [card(said, place, model_id, publishable_key) for place, said in enumerate(shown)]
        html = template.substitute(known, notice=notice, cards="\n".join(cards))
        return HTMLResponse(html, background=later, headers={"Cache-Control": "no-store"})

    def picture(request: Request) -> Response:
        """Return one picture of the bench."""
        number = request.path_params["number"]
        if number >= PICTURES:
            return Response(status_code=404)
        return Response(image(number), media_type="image/png", headers={"Cache-Control": "max-age=3600"})

    def style(request: Request) -> Response:
        """Return the page's style sheet."""
        return Response((HERE / "page.css").read_text(encoding="utf-8"), media_type="text/css")

    endpoints: list[tuple[str, Callable[[Request], Response]]] = [
        ("/", page),
        ("/page.css", style),
        ("/pictures/{number:int}.png", picture),
    ]
    return Starlette(routes=[Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints])
