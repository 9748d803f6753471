"""What every page shares: the templates, the notation of numbers and times, the links, the headers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from seeme.clock import from_micros
from seeme.domain import metrics
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.version import __version__

_HERE = Path(__file__).parent
STATIC_FOLDER = _HERE / "static"

# No inline code or style at all: a label or a note that slips through escaping still can't run.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: with it browsers send `Origin: null` on forms, and writes could not be checked.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


def static_version(name: str) -> str:
    """Return a short digest of the static file `name`, so that its address changes when it does."""
    path = STATIC_FOLDER / name
    return _digest(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=100)
def _digest(path: Path, _changed: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]


def utc(at: datetime) -> str:
    """Return a time as readers without scripts see it: `2026-03-01 14:05 UTC`."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


def machine_time(at: datetime) -> str:
    """Return a time as the `datetime` attribute wants it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def count(number: int) -> str:
    """Return a count with thousands separated: 12,345."""
    return f"{number:,}"


def percent(share: float) -> str:
    """Return a share of 0 to 1 as per cent; 100 % and 0 % only when it is exactly so."""
    text = f"{share * 100:.1f}"
    if text in ("100.0", "0.0") and share not in (0, 1):
        text = ">99.9" if share > 0.5 else "<0.1"
    return text.removesuffix(".0") + " %"


def milliseconds(duration: float) -> str:
    """Return a duration of milliseconds in the unit that reads best."""
    if duration >= 1000:
        return f"{duration / 1000:.2f} s"
    if duration < 1:
        return f"{duration:.2g} ms"
    return f"{duration:.0f} ms" if duration >= 100 else f"{duration:.1f} ms"


def figure(number: float) -> str:
    """Return a number of unknown size with five significant digits."""
    return f"{number:.5g}"


def words(name: str) -> str:
    """Return a name of the API as words: `missed_object` is "missed object"."""
    return name.replace("_", " ")


_IN_WORDS = {
    metrics.INCOMPLETE: "Shown when every prediction gets its true label: declare that in the model's settings "
    "(labels_complete).",
}


_CAUSES = {"burst": "", "duplicate": "", "misfit": "it doesn't fit: ", "token": "prediction token: "}


def reason(text: str) -> str:
    """Return a reason of the API as people read it: without its names, and without codes before a colon."""
    cause, colon, rest = text.partition(": ")
    return _IN_WORDS.get(text, f"{_CAUSES[cause]}{rest}" if colon and cause in _CAUSES else text)


def sentence(text: str) -> str:
    """Return a message as a sentence, with a capital and a full stop."""
    whole = text[:1].upper() + text[1:]
    return whole if not whole or whole[-1] in ".!?:`" else whole + "."


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for notation in (utc, machine_time, count, percent, milliseconds, figure, words, reason, sentence):
        environment.filters[notation.__name__] = notation
    return environment


_TEMPLATES = _environment()


def root(request: Request) -> str:
    """Return the base path that every link starts with ('' without one)."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def local_path(text: str | None) -> str | None:
    """Return `text` when it is a path of this service, so that a sign-in can't send people elsewhere."""
    if not text or not text.startswith("/") or text.startswith("//"):
        return None
    if "\\" in text or any(ord(letter) < 0x20 for letter in text):
        return None
    return text


@dataclass(frozen=True)
class Visit:
    """One request for a page: what was asked, and by whom."""

    request: Request
    services: Services
    identity: Identity | None = None

    @property
    def who(self) -> Identity:
        """The person signed in; only for pages that need one."""
        if self.identity is None:
            raise LookupError("this page is open: nobody need be signed in")
        return self.identity

    def at(self) -> datetime:
        """Return the time of the visit."""
        return from_micros(self.services.clock())

    def days_ago(self, days: int) -> datetime:
        """Return the time `days` before now."""
        return self.at() - timedelta(days=days)

    def path(self, *parts: str, **query: object) -> str:
        """Return a link below the base path: `path('models', id, period='day')`."""
        link = root(self.request) + "/" + "/".join(quote(part, safe=":~/") for part in parts)
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return link + ("?" + urlencode(given) if given else "")

    def static(self, name: str) -> str:
        """Return the address of a static file, with the version of its content."""
        return self.path("static", name, v=static_version(name))

    def public_url(self) -> str:
        """Return the service's address as other pages reach it, without a slash at the end."""
        configured = self.services.settings.public_url
        if configured:
            return configured.rstrip("/")
        return f"{self.request.url.scheme}://{self.request.url.netloc}{root(self.request)}"

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return the page `template` filled with `values`."""
        text = self.fragment(template, **values)
        return HTMLResponse(text, status, HEADERS)

    def fragment(self, template: str, **values: Any) -> str:
        """Return the text of `template` filled with `values`."""
        return _TEMPLATES.get_template(template).render(
            visit=self,
            identity=self.identity,
            path=self.path,
            static=self.static,
            version=__version__,
            **values,
        )

    def redirect(self, link: str) -> Response:
        """Return the answer that sends the browser to `link` with a GET."""
        return RedirectResponse(link, 303, HEADERS)

    def query(self) -> Mapping[str, str]:
        """Return what follows the `?`."""
        return self.request.query_params
