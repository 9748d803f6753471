"""Many events at once: as one call that answers for each, or grouped by a thread in `with client.batch():`.

Nothing is lost silently. What waits is bounded, and a caller waits when it is full; what can't be stored is logged,
kept, and raised when the block is left, each event with its id, its error and its content.
"""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import msgspec

from seeme.errors import SeeMeError, ServiceError, TooLarge, Unauthorized
from seeme.outgoing import Event, query, segment
from seeme.records.feedback import Accepted
from seeme.results import Record
from seeme.transport import BYTES, TRY_AGAIN, Request, Transport, pause_before, problem_of

log = logging.getLogger("seeme")
MAX_ITEMS = 1_000
MAX_BODY = 4 * 1024 * 1024 - 1024
ORDER = ("predictions", "labels", "feedback")  # what is said of a prediction goes after it
IDS_IN_A_LINE = 50


class Failure(msgspec.Struct, frozen=True):
    """An event that could not be stored; `item` is what was sent, `index` its place in the list that was given."""

    index: int
    kind: str
    id: str
    error: SeeMeError
    item: dict[str, Any]


class BatchFailed(SeeMeError):
    """Some events could not be stored: `failures` names each, `results` has the others' answers in their places."""

    def __init__(self, failures: Sequence[Failure], results: Sequence[Record | None] = ()) -> None:
        self.failures, self.results = tuple(failures), list(results)
        first = "; ".join(f"{each.kind} {each.id}: {each.error}" for each in self.failures[:3])
        more = f"; and {len(self.failures) - 3} more in `failures`" if len(self.failures) > 3 else ""
        super().__init__(f"{len(self.failures)} could not be stored: {first}{more}")


def deliver(transport: Transport, events: Sequence[Event], patience: float) -> Iterator[Record | SeeMeError]:
    """Send events of one kind, `patience` seconds for each request, and yield the answer for each in its place.

    Where a whole request fails, that is the answer for its events; after it, nothing more is tried.
    """
    failed: SeeMeError | None = None
    for chunk in _chunks(events):
        if failed is None:
            try:
                yield from _answers(transport, chunk, time.monotonic() + patience)
                continue
            except SeeMeError as error:
                failed = error
        yield from [failed] * len(chunk)


def deliver_all(transport: Transport, events: Sequence[Event]) -> list[Record]:
    """Send events of one kind with their inputs, and return the answers in their order.

    Raises:
        BatchFailed: when some could not be stored.
    """
    answers = list(deliver(transport, events, transport.timeout))
    for at, event in enumerate(events):
        if isinstance(answers[at], Record):
            try:
                upload(transport, event, transport.timeout)
            except SeeMeError as error:
                answers[at] = error
    failures = [
        Failure(at, event.kind, event.id, answer, event.item())
        for at, (event, answer) in enumerate(zip(events, answers, strict=True))
        if isinstance(answer, SeeMeError)
    ]
    stored = [answer if isinstance(answer, Record) else None for answer in answers]
    if failures:
        raise BatchFailed(failures, stored)
    return [answer for answer in stored if answer is not None]


def upload(transport: Transport, event: Event, patience: float) -> None:
    """Send the input of a stored prediction, when it has one."""
    if event.input is None:
        return
    path, where = f"/v1/predictions/{segment(event.id, 'id')}/input", query(model_id=event.model_id)
    try:
        transport.call(Request("PUT", path, where, event.input, BYTES), patience)
    except SeeMeError as error:
        error.add_note(f"the prediction {event.id} is stored, its input isn't: upload_input({event.id!r}, ...) adds it")
        raise


