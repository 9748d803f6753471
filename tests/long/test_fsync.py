"""An acknowledgement means that the disk was asked to keep it: at least one fsync for each answer given in turn."""

import shutil
from pathlib import Path

import pytest
from live import Live
from senders import Caller, Events, Sent, set_up

POSTS = 50


def _syncs(calls: Path) -> int:
    """Return how many syncs have ended well so far, in strace's words."""
    lines = calls.read_text().splitlines() if calls.exists() else []
    return sum("sync" in line and line.endswith("= 0") for line in lines)


def _single(events: Events) -> Sent:
    while True:
        sent = events.next()
        if len(sent.ids) == 1:
            return sent


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_each_acknowledgement_in_turn_has_its_fsync(tmp_path: Path) -> None:
    """Of events sent one after the other, each answer comes after one more sync at least."""
    calls = tmp_path / "calls"
    service = Live(tmp_path / "data")
    # -D: strace is the one in the background, so that signals reach the service.
    service.spawn("strace", "-D", "-f", "-e", "trace=fsync,fdatasync", "-o", str(calls))
    try:
        service.wait_ready(60)
        events = Events("fsync")
        with Caller(service.port, set_up(service)) as caller:
            before = _syncs(calls)
            for number in range(1, POSTS + 1):
                sent = _single(events)
                assert caller.send(sent).stored(sent) == sent.ids
                assert _syncs(calls) - before >= number, "answered before the disk was asked"
    finally:
        service.stop()
