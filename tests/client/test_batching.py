"""Tests of `with client.batch():`: nothing is lost, and what can't be stored is named."""

import contextvars
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from seeme.client import BatchFailed, Client
from seeme.errors import ConnectionFailed, Invalid, Unavailable

PNG = b"\x89PNG\r\n\x1a\n..."


def test_events_in_a_batch_go_in_few_requests(stub: Any, client: Client) -> None:
    """Whatever waits while one request is under way is the next one."""
    stub.default = stub.slow(0.05)
    with client.batch():
        ids = [client.log_prediction("m", label="cat").id for _ in range(2000)]
    assert stub.ids("predictions") == ids
    assert len(stub.seen) < 20


def test_ids_are_known_at_once(stub: Any, client: Client) -> None:
    """The widget's tag can be written before the prediction has left."""
    with client.batch():
        result = client.log_prediction("m", label="cat")
        assert (result.model_id, result.status) == ("m", "queued")
        assert client.log_prediction("m", id="mine").id == "mine"
    assert stub.ids("predictions") == [result.id, "mine"]


def test_feedback_goes_after_its_prediction(stub: Any, client: Client) -> None:
    """However they were mixed, so that it needs no model_id."""
    stub.default = stub.slow(0.05)
    with client.batch():
        for n in range(100):
            client.log_prediction("m", id=f"p{n}")
            client.log_feedback(f"p{n}", "rating", rating=1)
            client.log_label(f"p{n}", "cat")
    known: set[str] = set()
    for seen in stub.seen:
        if seen.path == "/v1/predictions":
            known |= {item["id"] for item in seen.items}
        else:
            assert {item["prediction_id"] for item in seen.items} <= known
    assert len(stub.ids("feedback")) == len(stub.ids("labels")) == 100


def test_a_wrong_field_in_a_batch_raises_at_its_line(stub: Any, client: Client) -> None:
    """Not when the block is left, where nobody knows whose it was."""
    with client.batch():
        with pytest.raises(Invalid, match=r"\$\.confidence"):
            client.log_prediction("m", confidence=2)
        with pytest.raises(Invalid, match="rating"):
            client.log_feedback("p", "rating", rating=5)
        with pytest.raises(Invalid, match="exactly one"):
            client.log_label("p")
    assert not stub.seen


def test_a_queued_event_has_the_time_it_was_logged(stub: Any, client: Client) -> None:
    """But with an id of the caller's it stays as it was written, so that a rerun is a replay."""
    with client.batch():
        client.log_prediction("m")
        client.log_prediction("m", id="mine")
    ours, theirs = [item for seen in stub.seen for item in seen.items]
    assert ours["created_at"].endswith("Z")
    assert "created_at" not in theirs


def test_a_full_queue_makes_logging_wait(stub: Any, client: Client) -> None:
    """Nothing is dropped, and no more is held than was allowed."""
    gate = threading.Event()

    def turn(connection: Any, seen: Any) -> bool:
        gate.wait(5)
        return bool(stub.well(connection, seen))

    stub.default = turn
    logged: list[str] = []

    def log() -> None:
        with client.batch(max_events=10):
            for _ in range(50):
                logged.append(client.log_prediction("m").id)  # noqa: PERF401 (how far it came is the question)

    thread = threading.Thread(target=log)
    thread.start()
    time.sleep(0.3)
    assert len(logged) == 10
    gate.set()
    thread.join(5)
    assert stub.ids("predictions") == logged
    assert len(logged) == 50


def test_bytes_that_wait_are_bounded_too(stub: Any, client: Client) -> None:
    """One larger than the bound goes alone."""
    with client.batch(max_bytes=1000):
        for n in range(5):
            client.log_prediction("m", id=f"p{n}", input=PNG + b"x" * 5000)
    puts = [seen.path for seen in stub.seen if seen.method == "PUT"]
    assert puts == [f"/v1/predictions/p{n}/input" for n in range(5)]


def test_an_outage_shorter_than_the_patience_loses_nothing(stub: Any, client: Client) -> None:
    """Each event is stored, with the id it had."""
    stub.plan(stub.reset, stub.reply(503), stub.reset, stub.raw(b"HTTP/1.1 207 -\r\nContent-Length: 9\r\n\r\n{"))
    with client.batch(patience=10):
        ids = [client.log_prediction("m").id for _ in range(100)]
    stored = [item["id"] for seen in stub.seen[4:] for item in seen.items]
    assert stored[-99:] == ids[-99:]
    assert set(stored) == set(ids)


