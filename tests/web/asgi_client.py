"""Calls an ASGI application as a server would, without a network."""

import asyncio
import json
from typing import Any, NamedTuple

SHOP = "https://shop.example"  # whose pages have a publishable key


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)

    def paths(self) -> list[str]:
        """Return the paths that a problem names."""
        return [error["path"] for error in self.json()["errors"]]


class Caller:
    """Someone with a key, who calls an application."""

    def __init__(self, app: Any, key: str | None = None, address: str = "203.0.113.9", **headers: str) -> None:
        self.app = app
        self.address = address
        self.headers = {"host": "seeme.test", **headers}
        if key is not None:
            self.headers["authorization"] = f"Bearer {key}"

    async def __call__(self, method: str, url: str, body: Any = b"", chunk: int = 65536, **headers: str) -> Answer:
        """Send a request; `body` is bytes as they are, anything else as JSON. Names in `headers` have _ for -."""
        path, _, query = url.partition("?")
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body:
            sent.setdefault("content-type", "application/json")
            sent.setdefault("content-length", str(len(body)))
        scope = self._scope(method, path, query, sent)
        parts = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        messages[-1]["more_body"] = False
        self.read = 0
        answers: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not messages:
                await asyncio.Event().wait()  # the caller stays, and has nothing more to say
            self.read += len(messages[0]["body"])
            return messages.pop(0)

        async def send(message: dict[str, Any]) -> None:
            answers.append(message)

        await self.app(scope, receive, send)
        assert answers, "nothing was answered"
        got = {name.decode().lower(): value.decode() for name, value in answers[0]["headers"]}
        return Answer(answers[0]["status"], got, b"".join(answer.get("body", b"") for answer in answers[1:]))

    def _scope(self, method: str, path: str, query: str, headers: dict[str, str]) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
            "client": (self.address, 50000),
            "server": ("seeme.test", 80),
        }
