"""A real Firefox, driven through WebDriver BiDi over its WebSocket: no geckodriver, no classic WebDriver.

One thread reads and writes: events are taken in while a command waits for its answer, so they are as old as the last
command. Everything has a time limit, and an answer that is an error names its command.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

COMMAND = shutil.which("firefox-esr") or shutil.which("firefox")
MISSING = "needs Firefox (Debian: apt-get install firefox-esr)"
SECONDS = 30.0
# Nothing listens on port 9: whatever the browser wants from the network for itself, it doesn't get.
PREFERENCES: dict[str, Any] = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "127.0.0.1, localhost",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "app.update.disabledForTesting": True,
    "app.normandy.enabled": False,
    "nimbus.rollouts.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "browser.newtabpage.enabled": False,
    # The icon of a tab is asked for in the name of the page, whose policy may forbid it.
    "browser.chrome.site_icons": False,
    "extensions.systemAddon.update.enabled": False,
}
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " ", "Delete": "\ue017"}


class BidiError(Exception):
    """A command that the browser refused, or JavaScript that threw."""


@dataclass(frozen=True)
class Node:
    """An element of a page, to click on or to give to a function."""

    shared_id: str


def local_value(value: Any) -> dict[str, Any]:
    """Return the wire form of an argument of a function.

    >>> local_value([1, "a"])
    {'type': 'array', 'value': [{'type': 'number', 'value': 1}, {'type': 'string', 'value': 'a'}]}
    """
    match value:
        case None:
            return {"type": "null"}
        case Node():
            return {"sharedId": value.shared_id}
        case bool():
            return {"type": "boolean", "value": value}
        case int() | float():
            return {"type": "number", "value": value}
        case str():
            return {"type": "string", "value": value}
        case list() | tuple():
            return {"type": "array", "value": [local_value(item) for item in value]}
        case dict():
            return {"type": "object", "value": [[name, local_value(item)] for name, item in value.items()]}
    raise TypeError(f"an argument can't be a {type(value).__name__}")


def plain(remote: dict[str, Any]) -> Any:
    """Return the Python form of a value of the page; what has none, such as a function, is its type's name.

    >>> plain({"type": "object", "value": [["a", {"type": "number", "value": "NaN"}]]})
    {'a': nan}
    """
    kind, value = remote["type"], remote.get("value")
    if kind in ("undefined", "null"):
        return None
    if kind == "number":
        return float(value.replace("Infinity", "inf")) if isinstance(value, str) else value
    if kind in ("string", "boolean", "date"):
        return value
    if kind == "bigint":
        return int(str(value))
    if kind == "node":
        return Node(remote["sharedId"])
    if kind in ("object", "map") and value is not None:
        return {name if isinstance(name, str) else plain(name): plain(item) for name, item in value}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return kind


@dataclass
class Tab:
    """A page; `console` and `errors` are what it wrote and what it didn't catch."""

    firefox: "Firefox"
    context: str
    user_context: str
    console: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def goto(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self.firefox.command("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def reload(self) -> None:
        """Load the page again."""
        self.firefox.command("browsingContext.reload", context=self.context, wait="complete")

    def close(self) -> None:
        """Close the tab as a person does, without asking the page."""
        self.firefox.command("browsingContext.close", context=self.context)

    def another(self) -> "Tab":
        """Open a further tab that shares storage and cookies with this one."""
        return self.firefox.tab(self.user_context)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression; a promise is awaited."""
        return self._value("script.evaluate", expression=expression)

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a JavaScript function with arguments, await its promise, and return its value."""
        values = [local_value(argument) for argument in arguments]
        return self._value("script.callFunction", functionDeclaration=function, arguments=values)

    def wait_for(self, expression: str, equal: Any = True, seconds: float = 10) -> None:
        """Wait until an expression has a value."""
        until = time.monotonic() + seconds
        while (value := self.evaluate(expression)) != equal:
            if time.monotonic() > until:
                raise AssertionError(f"{expression} is {value!r} and not {equal!r} after {seconds} s")
            time.sleep(0.02)

    def click(self, node: Node) -> None:
        """Press the mouse button on the middle of an element that is brought into view."""
        self.call("(node) => node.scrollIntoView({ block: 'center' })", node)
        move = {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": local_value(node)}}
        steps = [move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._perform({"type": "pointer", "id": "mouse", "actions": steps})

    def drag(self, *points: tuple[float, float]) -> None:
        """Press the mouse button at the first place of the viewport, pass the others, and let go at the last."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 20} for x, y in points]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        self._perform({"type": "pointer", "id": "mouse", "actions": [moves[0], down, *moves[1:], up]})

    def press(self, *keys: str) -> None:
        """Press and release keys one after the other, by name or as the character they write."""
        steps = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self._perform({"type": "key", "id": "keyboard", "actions": steps})

    def screenshot(self) -> bytes:
        """Return the viewport as a PNG."""
        return base64.b64decode(self.firefox.command("browsingContext.captureScreenshot", context=self.context)["data"])

    def _value(self, method: str, **parameters: Any) -> Any:
        target = {"context": self.context}
        answer = self.firefox.command(method, target=target, awaitPromise=True, **parameters)
        if answer["type"] == "exception":
            raise BidiError(answer["exceptionDetails"]["text"])
        return plain(answer["result"])

    def _perform(self, source: dict[str, Any]) -> None:
        self.firefox.command("input.performActions", context=self.context, actions=[source])


class Firefox:
    """A browser with an open session."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last = 0
        self._tabs: dict[str, Tab] = {}
        self.command("session.new", capabilities={})
        self.command("session.subscribe", events=["log.entryAdded"])

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result.

        Raises:
            BidiError: with what the browser said against it.
            TimeoutError: when it doesn't answer in time.
        """
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        until = time.monotonic() + SECONDS
        while True:
            try:
                message = json.loads(self._socket.recv(timeout=max(0.0, until - time.monotonic())))
            except TimeoutError:
                raise TimeoutError(f"Firefox did not answer {method} in {SECONDS:.0f} s") from None
            if message["type"] == "event":
                self._hear(message["params"])
            elif message["id"] != self._last:
                continue
            elif message["type"] == "error":
                raise BidiError(f"{method}: {message['error']}: {message['message']}")
            else:
                return dict(message["result"])

    def tab(self, user_context: str | None = None) -> Tab:
        """Open a tab, by default with a storage of its own."""
        user_context = user_context or self.command("browser.createUserContext")["userContext"]
        context = self.command("browsingContext.create", type="tab", userContext=user_context)["context"]
        self.command("browsingContext.setViewport", context=context, viewport={"width": 800, "height": 600})
        self._tabs[context] = tab = Tab(self, context, user_context)
        return tab

    def forget(self, user_context: str) -> None:
        """Close the tabs of a storage, and throw it away."""
        self.command("browser.removeUserContext", userContext=user_context)

    def before_scripts(self, user_context: str, statements: str) -> None:
        """Run statements in every page of a storage before its own scripts."""
        declaration = f"() => {{ {statements} }}"
        self.command("script.addPreloadScript", functionDeclaration=declaration, userContexts=[user_context])

    def _hear(self, entry: dict[str, Any]) -> None:
        tab = self._tabs.get(entry["source"].get("context", ""))
        if tab and entry["type"] == "javascript":
            tab.errors.append(entry["text"])
        elif tab:
            tab.console.append((entry["level"], entry["text"]))


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Return where the browser listens, as soon as it says so."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        text = log.read_text(errors="replace")
        if "BiDi listening on " in text and text.partition("BiDi listening on ")[2].count("\n"):
            return text.partition("BiDi listening on ")[2].split()[0] + "/session"
        time.sleep(0.05)
    raise AssertionError(
        f"Firefox did not open its port, exit code {process.poll()}: {log.read_text(errors='replace')}"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser and the processes it has started: they are a group of their own."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, way)
            process.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    process.wait(timeout=10)


@contextmanager
def launched() -> Iterator[Firefox]:
    """Start a Firefox on an empty profile for a `with` block."""
    assert COMMAND, MISSING
    with tempfile.TemporaryDirectory(prefix="seeme-firefox-", ignore_cleanup_errors=True) as folder:
        profile, log = Path(folder, "profile"), Path(folder, "log")
        profile.mkdir()
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        command = [COMMAND, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
        surroundings = {**os.environ, "HOME": folder, "MOZ_CRASHREPORTER_DISABLE": "1"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=surroundings,
                start_new_session=True,
            )
        try:
            with connect(_address(log, process), proxy=None, max_size=None, open_timeout=SECONDS) as socket:
                yield Firefox(socket)
        finally:
            _end(process)
