"""uvicorn's HTTP/1.1 protocol with the limits it lacks: header bytes, connections, deadlines for slow senders.

One sweep a second looks at the open connections; a timer per request would cost more than the request's parsing. Times
come from the sweep too, so a deadline may be met up to two seconds late.
"""

import asyncio
from functools import partial
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from seeme.errors import BadRequest, SeeMeError, Unavailable
from seeme.settings import Settings
from seeme.web.problems import MEDIA_TYPE, problem, problem_headers

SLOWEST_BODY = 16 * 1024
SLOWEST_READER = 60.0
# A caller that is refused while it still sends gets its answer only if we go on reading for a while.
MOST_IGNORED = 32 * 1024 * 1024
LONGEST_IGNORED = 2.0
PERIOD = 1.0
# What is read in one turn of the loop, before any application sees it. Short requests aren't worth counting.
MOST_AT_ONCE = 4 * 1024 * 1024
SHORT = 4096


class RequestTimeout(SeeMeError):
    """The request didn't arrive in time."""

    status = 408


class HeadersTooLarge(SeeMeError):
    """The request's headers are too large."""

    status = 431


class Connections:
    """What all connections share: the limits, a clock that ticks once per sweep, and the sweep."""

    def __init__(self, settings: Settings) -> None:
        self.max_header = settings.max_header
        self.max_connections = settings.max_connections
        self.deadline = settings.request_deadline
        self.open: set[Connection] = set()
        self.now = 0.0
        self._unseen = 0
        self._waiting: list[Connection] = []

    def factory(self) -> Any:
        """Return what uvicorn calls to make a connection's protocol."""
        return partial(Connection, self)

    async def sweep(self) -> None:
        """Close the connections that took too long; runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.now = loop.time()
            for connection in list(self.open):
                connection.check()
            await asyncio.sleep(PERIOD)

    def count_read(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        """Let all connections wait for the loop's next turn when very much was read in this one."""
        if not self._unseen:
            loop.call_soon(self._go_on)
        self._unseen += size
        if self._unseen > MOST_AT_ONCE and not self._waiting:
            self._waiting = [
                connection
                for connection in self.open
                if not connection.flow.read_paused and not connection.transport.is_closing()
            ]
            for connection in self._waiting:
                connection.flow.pause_reading()

    def _go_on(self) -> None:
        waiting, self._waiting, self._unseen = self._waiting, [], 0
        for connection in waiting:
            if connection in self.open:
                connection.flow.resume_reading()

    def make_room(self) -> bool:
        """Close the connection that has been without a complete request for longest; return whether there was one."""
        quiet = [connection for connection in self.open if connection.is_quiet]
        if not quiet:
            return False
        min(quiet, key=lambda connection: connection.since).transport.close()
        return True


class Connection(HttpToolsProtocol):
    """One connection, with its limits."""

    def __init__(self, shared: Connections, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.shared = shared
        self.since = shared.now
        self.head_open = False
        self.body_open = False
        self.head_size = 0
        self.body_size = 0
        self.trailer_size = 0
        self.since_body = 0
        self.answered_at = 0.0
        self.refusal: SeeMeError | None = None
        self.stuck_since = 0.0
        self.stuck_at = 0

    @property
    def is_quiet(self) -> bool:
        """Whether no request of this connection is being answered, though the body of an answered one may come yet."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many that are busy."""
        super().connection_made(transport)
        shared = self.shared
        self.since = shared.now = self.loop.time()
        if len(shared.open) >= shared.max_connections and not shared.make_room():
            self._refuse(Unavailable("too many connections; try again", retry_after=1))
            return
        shared.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.shared.open.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, counting the bytes of unfinished headers and trailers."""
        if self.refusal is not None or self.transport.is_closing():
            return
        if len(data) > SHORT:
            self.shared.count_read(len(data), self.loop)
        self.head_size += len(data)
        body_size = self.body_size
        super().data_received(data)
        # The parser keeps a trailer until it ends, so what comes without being body is limited like headers.
        self.since_body = self.since_body + len(data) if self.body_open and self.body_size == body_size else 0
        unfinished = self.head_size if self.head_open else self.since_body
        if unfinished > self.shared.max_header and self.refusal is None:
            self._refuse(HeadersTooLarge())

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        super().on_message_begin()
        self.head_open = True
        self.since = self.shared.now

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer, which nothing reads, is only counted."""
        if self.head_open:
            super().on_header(name, value)
            return
        self.trailer_size += len(name) + len(value) + 4
        if self.trailer_size > self.shared.max_header:
            self.refusal = HeadersTooLarge()
            raise self.refusal

    def on_headers_complete(self) -> None:
        """Check the size of the headers, then start answering."""
        # Only when so much data came at all are the headers alone counted.
        if self.head_size > self.shared.max_header:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self.shared.max_header:
                self.refusal = HeadersTooLarge()
                raise self.refusal
        self.head_open = False
        self.body_open = True
        self.body_size = 0
        self.trailer_size = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self.body_size += len(body)
        if self.body_size > MOST_IGNORED and self.cycle.response_complete:
            self.transport.close()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock of a request."""
        self.body_open = False
        self.head_size = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note when a request was answered."""
        self.answered_at = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused."""
        self._refuse(self.refusal or BadRequest("this isn't an HTTP/1.1 request"))

    def check(self) -> None:
        """Close the connection when its time is over."""
        age = self.shared.now - self.since
        if self.flow.write_paused:
            self._check_reader()
        if self.head_open:
            if age > self.shared.deadline:
                self._refuse(RequestTimeout())
        elif self.body_open and self.cycle.response_complete:
            if self.shared.now - self.answered_at > LONGEST_IGNORED:
                self.transport.close()
        elif self.body_open:
            self._check_body(age)
        elif self.cycle is None and age > self.shared.deadline:
            self.transport.close()

    def _check_body(self, age: float) -> None:
        # Not the sender's fault when we don't read: then its time stands still.
        if self.flow.read_paused:
            self.since += PERIOD
        elif age > self.shared.deadline and self.body_size < age * SLOWEST_BODY:
            self._refuse(RequestTimeout())

    def _check_reader(self) -> None:
        """Give up on a caller that doesn't read its answer."""
        waiting = self.transport.get_write_buffer_size()
        if waiting != self.stuck_at:
            self.stuck_at, self.stuck_since = waiting, self.shared.now
        elif self.shared.now - self.stuck_since > SLOWEST_READER:
            self.transport.abort()

    def _refuse(self, error: SeeMeError) -> None:
        """Answer with an error, unless an answer has begun, and close."""
        self.refusal = error
        if self.transport.is_closing():
            return
        is_answered = self.body_open and self.cycle.response_complete
        if not is_answered and (self.cycle is None or self.cycle.response_complete or not self.cycle.response_started):
            body = msgspec.json.encode(problem(error))
            headers = dict(problem_headers(error)) | {
                b"content-type": MEDIA_TYPE,
                b"content-length": b"%d" % len(body),
                b"connection": b"close",
            }
            head = b"".join(b"%s: %s\r\n" % header for header in headers.items())
            self.transport.write(STATUS_LINE[error.status] + head + b"\r\n" + body)
        self.transport.close()
