"""All background work, as rows of one table. A vital task that ends ends the service; a periodic one tries again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

log = logging.getLogger(__name__)


class Task(NamedTuple):
    """One row: what to run, and how often in seconds; None is for ever (a vital task)."""

    name: str
    run: Callable[[Any], Awaitable[None]]  # given the Services
    every: float | None


TASKS = (
    Task("writer", lambda services: services.inbox.write(), None),
    Task("retention", lambda services: services.removal.retain(), 3600),
)


class Tasks:
    """The running tasks. `failed` resolves with the name of a vital task that died."""

    def __init__(self) -> None:
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._vital: list[asyncio.Task[None]] = []
        self._periodic: list[asyncio.Task[None]] = []

    def start(self, services: Any, tasks: tuple[Task, ...] = TASKS) -> None:
        """Start every row of the table."""
        for task in tasks:
            if task.every is None:
                self._vital.append(asyncio.create_task(self._supervise(task, services), name=task.name))
            else:
                self._periodic.append(asyncio.create_task(_repeat(task, task.every, services), name=task.name))

    async def _supervise(self, task: Task, services: Any) -> None:
        try:
            await task.run(services)
        except BaseException:
            log.critical("the vital task %s died; the service stops", task.name, exc_info=True)
            if not self.failed.done():
                self.failed.set_result(task.name)
            raise

    async def stop(self) -> None:
        """Stop periodic work, then wait for the vital tasks to end by themselves (their inboxes are closed)."""
        for task in self._periodic:
            task.cancel()
        await asyncio.gather(*self._periodic, *self._vital, return_exceptions=True)


async def _repeat(task: Task, every: float, services: Any) -> None:
    while True:
        try:
            await task.run(services)
        except Exception:
            log.exception("the task %s failed; it is tried again in %d s", task.name, every)
        await asyncio.sleep(every)
