"""The inbox: a bounded queue in front of the one writer, and the group commit that answers after the fsync.

The writer takes whatever waits while the previous commit runs, stores it in one transaction, and then answers every
caller. There is no timer: an idle service commits at once, a busy one in batches.

A busy one takes at most half of those who are on their way: while their half is stored, the requests of the other
half are read. With all in one batch, reading and storing would wait for each other.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, TypeVar

from msgspec import Struct

from seeme.errors import SeeMeError, ServiceFailed, StorageFull, Unavailable
from seeme.records.rows import EventRow
from seeme.service.intake import Intake
from seeme.service.outcomes import Outcome
from seeme.settings import Settings
from seeme.store.database import Database, RowRefused, Transaction, TryAgain

log = logging.getLogger(__name__)

MOST_PER_COMMIT = 5_000
WHOLE = 16  # callers; halving so few gains nothing
RETRY_AFTER = 1.0
TRIES = 8
# Seconds; the change feed of a shared database shows what is older than that and the difference of the nodes' clocks.
LONGEST_BATCH = 5.0
Result = TypeVar("Result")
Accept = Callable[[Transaction, Sequence[EventRow], int], Awaitable[list[Outcome]]]
Work = Callable[[Transaction], Awaitable[Any]]


class _Waiting(Struct):
    """What one caller waits for: events to store, or work to do in the writer's transaction, with what follows it."""

    rows: Sequence[EventRow]
    work: Work | None
    then: Callable[[Any], None] | None
    size: int
    answer: "asyncio.Future[Any]"


