"""What the tests of the service floor share beside the fixtures of all tests."""

from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace

from seeme.records.models import ConfigPatch, NewModel
from seeme.service.services import Services
from seeme.settings import Settings

from .ab_testing import begin, log_all, review_all

__all__ = ["begin", "log_all", "nodes", "review_all"]


@pytest.fixture
async def nodes(postgres, tmp_path, clock):
    """Two nodes on one database, with a model that both know and that keeps its inputs."""
    shared = Settings(database=postgres.create(), secret="the same")
    async with AsyncExitStack() as stack:
        both = [
            await stack.enter_async_context(Services.open(replace(shared, data=tmp_path / name), clock))
            for name in ("a", "b")
        ]
        await both[0].models.create(NewModel(name="Digits", id="digits", config=ConfigPatch(log_inputs=True)))
        await both[1].cluster.refresh()
        yield both