def test_an_outage_beyond_the_patience_is_raised_with_every_id(
    stub: Any, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log as well, and with what was to be sent."""
    stub.default = stub.reply(503, {"detail": "busy"})
    with pytest.raises(BatchFailed) as raised, client.batch(patience=0.3):
        ids = [client.log_prediction("m", label="cat").id for _ in range(60)]
    assert sorted(failure.id for failure in raised.value.failures) == sorted(ids)
    assert sorted(failure.index for failure in raised.value.failures) == list(range(60))
    assert raised.value.failures[0].item["label"] == "cat"
    assert all(id in caplog.text for id in ids)
    assert {record.levelno for record in caplog.records if record.name == "seeme"} == {logging.ERROR}


def test_a_batch_that_has_given_up_takes_no_more(stub: Any, client: Client) -> None:
    """The program learns of it while it runs, not at its end."""
    stub.stop()
    with pytest.raises(BatchFailed), client.batch(patience=0.2):  # noqa: PT012
        client.log_prediction("m", id="p")
        time.sleep(0.5)
        with pytest.raises(ConnectionFailed):
            client.log_prediction("m")


def test_a_caller_that_waits_for_room_learns_that_the_batch_gave_up(stub: Any, client: Client) -> None:
    """It doesn't wait for ever."""
    stub.default = stub.reply(503)
    with pytest.raises(BatchFailed), client.batch(patience=0.3, max_events=2):  # noqa: PT012
        client.log_prediction("m")
        client.log_prediction("m")
        with pytest.raises(Unavailable):
            client.log_prediction("m")


def test_refused_events_of_a_batch_are_raised_when_it_is_left(stub: Any, client: Client) -> None:
    """The others are stored."""
    stub.default = stub.refusing("p1")
    with pytest.raises(BatchFailed, match="predictions p1") as raised, client.batch():  # noqa: PT012
        for n in range(3):
            client.log_prediction("m", id=f"p{n}")
    assert [(failure.index, failure.id) for failure in raised.value.failures] == [(1, "p1")]


def test_flush_raises_what_failed_so_far_once(stub: Any, client: Client) -> None:
    """And the batch goes on."""
    stub.plan(stub.refusing("p1"))
    with client.batch() as batch:
        client.log_prediction("m", id="p1")
        with pytest.raises(BatchFailed):
            batch.flush()
        client.log_prediction("m", id="p2")
        batch.flush()
        assert stub.ids("predictions") == ["p1", "p2"]


def test_an_error_of_the_block_goes_on_after_the_flush(stub: Any, client: Client) -> None:
    """With a note of what could not be stored."""
    stub.default = stub.refusing("p1")
    with pytest.raises(ZeroDivisionError) as raised, client.batch():  # noqa: PT012
        client.log_prediction("m", id="p1")
        _ = 1 / 0
    assert "predictions p1" in raised.value.__notes__[0]


def test_inputs_of_a_batch_are_uploaded_after_their_predictions(stub: Any, client: Client, tmp_path: Path) -> None:
    """The file is read when it is logged, so it may be gone by then; a failed upload is named."""
    image = tmp_path / "image.png"
    image.write_bytes(PNG)
    with client.batch():
        client.log_prediction("m", id="a", input=image)
        image.unlink()
    put = stub.seen[-1]
    assert (put.method, put.path, put.query, put.body) == ("PUT", "/v1/predictions/a/input", {"model_id": "m"}, PNG)
    stub.plan(stub.well, stub.reply(409, {"detail": "inputs are off"}))
    with pytest.raises(BatchFailed, match="input a: inputs are off"), client.batch():
        client.log_prediction("m", id="a", input=PNG)


def test_other_threads_and_clients_go_on_sending_at_once(stub: Any, client: Client) -> None:
    """A batch is of its block; a thread joins it only in a copy of its context."""
    answers: list[str] = []

    def log() -> None:
        answers.append(client.log_prediction("m").status)

    with client.batch(), Client(stub.url, "k") as other:
        answers.append(other.log_prediction("m").status)
        for context in (contextvars.Context(), contextvars.copy_context()):
            thread = threading.Thread(target=context.run, args=(log,))
            thread.start()
            thread.join()
    assert answers == ["created", "created", "queued"]
    assert client.log_prediction("m").status == "created"


def test_log_predictions_joins_the_batch(stub: Any, client: Client) -> None:
    """Like single ones."""
    with client.batch():
        assert [result.status for result in client.log_predictions([{}, {}], "m")] == ["queued", "queued"]
    assert len(stub.ids("predictions")) == 2


def test_the_inner_of_two_batches_is_used(stub: Any, client: Client) -> None:
    """It is flushed when it is left."""
    with client.batch():
        with client.batch():
            client.log_prediction("m", id="inner")
        assert stub.ids("predictions") == ["inner"]
        client.log_prediction("m", id="outer")
    assert stub.ids("predictions") == ["inner", "outer"]


def test_an_interrupted_flush_names_what_may_be_missing(
    stub: Any, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Ctrl-C while the block is left isn't silent."""
    stub.default = stub.slow(2)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), client.batch():  # noqa: PT012
            client.log_prediction("m", id="first")
            time.sleep(0.1)
            client.log_prediction("m", id="second")
            signal.setitimer(signal.ITIMER_REAL, 0.2)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert "first" in caplog.text
    assert "second" in caplog.text


SCRIPT = """
import sys
from seeme import Client
client = Client(sys.argv[1], "k")
batch = client.batch(patience=0.3)
batch.__enter__()
print(*[client.log_prediction("m", label="cat").id for _ in range(3000)])
"""


def _run(url: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", SCRIPT, url], capture_output=True, text=True, timeout=60, check=True)


def test_a_program_that_ends_inside_the_block_still_sends(stub: Any) -> None:
    """The interpreter's exit flushes."""
    done = _run(stub.url)
    assert stub.ids("predictions") == done.stdout.split()
    assert done.stderr == ""


def test_a_program_that_ends_inside_the_block_says_what_it_could_not_send(stub: Any) -> None:
    """On stderr, if logging isn't set up: every id."""
    stub.default = stub.reply(503)
    done = _run(stub.url)
    assert len(done.stdout.split()) == 3000
    assert all(id in done.stderr for id in done.stdout.split())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_a_forked_child_sends_for_itself_alone(stub: Any, client: Client) -> None:
    """It has no sender thread, so it doesn't queue; what the parent has queued is the parent's."""
    stub.default = stub.slow(0.05)
    with client.batch():
        ids = [client.log_prediction("m").id for _ in range(50)]
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if client.log_prediction("m", id="child").status == "created" else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
    assert sorted(stub.ids("predictions")) == sorted([*ids, "child"])
