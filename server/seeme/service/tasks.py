"""All background work, as rows of one table. A vital task that ends ends the service; a periodic one tries again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from seeme.errors import Unavailable

log = logging.getLogger(__name__)


class Task(NamedTuple):
    """One row: what to run, and how often in seconds; None is for ever (a vital task).

    Of the nodes on a shared database one runs a periodic task, or `each` does. Some are needed only there.
    """

    name: str
    run: Callable[[Any], Awaitable[None]]  # given the Services
    every: float | None
    each: bool = False
    shared_only: bool = False


TASKS = (
    Task("writer", lambda services: services.inbox.write(), None),
    Task("retention", lambda services: services.removal.retain(), 3600),
    Task("quota", lambda services: services.quotas.keep(), 60),
    Task("A/B tests", lambda services: services.ab_results.look(), 30),
    Task("refresh", lambda services: services.cluster.refresh(), 2, each=True, shared_only=True),
    Task("late orphans", lambda services: services.cluster.join_orphans(), 10, shared_only=True),
    Task("folding of sums", lambda services: services.cluster.fold(), 60, shared_only=True),
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
            if task.shared_only and not services.database.shared:
                continue
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
            if task.each or not services.database.shared or await services.cluster.claim(task.name, every):
                await task.run(services)
        except Unavailable as error:
            log.warning("the task %s has to wait: %s; it is tried again in %d s", task.name, error, every)
        except Exception:
            log.exception("the task %s failed; it is tried again in %d s", task.name, every)
        await asyncio.sleep(every)