class Inbox:
    """Takes events and other writes, in order, and answers when they are on disk."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        settings: Settings,
        clock: Callable[[], int],
        observe: Callable[[float, int], None] = lambda seconds, events: None,
    ) -> None:
        self._database = database
        self._intake = intake
        self._settings = settings
        self._clock = clock
        self._observe = observe
        self._waiting: deque[_Waiting] = deque()
        self._items = 0
        self._bytes = 0
        self._closing = False
        self._last_callers = 0
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return self._items

    async def put(self, rows: Sequence[EventRow], size: int) -> list[Outcome]:
        """Store events; return one outcome per row when they are on disk. `size` is about their bytes in memory.

        Raises:
            Unavailable: the queue is full, or the service shuts down.
            StorageFull: there is no room on the disk.
        """
        if self._items + len(rows) > self._settings.queue_items or self._bytes + size > self._settings.queue_bytes:
            raise Unavailable("the queue is full; try again", retry_after=RETRY_AFTER)
        outcomes: list[Outcome] = await self._enqueue(rows, None, None, size)
        return outcomes

    async def run(
        self, work: Callable[[Transaction], Awaitable[Result]], then: Callable[[Result], None] | None = None
    ) -> Result:
        """Do other work in the writer's transaction; return its result when it is on disk.

        An exception of the work undoes the work alone and is raised here. `then` is called with the result right
        after the commit, before anything else is stored and even if the caller has gone: what is kept in memory of
        the database is changed there, so that the two never differ.
        """
        result: Result = await self._enqueue((), work, then, 0)
        return result

    async def _enqueue(
        self, rows: Sequence[EventRow], work: Work | None, then: Callable[[Any], None] | None, size: int
    ) -> Any:
        if self._closing:
            raise Unavailable("the service is shutting down; try again", retry_after=RETRY_AFTER)
        entry = _Waiting(rows, work, then, size, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._items += len(rows)
        self._bytes += size
        self._wake.set()
        return await entry.answer

    def close(self) -> None:
        """Take nothing more; the writer ends when all that was taken is stored and answered."""
        self._closing = True
        self._wake.set()

    async def write(self) -> None:
        """Be the writer: commit what waits until the inbox is closed and empty. A vital task."""
        try:
            await self._write()
        finally:  # whatever ended the writer: nobody waits for an answer that can't come
            self.close()
            for entry in self._waiting:
                if not entry.answer.done():
                    entry.answer.set_exception(Unavailable("the service is shutting down", retry_after=RETRY_AFTER))

    async def _write(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._last_callers = 0
                self._wake.clear()
                await self._wake.wait()
                continue
            # Let those come too whose requests have arrived together with the first one's.
            await asyncio.sleep(0)
            batch = self._take()
            try:
                await self._commit(batch)
            finally:
                self._items -= sum(len(entry.rows) for entry in batch)
                self._bytes -= sum(entry.size for entry in batch)
                for entry in batch:
                    if not entry.answer.done():
                        entry.answer.set_exception(ServiceFailed())

    def _take(self) -> list[_Waiting]:
        most = share(self._last_callers, len(self._waiting))
        batch = [self._waiting.popleft()]
        count = len(batch[0].rows)
        while self._waiting and len(batch) < most and count + len(self._waiting[0].rows) <= MOST_PER_COMMIT:
            batch.append(self._waiting.popleft())
            count += len(batch[-1].rows)
        self._last_callers = len(batch)
        return batch

    async def _commit(self, batch: list[_Waiting]) -> None:
        """Store a batch and answer its callers; every failure is an answer, none ends the writer."""
        began = perf_counter()
        try:
            results = await self._try(batch)
        except SeeMeError as error:
            self._fail(batch, error)
        except Exception:
            log.exception("a commit of %d callers failed", len(batch))
            self._fail(batch, ServiceFailed())
        else:
            self._observe(perf_counter() - began, sum(len(entry.rows) for entry in batch))
            for entry, result in zip(batch, results, strict=True):
                if entry.then is not None and not isinstance(result, Exception):
                    self._follow(entry.then, result)
                if entry.answer.done():  # the caller has gone; what it sent is stored all the same
                    continue
                if isinstance(result, Exception):
                    entry.answer.set_exception(result)
                else:
                    entry.answer.set_result(result)

    def _follow(self, then: Callable[[Any], None], result: Any) -> None:
        try:
            then(result)
        except Exception:  # the writer goes on, whatever others make of what is stored
            log.exception("what follows a commit failed")

    async def _try(self, batch: list[_Waiting]) -> list[Any]:
        """Store a batch: carefully when a row was refused, and again when another node was in the way."""
        accept = self._intake.accept
        for left in reversed(range(TRIES)):
            try:
                return await self._store(batch, accept)
            except RowRefused:
                accept = self._intake.accept_carefully
            except TryAgain:
                if not left:
                    raise
            self._intake.forget()
        raise ServiceFailed

    def _fail(self, batch: list[_Waiting], error: SeeMeError) -> None:
        self._intake.forget()
        for entry in batch:
            if not entry.answer.done():
                entry.answer.set_exception(error)

    async def _store(
        self,
        batch: list[_Waiting],
        accept: Accept,
    ) -> list[Any]:
        """Store a batch in one transaction; return each caller's result, which may be an exception of its work."""
        rows = [row for entry in batch for row in entry.rows]
        async with self._database.transaction() as tx:
            # Work first, events last: what the database says of events it may say as late as at the commit.
            done = [None if entry.work is None else await self._work(tx, entry.work) for entry in batch]
            outcomes = iter(await self._accept(tx, rows, accept) if rows else [])
        return [
            [next(outcomes) for _ in entry.rows] if entry.work is None else result
            for entry, result in zip(batch, done, strict=True)
        ]

    async def _accept(self, tx: Transaction, rows: list[EventRow], accept: Accept) -> list[Outcome]:
        began = perf_counter()
        outcomes = await accept(tx, rows, self._clock())
        if self._database.shared and perf_counter() - began > LONGEST_BATCH:
            raise TryAgain("storing took so long that the change feed might miss it", retry_after=RETRY_AFTER)
        return outcomes

    async def _work(self, tx: Transaction, work: Work) -> Any:
        """Do one caller's work; what goes wrong with it is undone and answered alone, unless it is the disk."""
        try:
            async with tx.savepoint():
                return await work(tx)
        except (Unavailable, StorageFull):
            raise
        except SeeMeError as error:
            self._intake.forget()
            return error
        except Exception:
            log.exception("a write failed")
            self._intake.forget()
            return ServiceFailed()


def share(last: int, waiting: int) -> int:
    """Return how many callers a batch takes, from how many the last one had (0 from idle) and how many wait."""
    return max((last + waiting) // 2, WHOLE) if last else waiting
