"""HTTP for the client, on the standard library: pooled connections, one deadline per call, retries that change nothing.

A call is tried again when the connection fails or the answer is 408, 429, 502, 503 or 504, with growing random pauses
or the `Retry-After` it was told, until its deadline. Every try sends the same bytes, so the same ids: what they name is
stored once.
"""

import http.client
import io
import logging
import os
import random
import select
import socket
import ssl
import threading
import time
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit
from weakref import WeakSet

import msgspec

from seeme.errors import (
    BY_STATUS,
    ConnectionFailed,
    FieldError,
    RequestError,
    SeeMeError,
    ServiceError,
    SetupError,
)
from seeme.version import __version__

log = logging.getLogger("seeme")
JSON = "application/json"
BYTES = "application/octet-stream"  # the service recognises an input by its bytes
TRY_AGAIN = frozenset({408, 429, 502, 503, 504})
NOT_TAKEN = frozenset({408, 429, 503})
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
IDLE_CONNECTIONS = 8
CHUNK = 64 * 1024
# Own pauses' chance: drawing from the shared generator would change what a caller's seeded program draws.
_JITTER = random.Random()


class Request(msgspec.Struct, frozen=True):
    """One call. `repeatable` says that doing it twice is the same as doing it once.

    The body of its answer goes `into` a file, if one is given: then each of its chunks has the time of a whole call.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    repeatable: bool = True
    into: BinaryIO | None = None


class Answer(NamedTuple):
    """What came back, whole."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON (None for an empty body).

        Raises:
            ServiceError: when it isn't JSON, so when something other than the service answered.
        """
        if not self.body:
            return None
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            text = self.body[:100].decode("utf-8", "replace")
            raise ServiceError(f"the answer isn't JSON (is base_url a SeeMe service?): {text!r}") from None


class _Lost(Exception):
    """The connection failed; `sent` says whether the request may have reached the service."""

    def __init__(self, cause: Exception, *, sent: bool) -> None:
        super().__init__(str(cause) or type(cause).__name__)
        self.cause, self.sent = cause, sent


class Transport:
    """Sends requests to one service; threads may share it, and a forked child starts with connections of its own."""

    def __init__(self, base_url: str, api_key: str, timeout: float) -> None:
        self._forget()
        self._url = _checked(base_url)
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Accept": "application/json",
            "User-Agent": f"seeme-python/{__version__}",
        }
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None
        _transports.add(self)

    def call(self, request: Request, patience: float | None = None) -> Answer:
        """Return the answer of 2xx, trying for `patience` seconds (the client's timeout when not given).

        Raises:
            SeeMeError: the class of `seeme.errors` that the answer's status stands for.
            ConnectionFailed: when the service wasn't reached, or didn't answer in time.
        """
        deadline = time.monotonic() + (self.timeout if patience is None else patience)
        tries, said = 0, None
        while True:
            tries += 1
            try:
                answer = self._try(request, deadline)
            except _Lost as lost:
                # A last try that the deadline cuts short tells less than what the service said before it.
                cut = isinstance(lost.cause, TimeoutError) and time.monotonic() >= deadline
                error: SeeMeError = said if said and cut else self._unreachable(lost, tries)
                again = (request.repeatable or not lost.sent) and not isinstance(
                    lost.cause, ssl.SSLCertVerificationError
                )
            else:
                # What a lost first try has deleted is gone for the second one.
                if answer.status < 300 or (request.method == "DELETE" and tries > 1 and answer.status == 404):
                    return answer
                error = said = self._refused(answer)
                again = answer.status in TRY_AGAIN and (request.repeatable or answer.status in NOT_TAKEN)
            pause = pause_before(tries, error)
            if not again or time.monotonic() + pause >= deadline:
                raise error
            log.debug("%s %s: %s; again in %.2f s", request.method, request.path, error, pause)
            time.sleep(pause)

    def close(self) -> None:
        """Close the idle connections; a later call opens new ones."""
        while (connection := self._idle_one()) is not None:
            connection.close()

    def __del__(self) -> None:
        self.close()

    def _forget(self) -> None:
        """Start without connections."""
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []

    def _try(self, request: Request, deadline: float) -> Answer:
        """Send the request once and return the answer, whatever its status."""
        # Half the time for one try leaves room for another; what can't be repeated gets all of it.
        until = min(deadline, time.monotonic() + self.timeout / 2) if request.repeatable else deadline
        connection = self._waiting() if request.repeatable else None
        if connection is not None:
            try:
                return self._exchange(connection, request, until)
            except _Lost as lost:
                if not isinstance(lost.cause, ConnectionError | ssl.SSLError):
                    raise
                # The service closed it in the moment we chose it: no failure, just a late notice.
        return self._exchange(self._connected(until), request, until)

    def _waiting(self) -> "_Connection | None":
        """Return an idle connection that the service hasn't closed."""
        while (connection := self._idle_one()) is not None:
            if not connection.readable():
                return connection
            connection.close()
        return None

    def _idle_one(self) -> "_Connection | None":
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _connected(self, until: float) -> "_Connection":
        left = max(until - time.monotonic(), 0.001)
        host, port = self._url.hostname or "", self._url.port
        over = (
            http.client.HTTPSConnection(host, port, timeout=left, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(host, port, timeout=left)
        )
        try:
            over.connect()
        except (OSError, UnicodeError) as error:  # the latter for a host that can't be a name
            over.close()
            raise _Lost(error, sent=False) from None
        return _Connection(over)

    def _exchange(self, connection: "_Connection", request: Request, until: float) -> Answer:
        target = self._url.path.rstrip("/") + request.path + ("?" + urlencode(request.query) if request.query else "")
        content = {} if request.body is None else {"Content-Type": request.content_type}
        headers = self._headers | content | dict(request.headers)
        try:
            answer, keep = connection.exchange(request, target, headers, until, self.timeout)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _Lost(error, sent=True) from None
        except BaseException:  # such as Ctrl-C: an answer may still come, so nobody may use this connection again
            connection.close()
            raise
        with self._lock:
            keep = keep and len(self._idle) < IDLE_CONNECTIONS
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()
        return answer

    def _refused(self, answer: Answer) -> SeeMeError:
        if 300 <= answer.status < 400:
            return SetupError(f"{self.base_url} redirects to {answer.headers.get('Location')}: use that as base_url")
        return problem(answer.status, answer.body, answer.headers.get("Retry-After"))

    def _unreachable(self, lost: _Lost, tries: int) -> ConnectionFailed:
        tried = f" ({tries} tries)" if tries > 1 else ""
        verb = "didn't answer" if lost.sent else "can't be reached"
        return ConnectionFailed(f"{self.base_url} {verb}: {lost}{tried}")


class _Connection:
    """One connection, used by one call at a time."""

    def __init__(self, over: http.client.HTTPConnection) -> None:
        self._over, self._channel = over, _Channel(over.sock)
        over.sock = self._channel
        self.close = over.close

    def readable(self) -> bool:
        """Say whether something came: on an idle connection, that it was closed."""
        if not hasattr(select, "poll"):  # Windows
            return bool(select.select([self._channel], [], [], 0)[0])
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        return bool(poll.poll(0))

    def exchange(
        self, request: Request, target: str, headers: dict[str, str], until: float, patience: float
    ) -> tuple[Answer, bool]:
        """Send a request, and return its answer and whether the connection stays open."""
        self._channel.deadline = until
        body = request.body
        try:
            self._over.request(request.method, target, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            # A body that is refused early (413) is answered before it is read to the end.
            if body is None or not self.readable():
                raise
        response = self._over.getresponse()
        delimited = response.length is not None or response.chunked
        if request.into is not None and response.status < 300:
            self._copy(response, request.into, patience)
        answer = Answer(response.status, response.headers, response.read())
        if not delimited and not answer.body:
            # Nothing says where it should have ended, so this may be a head that was cut off.
            raise http.client.IncompleteRead(b"")
        return answer, not response.will_close

    def _copy(self, response: http.client.HTTPResponse, target: BinaryIO, patience: float) -> None:
        """Write an answer's body into a file, from its beginning: an earlier try may have broken off."""
        target.seek(0)
        target.truncate()
        while chunk := response.read(CHUNK):
            target.write(chunk)
            self._channel.deadline = time.monotonic() + patience


class _Channel:
    """A socket whose every read and write ends by one deadline, however slowly the other side drips."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self.deadline = sock, 0.0

    def arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        self.arm()
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self, self._sock.makefile("rb", buffering=0)))

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()


class _Reader(io.RawIOBase):
    def __init__(self, channel: _Channel, raw: io.RawIOBase) -> None:
        self._channel, self._raw = channel, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._channel.arm()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def problem(status: int, body: bytes, retry_after: str | None = None) -> SeeMeError:
    """Return the error that an answer stands for, with the service's words when it is problem+json."""
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError:
        document = {"detail": f"{status}: {body[:200].decode('utf-8', 'replace').strip()}"} if body.strip() else {}
    return problem_of(status, document if isinstance(document, dict) else {}, retry_after)


def problem_of(status: int, document: dict[str, Any], retry_after: str | None = None) -> SeeMeError:
    """Return the error that a decoded problem stands for."""
    kind = BY_STATUS.get(status) or (ServiceError if status >= 500 else RequestError)
    found = document.get("errors")
    errors = tuple(
        FieldError(str(each.get("path", "")), str(each.get("message", "")))
        for each in (found if isinstance(found, list) else ())
        if isinstance(each, dict)
    )
    message = document.get("detail") or document.get("title")
    error = kind(str(message) if message else None, errors=errors, retry_after=_seconds(retry_after))
    error.status = status
    return error


def pause_before(tries: int, error: SeeMeError) -> float:
    """Return the seconds to wait before trying again: as told, else doubling from 0.1 s to 10 s, half of it random."""
    if error.retry_after is not None:
        return error.retry_after * _JITTER.uniform(1.0, 1.1)  # so that not all come back in the same moment
    pause = min(FIRST_PAUSE * 2.0 ** min(tries - 1, 20), LONGEST_PAUSE)
    return pause * _JITTER.uniform(0.5, 1.0)


def _seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header, which is seconds or a date."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _checked(base_url: str) -> SplitResult:
    try:
        url = urlsplit(base_url)
        fits = url.scheme in ("http", "https") and url.hostname and not (url.query or url.fragment or url.username)
        _ = url.port  # raises when it isn't one
    except ValueError:
        fits = False
    if not fits:
        raise SetupError(f"base_url must be like https://feedback.example.com or .../prefix (got {base_url!r})")
    return url


_transports: WeakSet[Transport] = WeakSet()


def _after_fork() -> None:
    """Close the child's copies of connections that its parent goes on using, with a lock that nobody holds."""
    for transport in list(_transports):
        idle = transport._idle
        transport._forget()
        for connection in idle:
            connection.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
