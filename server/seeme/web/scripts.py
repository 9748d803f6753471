"""The widget's script, as pages of any origin load it."""

from hashlib import sha256
from pathlib import Path

from seeme.errors import NotFound
from seeme.web.problems import send_problem
from seeme.web.reply import Header, Receive, Scope, Send, reply

NAMES = ("feedback-widget.js", "feedback-widget.esm.js")

_PACKAGED = Path(__file__).parent / "static" / "widget"
_CHECKOUT = Path(__file__).parents[3] / "widget" / "dist"
_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"public, max-age=3600"),
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)


class Script:
    """Answers with one built file; read again when it changes, so that a rebuild shows without a restart."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = 0
        self._body = b""
        self._tag = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a GET or HEAD."""
        try:
            self._load()
        except OSError:
            await send_problem(send, NotFound(f"{self._name} isn't built: run `make widget`"))
            return
        headers = (*_HEADERS, (b"etag", self._tag))
        asked = dict(scope["headers"]).get(b"if-none-match", b"")
        if self._tag in [tag.strip().removeprefix(b"W/") for tag in asked.split(b",")]:
            await reply(send, 304, extra=headers)
        else:
            await reply(send, 200, self._body, b"text/javascript; charset=utf-8", headers)

    def _load(self) -> None:
        path = next((folder / self._name for folder in (_PACKAGED, _CHECKOUT) if (folder / self._name).exists()), None)
        if path is None:
            raise FileNotFoundError(self._name)
        changed = path.stat().st_mtime_ns
        if changed != self._changed:
            self._body = path.read_bytes()
            self._tag = b'"' + sha256(self._body).hexdigest()[:32].encode() + b'"'
            self._changed = changed
