"""The widget's scripts and texts, as pages of any origin load them."""

import gzip
import re
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from seeme.errors import NotFound
from seeme.web.problems import send_problem
from seeme.web.reply import Header, Receive, Scope, Send, reply

_PACKAGED = Path(__file__).parent / "static" / "widget"
_CHECKOUT = Path(__file__).parents[3] / "widget" / "dist"
_MEDIA_TYPES = {".js": b"text/javascript; charset=utf-8", ".json": b"application/json"}
_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"public, max-age=3600"),
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"vary", b"accept-encoding"),
)
_CODING = re.compile(
    rb"[ \t]*(gzip|x-gzip|\*)[ \t]*(?:;[ \t]*q[ \t]*=[ \t]*([01](?:\.\d{0,3})?)[ \t]*)?", re.IGNORECASE
)


class _Form(NamedTuple):
    """The script as it is sent, plain or packed."""

    body: bytes
    tag: bytes
    coding: tuple[Header, ...]

    @classmethod
    def of(cls, body: bytes, *coding: Header) -> "_Form":
        """Return the form that sends these bytes; each has a tag of its own, as caches tell them apart by it."""
        return cls(body, b'"' + sha256(body).hexdigest()[:32].encode() + b'"', coding)


class Script:
    """Answers with one built file; read again when it changes, so that a rebuild shows without a restart."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = 0
        self._plain = self._packed = _Form.of(b"")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a GET or HEAD."""
        try:
            self._load()
        except OSError:
            await send_problem(send, NotFound(f"{self._name} isn't built: run `make widget`"))
            return
        asked = dict(scope["headers"])
        form = self._packed if takes_gzip(asked.get(b"accept-encoding", b"")) else self._plain
        known = [tag.strip().removeprefix(b"W/") for tag in asked.get(b"if-none-match", b"").split(b",")]
        headers = (*_HEADERS, (b"etag", form.tag))
        if form.tag in known:
            await reply(send, 304, extra=headers)
        else:
            media_type = _MEDIA_TYPES[Path(self._name).suffix]
            await reply(send, 200, form.body, media_type, (*headers, *form.coding))

    def _load(self) -> None:
        path = next((folder / self._name for folder in (_PACKAGED, _CHECKOUT) if (folder / self._name).exists()), None)
        if path is None:
            raise FileNotFoundError(self._name)
        changed = path.stat().st_mtime_ns
        if changed != self._changed:
            body = path.read_bytes()
            self._plain = _Form.of(body)
            self._packed = _Form.of(gzip.compress(body, mtime=0), (b"content-encoding", b"gzip"))
            self._changed = changed


def names() -> list[str]:
    """Return the names of the built files: the widget, the parts that it loads when they are wanted, and its texts."""
    built = {file.name for folder in (_PACKAGED, _CHECKOUT) for file in folder.glob("*") if file.suffix in _MEDIA_TYPES}
    return sorted(built | {"feedback-widget.js"})


def takes_gzip(accepted: bytes) -> bool:
    """Return whether an Accept-Encoding takes gzip: by its name, or by `*` where it isn't named."""
    found = [match for part in accepted.split(b",") if (match := _CODING.fullmatch(part))]
    named = [match for match in found if match[1] != b"*"] or found
    return any(float(match[2] or 1) > 0 for match in named)
