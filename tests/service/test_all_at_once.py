"""Everything that the service can do, by many people at once, on one node or two: each is answered, and numbers agree.

Which comes first is the machine's doing, so a seed doesn't repeat a run; it only says what was asked for.
"""

from asyncio import gather
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from random import Random

import msgspec
import pytest

from seeme.clock import HOUR, SECOND, from_micros
from seeme.errors import SeeMeError, ServiceFailed
from seeme.records.ab_tests import AbTestPatch, NewAbConfig, NewAbTest
from seeme.records.datasets import NewDataset, NewDatasetVersion
from seeme.records.feedback import Comment, Correct, Correction, Rating
from seeme.records.models import ModelPatch, NewModel
from seeme.records.predictions import NewLabel, NewPrediction
from seeme.records.quarantine import QuarantineChoice
from seeme.records.review import Claim, NewDecision
from seeme.service import care
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings

MODELS = ["now", "new"]
PEOPLE = [Identity(f"sk_{name}", "secret", name, frozenset({"ingest", "review", "admin"})) for name in ("Ada", "Bo")]
PAGE = Identity("pk_page", "publishable", "page", frozenset({"feedback"}), frozenset(), frozenset({"*"}))
SUBJECTS = [None, "eve", "ann"]
UNITS = ["ann", "cem", "gus", "eve"]
LABELS = ["cat", "dog", "owl"]
PREDICTIONS = 8
RULES = {
    "enabled": True,
    "target_dataset_id": "data",
    "random_sample": {"enabled": True, "rate": 0.7},
    "negative_feedback": {"enabled": True},
    "second_review": {"share": 0.5},
}


class Crowd:
    """People and programs that do whatever they can, of few things, so that they get in each other's way."""

    def __init__(self, nodes, random, clock):
        self.nodes = nodes
        self.random = random
        self.clock = clock
        self.first = from_micros(clock.at - 36 * HOUR)
        self.feedback_ids = []
        self.logged = []
        self.leases = []
        self.answers = Counter()

    async def begin(self):
        """Make two models with a review queue, the dataset that it fills, and an A/B test between them."""
        first = self.nodes[0]
        await first.datasets.create(NewDataset(name="D", id="data", task="classification"), PEOPLE[0])
        for name in MODELS:
            await first.models.create(NewModel(name=name, id=name))
            await first.models.patch(name, msgspec.convert({"data_engine": RULES}, ModelPatch))
        test = NewAbTest(name="T", id="t", config=NewAbConfig(coverage=0.5), model_a_id="now", model_b_id="new")
        await first.ab_tests.create(test, PEOPLE[0])
        for other in self.nodes[1:]:
            await other.cluster.refresh()

    async def act(self, verb):
        """Let somebody do something at some node; what is refused, or to be tried again, is answered, too."""
        try:
            await verb(self, self.random.choice(self.nodes))
        except ServiceFailed:
            raise
        except SeeMeError:
            self.answers["refused"] += 1
        else:
            self.answers[verb.__name__] += 1

    def about(self):
        """Return what all events say: of which prediction, and when it was made."""
        made = self.first + timedelta(hours=self.random.randrange(36))
        prediction_id = f"p{self.random.randrange(PREDICTIONS)}"
        return {"model_id": self.random.choice(MODELS), "prediction_id": prediction_id, "created_at": made}

    def prediction(self):
        """Draw a prediction."""
        draw, about = self.random.choice, self.about()
        tagged = {"ab_test_id": "t", "unit": draw(UNITS)} if draw([True, False]) else {}
        return NewPrediction(
            id=about.pop("prediction_id"),
            label=draw(LABELS),
            confidence=draw([None, self.random.random()]),
            latency_ms=draw([None, 5.0]),
            error=draw([None, None, None, "late"]),
            subject=draw(SUBJECTS),
            input_hash=draw([None, "one", "two"]),
            **tagged,
            **about,
        )

    async def predict(self, node):
        """Log predictions, now and then one that was logged before."""
        new = [self.prediction() for _ in range(self.random.randrange(1, 4))]
        if self.logged:
            new.append(self.random.choice(self.logged))
        self.logged += new
        await node.ingest.predictions(new, PEOPLE[0])

    async def tell(self, node):
        """Send feedback, by a page or a server."""
        draw = self.random.choice
        kinds = [(Rating, {"rating": 1}), (Rating, {"rating": -1}), (Rating, {"rating": 0})]
        kinds += [(Correction, {"correct_label": draw(LABELS)}), (Correct, {}), (Comment, {"notes": "hm"})]
        new = []
        for kind, said in self.random.choices(kinds, k=self.random.randrange(1, 4)):
            self.feedback_ids.append(id := f"f{len(self.feedback_ids)}")
            more = {"subject": draw(SUBJECTS), "supersedes": draw([None, "f0"])}
            new.append(kind(id=id, **said, **more, **self.about()))
        await node.ingest.feedback(new, draw([PEOPLE[0], PAGE]))

    async def label(self, node):
        """Send a true label."""
        new = NewLabel(id=f"l{self.random.randrange(50)}", label=self.random.choice(LABELS), **self.about())
        await node.ingest.labels([new], PEOPLE[0])

    async def claim(self, node):
        """Take items of the queue."""
        model_id, who = self.random.choice(MODELS), self.random.choice(PEOPLE)
        rows = await node.queue.claim(Claim(model_id=model_id, limit=self.random.randrange(1, 4)), who)
        self.leases += [(model_id, row.id, who) for row in rows]

    async def decide(self, node):
        """Decide about an item, skip it, or take back what was decided."""
        if not self.leases:
            return
        model_id, id, who = self.random.choice(self.leases)
        match self.random.randrange(6):
            case 0:
                await node.queue.undo(model_id, id, who)
            case 1:
                await node.queue.skip(model_id, id, None, who)
            case 2:
                new = NewDecision(decision="corrected", label=self.random.choice(LABELS))
                await node.queue.decide(model_id, id, new, who)
            case _:
                new = NewDecision(decision=self.random.choice(["correct", "unusable"]))
                await node.queue.decide(model_id, id, new, who)

    async def judge(self, node):
        """Approve, reject, delete or release a piece of feedback, or all of a cause that is held."""
        review, model_id, who = node.review, self.random.choice(MODELS), self.random.choice(PEOPLE)
        choice = QuarantineChoice(reason=self.random.choice(["burst", "duplicate"]))
        id = self.random.choice([*self.feedback_ids, "f0"])
        match self.random.randrange(7):
            case 0:
                await review.release_held(model_id, choice, who)
            case 1:
                await review.delete_held(model_id, choice)
            case 2:
                await review.reject(id, model_id, who)
            case 3:
                await review.delete(id, model_id, who)
            case 4:
                await review.release(id, model_id, who)
            case _:
                await review.approve(id, model_id, who)

    async def forget(self, node):
        """Erase a person, or let retention take what is old."""
        await node.removal.erase(node.ingest.subject_hash(self.random.choice(UNITS)))
        await node.removal.retain()

    async def change(self, node):
        """Change a model's rules and the test's coverage, and make a version of the dataset."""
        rules = {"data_engine": {"random_sample": {"rate": self.random.random()}}}
        await node.models.patch(self.random.choice(MODELS), msgspec.convert(rules, ModelPatch))
        await node.datasets.create_version("data", NewDatasetVersion(name=f"v{self.random.random()}"), PEOPLE[0])
        coverage = self.random.choice([0.5, 0.75, 1])
        await node.ab_tests.patch("t", msgspec.convert({"config": {"coverage": coverage}}, AbTestPatch))

    async def look(self, node):
        """Ask for the test's results, and rebuild what is summed up."""
        await node.ab_results.look()
        await node.ab_results.results("t")
        await node.ab_results.rebuild("t")
        await node.reports.rebuild(self.random.choice(MODELS), None, None)

    async def tidy(self, node):
        """Do what nodes on one database owe each other; leases end meanwhile."""
        self.clock.forward(self.random.choice([1, 60, 700]) * SECOND)
        if len(self.nodes) > 1:
            await node.cluster.refresh()
            await node.cluster.join_orphans()
            await node.cluster.fold()


