"""The page: run the model on held-out images, log what it said, and show each answer with the widget under it."""

import base64
import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from seeme.client import BatchFailed, Client
from seeme.errors import SeeMeError, SetupError

from .model import Answer, Digits, png, predict, scan

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
SHOWN = 12
VERSION = "v2"
NOISE = 0.14
UNSURE = 0.7

CARD = Template("""<li class="card $doubt" style="--place: $place">
<div class="reading">
<img src="$image" width="128" height="128" alt="A handwritten digit">
<div><div class="label">$label</div><meter value="$confidence" aria-label="Confidence"></meter>
<div class="confidence"><span>$percent sure</span> <span>$latency ms</span></div></div>
</div>
<seeme-feedback
model-id="$model"
prediction-id="$prediction"
api-key="$key">
</seeme-feedback>
</li>""")


class Shown(NamedTuple):
    """One digit on the page: the id its prediction is logged under, the image as read, the answer and the truth."""

    id: str
    image: bytes
    answer: Answer
    truth: str


def read(digits: Digits, count: int = SHOWN) -> list[Shown]:
    """Run the model on images drawn at random from those it never saw."""
    random = np.random.default_rng()
    version = digits.versions[VERSION]
    shown = []
    for index in random.choice(len(digits.images), count, replace=False):
        image = scan(digits.images[index], NOISE, random)
        shown.append(Shown(str(uuid.uuid4()), png(image), predict(version, image), digits.truths[index]))
    return shown


def log_predictions(client: Client, model_id: str, shown: list[Shown]) -> None:
    """Log what the model said, in one request."""
    client.log_predictions(
        [
            {
                "id": digit.id,
                "model_id": model_id,
                "version_id": VERSION,
                "label": digit.answer.label,
                "confidence": digit.answer.confidence,
                "scores": digit.answer.scores,
                "latency_ms": digit.answer.latency_ms,
            }
            for digit in shown
        ]
    )


def log_rest(client: Client, model_id: str, shown: list[Shown]) -> None:
    """Log what can come after the page: the input images, and the truth (a held-out image's label is known)."""
    try:
        with client.batch():
            for digit in shown:
                client.log_label(digit.id, digit.truth, model_id=model_id)
        for digit in shown:
            client.upload_input(digit.id, digit.image, model_id=model_id)
    except SeeMeError:
        log.exception("labels or inputs of a page could not be logged")


def render(shown: list[Shown], service_url: str, model_id: str, key: str, problem: str = "", links: str = "") -> str:
    """Return the page."""
    cards = [
        CARD.substitute(
            doubt="unsure" if digit.answer.confidence < UNSURE else "",
            place=place,
            image="data:image/png;base64," + base64.b64encode(digit.image).decode(),
            label=escape(digit.answer.label),
            confidence=digit.answer.confidence,
            percent=f"{digit.answer.confidence:.0%}",
            latency=f"{digit.answer.latency_ms:.1f}",
            model=escape(model_id),
            prediction=escape(digit.id),
            key=escape(key),
        )
        for place, digit in enumerate(shown)
    ]
    notice = f'<p class="notice" role="status">{escape(problem)}</p>\n' if problem else ""
    page = Template((HERE / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        service=escape(service_url.rstrip("/")),
        model=escape(model_id),
        links=links,
        notice=notice,
        cards="\n".join(cards),
    )


def create_app(
    client: Client,
    digits: Digits,
    model_id: str,
    service_url: str,
    publishable_key: str,
    beside: Mapping[str, Starlette] | None = None,
) -> Starlette:
    """Return the example's app; browsers find the service at `service_url`, and other examples `beside` by a link."""
    others = {f"/{name.lower()}": (name, app) for name, app in (beside or {}).items()}
    links = "".join(f'<a class="quiet" href="{path}/">{escape(name)}</a>' for path, (name, _) in others.items())

    def page(request: Request) -> Response:
        """Read new digits and show them; a service that can't be reached doesn't take the page away."""
        shown = read(digits)
        later, problem = None, ""
        try:
            log_predictions(client, model_id, shown)
            later = BackgroundTask(log_rest, client, model_id, shown)
        except BatchFailed as failed:
            problem = f"These predictions were not logged: {failed.failures[0].error}"
        html = render(shown, service_url, model_id, publishable_key, problem, links)
        return HTMLResponse(html, background=later, headers={"Cache-Control": "no-store"})

    def style(request: Request) -> Response:
        """Return the page's style sheet."""
        return Response((HERE / "page.css").read_text(encoding="utf-8"), media_type="text/css")

    endpoints: list[tuple[str, Callable[[Request], Response]]] = [("/", page), ("/page.css", style)]
    own = [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints]
    return Starlette(routes=[*own, *(Mount(path, app) for path, (_, app) in others.items())])


class Server:
    """A running example: its address, and the way to stop it."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        try:
            self._socket = socket.create_server((host, port), family=_family(host))
        except OSError as error:
            raise SetupError(f"the example can't listen at {host}:{port}: {error.strerror}") from None
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="digits", daemon=True)

    def start(self) -> None:
        """Serve in a thread, and return when the page can be asked for."""
        self._thread.start()
        while self._thread.is_alive() and not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """Answer what was asked, and end."""
        self._server.should_exit = True
        self._thread.join()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
