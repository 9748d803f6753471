"""Several nodes on one PostgreSQL database: a node or the primary may be killed, and nothing acknowledged is lost."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from live import Live
from postgres import Postgres
from senders import Load, check_whole, wait_until

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to be stopped at the end."""
    with ExitStack() as stack:
        yield stack


def server(stack: ExitStack) -> Postgres:
    """Return a server that keeps its commits, as in production."""
    server = Postgres().initialise()
    stack.callback(server.remove)
    return server.start()


def nodes(stack: ExitStack, folder: Path, url: str, count: int = 2) -> list[Live]:
    """Return running nodes on one database."""
    found = []
    for number in range(count):
        (folder / str(number)).mkdir()
        node = Live(folder / str(number) / "data", SEEME_DATABASE=url, SEEME_SECRET="the same on all")
        stack.callback(node.stop)
        found.append(node.start())
    return found


def know_the_key(load: Load, *others: Live) -> None:
    """Wait until other nodes have read the key that was made on the first."""
    for node in others:
        wait_until(lambda node=node: load.ask(node, "GET", "/v1/models").status == 200)


def test_a_killed_node_loses_nothing_while_another_goes_on(stack: ExitStack, tmp_path: Path) -> None:
    """SIGKILL of one of two loaded nodes, three times: what it acknowledged is stored, and retries go to the other."""
    first, second = nodes(stack, tmp_path, server(stack).create())
    load = Load(first, second)
    know_the_key(load, second)
    for _ in range(3):
        with load.running():
            time.sleep(1.5)
            second.kill()
            time.sleep(0.5)
        assert load.lost() == []
        second.start()
    assert load.unanswered, "no request was under way at any kill"
    again = list(load.unanswered)
    load.send_again()
    load.unanswered = again
    load.send_again()
    assert second.stop() == 0
    check_whole(first, load)


def test_a_standby_that_is_promoted_has_everything(stack: ExitStack, tmp_path: Path) -> None:
    """The primary is killed under load, its synchronous standby promoted: clients retry, nothing is lost or doubled."""
    primary = server(stack)
    name = "seeme"
    primary.create(name)
    standby = primary.standby("standby1")
    stack.callback(standby.remove)
    both = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    first, second = nodes(stack, tmp_path, f"postgresql://postgres@{both}/{name}?target_session_attrs=read-write")
    load = Load(first, second)
    know_the_key(load, second)
    with load.running():
        time.sleep(1.5)
        primary.kill()
        wait_until(lambda: load.ask(first, "GET", "/readyz").status == 503)
        time.sleep(1)
        standby.promote()
        wait_until(lambda: load.ask(first, "GET", "/readyz").status == 200)
        time.sleep(1.5)
    assert load.statuses[503], "nobody was told to come back"
    assert [answer for _, answer in load.refused if answer.status not in (503, 207)] == []
    assert all(answer.headers.get("retry-after") for _, answer in load.refused if answer.status == 503)
    load.send_again()
    assert load.lost() == []
    assert second.stop() == 0
    check_whole(first, load)
