"""A server that is killed while it is loaded has lost nothing that it acknowledged, and stores nothing twice."""

import random
import time

import pytest
from live import Live
from senders import Load, check_whole


def _kill_and_compare(live: Live, kills: int, seconds: float) -> Load:
    """Kill the loaded service again and again; after each start compare what is stored with what was answered."""
    load = Load(live)
    moments = random.Random(kills)
    for _ in range(kills):
        before = len(load.acknowledged["predictions"])
        with load.running():
            time.sleep(seconds * moments.uniform(0.5, 1.5))
            live.kill()
        assert len(load.acknowledged["predictions"]) > before, "nothing was acknowledged before the kill"
        live.start()
        assert load.lost() == []
    return load


def _finish(live: Live, load: Load) -> None:
    """Send what got no answer again, twice, and look at all of it."""
    assert load.unanswered, "no request was under way at any kill"
    assert load.refused == []
    again = list(load.unanswered)
    load.send_again()
    load.unanswered = again
    load.send_again()
    check_whole(live, load)


def test_two_kills_lose_nothing(live: Live) -> None:
    """The short form of the crash loop."""
    _finish(live, _kill_and_compare(live, kills=2, seconds=0.6))


@pytest.mark.long
@pytest.mark.timeout(400)
def test_many_kills_lose_nothing_and_double_nothing(live: Live) -> None:
    """Ten times SIGKILL under load: all acknowledged ids are stored, repeats are harmless, sums equal rows."""
    _finish(live, _kill_and_compare(live, kills=10, seconds=1.5))


def test_a_kill_at_the_start_is_harmless(live: Live) -> None:
    """Killed before it has said that it is ready, again and again, the service starts and has all it had."""
    load = Load(live)
    with load.running():
        time.sleep(0.5)
        live.kill()
    for pause in (0.1, 0.3, 0.5):
        live.spawn()
        time.sleep(pause)
        live.kill()
    live.start()
    assert load.lost() == []
    load.send_again()
    check_whole(live, load)