def _chunks(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    start, size = 0, 0
    for at, event in enumerate(events):
        if at > start and (at - start == MAX_ITEMS or size + len(event.body) + 1 > MAX_BODY):
            yield events[start:at]
            start, size = at, 0
        size += len(event.body) + 1
    if events:
        yield events[start:]


def _answers(transport: Transport, chunk: Sequence[Event], deadline: float) -> list[Record | SeeMeError]:
    """Send one chunk; items that the service put off are sent again, those that it took aren't."""
    answers: dict[int, Record | SeeMeError] = {}
    left, tries = list(range(len(chunk))), 0
    while left:
        answers |= zip(left, _post(transport, [chunk[at] for at in left], deadline), strict=True)
        tries += 1
        put_off = [
            (at, error) for at in left if isinstance(error := answers[at], SeeMeError) and error.status in TRY_AGAIN
        ]
        pause = max((pause_before(tries, error) for _, error in put_off), default=0.0)
        if time.monotonic() + pause >= deadline:
            break
        time.sleep(pause)
        left = [at for at, _ in put_off]
    return [answers[at] for at in range(len(chunk))]


def _post(transport: Transport, chunk: Sequence[Event], deadline: float) -> list[Record | SeeMeError]:
    body = b'{"items":[' + b",".join(event.body for event in chunk) + b"]}"
    try:
        answer = transport.call(Request("POST", f"/v1/{chunk[0].kind}", body=body), deadline - time.monotonic())
    except TooLarge as error:  # a service may allow less than we assume
        middle = len(chunk) // 2
        if not middle:
            return [error]
        return _post(transport, chunk[:middle], deadline) + _post(transport, chunk[middle:], deadline)
    document = answer.json()
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list) or len(items) != len(chunk):
        raise ServiceError(f"the answer has not one result for each of {len(chunk)} events")
    return [_outcome(item) for item in items]


def _outcome(item: dict[str, Any]) -> Record | SeeMeError:
    problem = item.get("problem")
    if not isinstance(problem, dict):
        return Record(item, Accepted)
    status = problem.get("status", item.get("status"))
    return problem_of(status if isinstance(status, int) else 500, problem)


