"""The page: a visitor's digits, read by the classifier that the visitor is assigned to, with the widget under each."""

from html import escape
from pathlib import Path
from string import Template
from uuid import uuid4

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from seeme.errors import SeeMeError

from .model import Digits, Image, scan
from .reading import Reader, Reading
from .setup import MODEL_ID

HERE = Path(__file__).parent
SHOWN = 6
NOISE = 0.12
COOKIE = "ab_visitor"

CARD = Template("""<li>
$image
<p><strong>$label</strong> $percent sure</p>
<seeme-feedback model-id="$model" prediction-id="$prediction" api-key="$key" subject="$visitor" mode="rating">
</seeme-feedback>
</li>""")


def drawn(image: Image) -> str:
    """Return an 8 x 8 image as SVG: 64 squares, dark where there is ink."""
    squares = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1" fill-opacity="{image[y, x]:.2f}"/>'
        for y in range(8)
        for x in range(8)
    )
    return f'<svg viewBox="0 0 8 8" role="img" aria-label="A handwritten digit">{squares}</svg>'


def card(image: Image, reading: Reading, visitor: str, key: str) -> str:
    """Return one digit with its answer."""
    if reading.answer is None:
        return f"<li>{drawn(image)}<p>It could not be read.</p></li>"
    return CARD.substitute(
        image=drawn(image),
        label=escape(reading.answer.label),
        percent=f"{reading.answer.confidence:.0%}",
        model=escape(MODEL_ID),
        prediction=escape(reading.id),
        key=escape(key),
        visitor=escape(visitor),
    )


def create_app(reader: Reader, digits: Digits, test_id: str, service_url: str, key: str, home: str = "") -> Starlette:
    """Return the example's app; browsers find the service at `service_url`, and what is beside it at `home`."""

    def page(request: Request) -> Response:
        """Read a few digits for the visitor that the cookie names; a service that is away takes only them away."""
        visitor = request.cookies.get(COOKIE) or str(uuid4())
        random = np.random.default_rng()
        cards, notice = [], ""
        try:
            for index in random.choice(len(digits.images), SHOWN, replace=False):
                image = scan(digits.images[index], NOISE, random)
                cards.append(card(image, reader.read(visitor, image), visitor, key))
        except SeeMeError as error:
            notice = f'<p role="status">These digits were not read or logged: {escape(str(error))}</p>'
        html = Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
            service=escape(service_url.rstrip("/")),
            test=escape(test_id),
            home=f'<a href="{home}">Digits</a>' if home else "",
            notice=notice,
            cards="\n".join(cards),
        )
        response = HTMLResponse(html, headers={"Cache-Control": "no-store"})
        response.set_cookie(COOKIE, visitor, max_age=30 * 86_400, httponly=True, samesite="lax")
        return response

    return Starlette(routes=[Route("/", page, methods=["GET"])])
