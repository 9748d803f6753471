"""When the writer stands still, the queue fills to its limit and no further; what doesn't fit is told so at once."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from live import Live
from senders import MODEL, Answer, Caller, Sent, set_up, stored_ids, wait_until

QUEUE = 1000
BATCH = 100
REQUESTS = 30


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Live]:
    """A service with a small queue."""
    live = Live(tmp_path / "data", SEEME_QUEUE_ITEMS=str(QUEUE)).start()
    try:
        yield live
    finally:
        live.stop()


@contextmanager
def _writer_held(live: Live) -> Iterator[None]:
    """Hold the file's write lock from outside, as a slow disk would hold up the writer; SQLite waits 5 seconds."""
    with closing(sqlite3.connect(live.folder / "seeme.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        try:
            yield
        finally:
            other.execute("rollback")


def _batch(number: int) -> Sent:
    ids = [f"b{number}-{n}" for n in range(BATCH)]
    items = [{"id": id, "model_id": MODEL, "label": "cat", "created_at": "2026-01-05T00:00:00Z"} for id in ids]
    return Sent("predictions", ids, json.dumps({"items": items}).encode())


def test_a_full_queue_is_503_with_retry_after(service: Live) -> None:
    """As many events as the queue holds wait and are stored; the others get 503 at once, and fit later."""
    key = set_up(service)
    took: dict[int, float] = {}
    answered = threading.Semaphore(0)

    def send(number: int) -> Answer:
        """Send one batch; note how long its answer took."""
        began = time.monotonic()
        with Caller(service.port, key) as caller:
            answer = caller.send(_batch(number))
        took[number] = time.monotonic() - began
        answered.release()
        return answer

    with ThreadPoolExecutor(REQUESTS) as pool:
        with _writer_held(service):
            futures = [pool.submit(send, number) for number in range(REQUESTS)]
            for _ in range(REQUESTS - QUEUE // BATCH):
                assert answered.acquire(timeout=4)
            with Caller(service.port, key) as reader:
                assert reader("GET", "/healthz").content["waiting"] == QUEUE
                assert reader("GET", f"/v1/predictions?model_id={MODEL}").status == 200
        answers = [future.result() for future in futures]
    full = [number for number, answer in enumerate(answers) if answer.status == 503]
    assert len(full) == REQUESTS - QUEUE // BATCH
    assert {answers[number].headers["retry-after"] for number in full} == {"1"}
    assert max(took[number] for number in full) < 4
    assert {answer.status for answer in answers} == {207, 503}
    kept = {id for number in range(REQUESTS) if number not in full for id in _batch(number).ids}
    assert set(stored_ids(service)["predictions"]) == kept
    for number in full:
        assert len(send(number).stored(_batch(number))) == BATCH


def test_a_writer_held_up_for_too_long_is_503_and_nothing_is_stored(service: Live) -> None:
    """After SQLite's 5 seconds the waiting callers are told to come back; the repeat is new, not a replay."""
    key = set_up(service)
    with Caller(service.port, key) as caller:
        with _writer_held(service):
            answer = caller.send(_batch(0))
            assert answer.status == 503
            assert int(answer.headers["retry-after"]) >= 1
        assert stored_ids(service)["predictions"] == []
        again = caller.send(_batch(0))
        assert [item["status"] for item in again.content["items"]] == ["created"] * BATCH


def test_a_restart_empties_no_queue(service: Live) -> None:
    """SIGTERM while events wait for a writer that is held up: all that was taken is stored and answered first."""
    key = set_up(service)
    with ThreadPoolExecutor(8) as pool:
        with _writer_held(service):
            futures = [pool.submit(_send, service, key, number) for number in range(8)]
            with Caller(service.port, key) as reader:
                wait_until(lambda: reader("GET", "/healthz").content["waiting"] == 8 * BATCH)
            assert service.process is not None
            service.process.terminate()
            time.sleep(0.5)
        answers = [future.result() for future in futures]
    assert {answer.status for answer in answers} == {207}
    assert service.process.wait(30) == 0
    service.start()
    assert len(stored_ids(service)["predictions"]) == 8 * BATCH


def _send(service: Live, key: str, number: int) -> Answer:
    with Caller(service.port, key) as caller:
        return caller.send(_batch(number))