class Batch:
    """Events that a background thread sends in groups; made by `client.batch()` and used with `with`."""

    def __init__(self, transport: Transport, patience: float, max_events: int, max_bytes: int) -> None:
        self._transport, self._patience = transport, patience
        self._max_events, self._max_bytes = max_events, max_bytes
        self._changed = threading.Condition()
        self._queue: deque[Event] = deque()
        self._events = self._bytes = self._added = 0  # the first two also count what is being sent
        self._failures: list[Failure] = []
        self._broken: SeeMeError | None = None
        self._sending: list[Event] = []
        self._closing = False
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def __enter__(self) -> "Batch":
        _entered.set((*_entered.get(), self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        _entered.set(tuple(batch for batch in _entered.get() if batch is not self))
        try:
            self.close()
        except BatchFailed as failed:
            if error is None:
                raise
            # The block's own error goes on; the log has every id.
            error.add_note(f"and while the batch was closed: {failed}")

    def is_open_for(self, transport: Transport) -> bool:
        """Say whether events of this client go here: not after the end, nor in a forked child, which has no sender."""
        return self._transport is transport and not self._closing and self._process == os.getpid()

    def add(self, event: Event) -> Record | None:
        """Take an event, waiting while there is no room, and return its id and that it is queued (None: too late).

        Raises:
            SeeMeError: what has stopped the batch, when it has given up.
        """
        with self._changed:
            while not self._broken and self._events and not self._has_room(event):
                self._changed.wait()
            if self._closing:
                return None
            if self._broken:
                raise self._broken
            self._queue.append(event)
            self._events, self._bytes, self._added = self._events + 1, self._bytes + event.size, self._added + 1
            self._start()
            self._changed.notify_all()
        return Record({"id": event.id, "model_id": event.model_id, "status": "queued"}, Accepted)

    def flush(self) -> None:
        """Wait until what was logged so far is stored.

        Raises:
            BatchFailed: naming what could not be stored since the last flush.
        """
        try:
            with self._changed:
                while self._events:
                    self._changed.wait()
        except BaseException:  # such as a second Ctrl-C
            _report([event.id for event in (*self._sending, *self._queue)], "interrupted, so not known to be stored")
            raise
        failures, self._failures = self._failures, []
        if failures:
            raise BatchFailed(failures)

    def close(self) -> None:
        """Flush, and end the thread.

        Raises:
            BatchFailed: naming what could not be stored.
        """
        if self._process != os.getpid():
            return  # a forked child: the parent has the sender, and what waits
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        try:
            self.flush()
        finally:
            _live.discard(self)

    def _start(self) -> None:
        if self._thread is None:
            _live.add(self)
            self._thread = threading.Thread(target=self._send_all, name="seeme-batch", daemon=True)
            self._thread.start()

    def _has_room(self, event: Event) -> bool:
        return self._events < self._max_events and self._bytes + event.size <= self._max_bytes

    def _send_all(self) -> None:
        while taken := self._take():
            for kind in ORDER:
                some = [(at, event) for at, event in taken if event.kind == kind]
                if some:
                    self._send(some)
            with self._changed:
                self._events -= len(taken)
                self._bytes -= sum(event.size for _, event in taken)
                self._changed.notify_all()

    def _take(self) -> list[tuple[int, Event]]:
        """Return what waits, at most one request's worth, with the places where it was logged; nothing at the end."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            first = self._added - len(self._queue)
            taken = [(first + at, self._queue.popleft()) for at in range(min(len(self._queue), MAX_ITEMS))]
            self._sending = [event for _, event in taken]
            return taken

    def _send(self, some: list[tuple[int, Event]]) -> None:
        try:
            answers = self._broken or list(deliver(self._transport, [event for _, event in some], self._patience))
        except Exception as error:
            log.exception("a batch could not be sent")
            answers = ServiceError(f"the client failed: {error!r}")
        if isinstance(answers, SeeMeError):
            answers = [answers] * len(some)
        self._judge(answers)
        failed = [
            (at, event, got) for (at, event), got in zip(some, answers, strict=True) if isinstance(got, SeeMeError)
        ]
        self._fail([Failure(at, event.kind, event.id, error, event.item()) for at, event, error in failed])
        lost = {at for at, _, _ in failed}
        for at, event in some:
            if at not in lost and event.input is not None:
                self._upload(at, event)

    def _upload(self, at: int, event: Event) -> None:
        try:
            if self._broken:
                raise self._broken
            upload(self._transport, event, self._patience)
        except SeeMeError as error:
            self._judge([error])
            self._fail([Failure(at, "input", event.id, error, {"prediction_id": event.id, "model_id": event.model_id})])

    def _judge(self, answers: Sequence[Record | SeeMeError]) -> None:
        """Give up when the service took nothing for as long as we are patient, or doesn't know the key."""
        last = answers[-1]
        if isinstance(last, SeeMeError) and (last.status in {0, *TRY_AGAIN} or isinstance(last, Unauthorized)):
            self._broken = last

    def _fail(self, failures: list[Failure]) -> None:
        for reason in dict.fromkeys(str(failure.error) for failure in failures):
            _report([f"{each.kind} {each.id}" for each in failures if str(each.error) == reason], reason)
        with self._changed:
            self._failures += failures


def current(transport: Transport) -> Batch | None:
    """Return the batch that is open here for this client, the innermost first."""
    return next((batch for batch in reversed(_entered.get()) if batch.is_open_for(transport)), None)


def _report(ids: Sequence[str], reason: str) -> None:
    for at in range(0, len(ids), IDS_IN_A_LINE):
        some = ids[at : at + IDS_IN_A_LINE]
        log.error("%d events not stored (%s): %s", len(some), reason, ", ".join(some))


# The open batches of this thread or task: other threads keep sending at once, and know what was stored.
_entered: ContextVar[tuple[Batch, ...]] = ContextVar("seeme_batches", default=())
_live: set[Batch] = set()


def _flush_live() -> None:
    """At the interpreter's end, send what blocks that were never left still hold; `_fail` logs what can't be."""
    for batch in list(_live):
        try:
            batch.close()
        except BatchFailed as failed:
            log.error("at exit: %s", failed)


atexit.register(_flush_live)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_live.clear)
