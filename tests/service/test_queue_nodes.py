"""The review queue over several nodes on one database: nobody gets what another node gave away."""

import asyncio

import msgspec
import pytest

from seeme.errors import Conflict
from seeme.records.models import ModelPatch
from seeme.records.predictions import NewPrediction
from seeme.records.review import Claim, NewDecision
from seeme.service.keys import Identity

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]
RULES = {"data_engine": {"enabled": True, "random_sample": {"enabled": True, "rate": 1}}}


def reviewer(n):
    """Return one of many reviewers."""
    return Identity(f"sk_{n:03}", "secret", f"Reviewer {n}", frozenset({"review"}))


@pytest.fixture
async def queue(nodes, someone):
    """Two nodes with a queue of 400 items, logged through both."""
    a, b = nodes
    await a.models.patch("digits", msgspec.convert(RULES, ModelPatch))
    await b.cluster.refresh()
    for node, letter in ((a, "a"), (b, "b")):
        new = [NewPrediction(model_id="digits", id=f"{letter}{n}", label="0", confidence=0.5) for n in range(200)]
        await node.ingest.predictions(new, someone)
    return nodes


async def test_fifty_reviewers_at_two_nodes_never_share_an_item(queue):
    """All items are given away, each once, while both nodes serve."""

    async def work(n):
        found = []
        while rows := await queue[n % 2].queue.claim(Claim(model_id="digits"), reviewer(n)):
            found += [row.id for row in rows]
        return found

    given = [id for found in await asyncio.gather(*map(work, range(50))) for id in found]
    assert len(given) == len(set(given)) == 400


async def test_one_of_many_decisions_at_once_is_taken(queue, someone):
    """The lease is one reviewer's: whoever else decides on another node is told so, and it is counted once."""
    a, b = queue
    (row,) = await a.queue.claim(Claim(model_id="digits"), reviewer(1))
    tries = [
        node.queue.decide("digits", row.id, NewDecision(decision="correct"), reviewer(n))
        for n in range(1, 9)
        for node in (a, b)
    ]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in results) == 14
    assert sum(not isinstance(one, Exception) for one in results) == 2  # the holder's, and its repetition
    report = await b.accuracy.report("digits", None, None)
    assert (report.accuracy.predictions, report.accuracy.taken, report.accuracy.decided) == (400, 400, 1)
    assert (await a.reports.rebuild("digits", None, None)).changed == []
