"""Running the service: what starts it, and what ends it."""

import asyncio
import urllib.request

import pytest

from seeme.errors import ServiceFailed, SetupError
from seeme.settings import Settings
from seeme.web.serve import serve


class Done(Exception):
    """The test has seen enough."""


async def test_a_dead_vital_task_stops_the_server_with_an_error(tmp_path):
    """Nothing could be stored any more, so answering would be a lie."""

    async def kill(services, url):
        services.tasks.failed.set_result("writer")

    settings = Settings(port=0, data=tmp_path / "data", shutdown_grace=1.0)
    with pytest.raises(ServiceFailed, match="writer"):
        await asyncio.wait_for(serve(settings, kill), 10)


async def test_the_address_is_announced_once_requests_are_taken(tmp_path):
    """Whoever reads the line can use it."""

    async def ask(services, url):
        answer = await asyncio.to_thread(lambda: urllib.request.urlopen(url + "/readyz", timeout=5).status)
        assert answer == 200
        raise Done

    settings = Settings(port=0, data=tmp_path / "data", root_path="/base")
    with pytest.raises(Done):
        await serve(settings, ask)


async def test_a_port_in_use_is_one_clear_line(tmp_path):
    """It names the port and what to do."""

    async def again(services, url):
        port = int(url.rpartition(":")[2])
        with pytest.raises(SetupError, match=f"port {port}.*--port"):
            await serve(Settings(port=port, data=tmp_path / "b"), again)
        services.tasks.failed.set_result("test")

    with pytest.raises(ServiceFailed):
        await serve(Settings(port=0, data=tmp_path / "a", shutdown_grace=1.0), again)