VERBS = {
    Crowd.predict: 25,
    Crowd.tell: 22,
    Crowd.label: 8,
    Crowd.claim: 6,
    Crowd.decide: 12,
    Crowd.judge: 12,
    Crowd.forget: 3,
    Crowd.change: 3,
    Crowd.look: 2,
    Crowd.tidy: 6,
}


@pytest.fixture(params=["sqlite", pytest.param("two nodes", marks=[pytest.mark.long, pytest.mark.timeout(120)])])
async def crowd(request, tmp_path, clock, seed):
    """A crowd in front of one node, or of two on one database."""
    shared = {}
    if request.param != "sqlite":
        shared = {"database": request.getfixturevalue("postgres").create(), "secret": "the same"}
    async with AsyncExitStack() as stack:
        settings = [Settings(data=tmp_path / name, burst_votes=2, **shared) for name in ("ab" if shared else "a")]
        nodes = [await stack.enter_async_context(Services.open(one, clock)) for one in settings]
        crowd = Crowd(nodes, Random(seed), clock)
        await crowd.begin()
        yield crowd


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_many_do_at_once_is_answered_and_all_numbers_agree_with_the_rows(crowd):
    """No call fails in a way that nobody foresaw; sums, strata, datasets and units of a test are those of a recount."""
    for n in range(60):
        some = crowd.random.choices([*VERBS], [*VERBS.values()], k=crowd.random.randrange(1, 8))
        await gather(*map(crowd.act, VERBS if n % 10 == 0 else some))
    assert crowd.answers.keys() >= {verb.__name__ for verb in VERBS}
    faults = [fault async for _, found in care.check(crowd.nodes[0].settings) for fault in found]
    assert faults == []
