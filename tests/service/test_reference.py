"""Random verbs against a reference in memory that anybody can check by reading: the same counts after every step."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from seeme.errors import Conflict, Gone, NotFound
from seeme.records.feedback import Rating
from seeme.records.models import ConfigPatch, NewModel
from seeme.records.predictions import NewLabel, NewPrediction
from seeme.records.queries import MetricsQuery
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings

SOMEONE = Identity("sk_test", "secret", "Ada", frozenset({"ingest", "read", "review", "admin"}))
NOW = 1_763_640_000_000_000
TODAY = datetime(2025, 11, 20, tzinfo=UTC)
predictions = st.sampled_from(["p0", "p1"])
people = st.sampled_from(["ann", "bob"])
votes = st.sampled_from([f"f{n}" for n in range(12)])
truths = st.sampled_from([f"l{n}" for n in range(4)])
minutes = st.integers(0, 1)  # few, so that times are often equal and ids decide
classes = st.sampled_from(["cat", "dog"])


class Reference:
    """What should be stored, kept as plainly as can be."""

    def __init__(self) -> None:
        self.predictions: dict[str, tuple[str, str]] = {}  # id: label, person
        self.votes: dict[str, tuple[str, str, int, int]] = {}  # id: prediction, person, rating, minute
        self.labels: dict[str, tuple[str, str, int]] = {}  # id: prediction, label, minute
        self.gone: set[str] = set()

    def store(self, kind: dict, id: str, content: tuple, about: str | None = None) -> str:
        """Return what a sender should be told, and do it."""
        if id in kind:
            return "unchanged" if kind[id] == content else "conflict"
        if id in self.gone:
            return "gone"
        if about in self.gone:
            return "no prediction"
        kind[id] = content
        return "created" if about is None or about in self.predictions else "orphan"

    def erase(self, person: str) -> None:
        """Take a person's predictions with all about them, and their votes."""
        mine = {id for id, (_, who) in self.predictions.items() if who == person}
        for kind in (self.votes, self.labels):
            for id, content in list(kind.items()):
                if content[0] in mine or (kind is self.votes and content[1] == person):
                    self.drop(kind, id)
        for id in mine:
            self.drop(self.predictions, id)

    def drop(self, kind: dict, id: str) -> None:
        """Delete one, for ever."""
        del kind[id]
        self.gone.add(id)

    def counts(self) -> tuple:
        """Return predictions, thumbs up and down, predictions with a thumb, with a true label, and with a right one."""
        thumbs = {}  # of each prediction and person the latest one
        for _id, (about, person, rating, _minute) in sorted(self.votes.items(), key=lambda one: (one[1][3], one[0])):
            if about in self.predictions:
                thumbs[about, person] = rating
        known = {}
        for _id, (about, label, _minute) in sorted(self.labels.items(), key=lambda one: (one[1][2], one[0])):
            if about in self.predictions:
                known[about] = label
        ratings = list(thumbs.values())
        rated = len({about for (about, _), rating in thumbs.items() if rating})
        right = sum(self.predictions[about][0] == label for about, label in known.items())
        return len(self.predictions), ratings.count(1), ratings.count(-1), rated, len(known), right


class Machine(RuleBasedStateMachine):
    """Does the same to the service and to the reference. `nodes` and `runner` are given by the test."""

    nodes: list[Services]
    runner: asyncio.Runner
    models = 0

    def __init__(self) -> None:
        super().__init__()
        Machine.models += 1
        self.model = f"m{Machine.models}"
        self.turn = 0
        self.reference = Reference()
        config = ConfigPatch(labels_complete=True)
        self.do(self.nodes[0].models.create(NewModel(name="M", id=self.model, config=config)))
        for node in self.nodes[1:]:
            self.do(node.cluster.refresh())

    def do(self, work):
        """Return what some work of the service comes to."""
        return self.runner.run(work)

    @property
    def node(self) -> Services:
        """The next node, in turn."""
        self.turn += 1
        return self.nodes[self.turn % len(self.nodes)]

    def said(self, outcome) -> str:
        """Return what the service told a sender, in the reference's words."""
        words = {Conflict: "conflict", Gone: "gone", NotFound: "no prediction"}
        return words.get(type(outcome)) or outcome.status

    @rule(id=predictions, label=classes, person=people)
    def predict(self, id, label, person):
        """Log a prediction; what is about it may be there already."""
        new = NewPrediction(id=id, model_id=self.model, label=label, subject=person, created_at=TODAY)
        (outcome,) = self.do(self.node.ingest.predictions([new], SOMEONE))
        assert self.said(outcome) == self.reference.store(self.reference.predictions, id, (label, person))

    @rule(id=votes, about=predictions, person=people, rating=st.sampled_from([1, 0, -1]), minute=minutes)
    def vote(self, id, about, person, rating, minute):
        """Vote, or change one's mind, or take it back."""
        at = TODAY + timedelta(minutes=minute)
        fields = {"model_id": self.model, "prediction_id": about, "subject": person, "rating": rating, "created_at": at}
        (outcome,) = self.do(self.node.ingest.feedback([Rating(id=id, **fields)], SOMEONE))
        expected = self.reference.store(self.reference.votes, id, (about, person, rating, minute), about)
        assert self.said(outcome) == expected.replace("unchanged", self._again(about))

    def _again(self, about) -> str:
        """A repeated orphan is told that it still waits."""
        return "unchanged" if about in self.reference.predictions else "orphan"

    @rule(id=truths, about=predictions, label=classes, minute=minutes)
    def tell(self, id, about, label, minute):
        """Tell a true label."""
        at = TODAY + timedelta(minutes=minute)
        new = NewLabel(id=id, model_id=self.model, prediction_id=about, label=label, created_at=at)
        (outcome,) = self.do(self.node.ingest.labels([new], SOMEONE))
        expected = self.reference.store(self.reference.labels, id, (about, label, minute), about)
        assert self.said(outcome) == expected.replace("unchanged", self._again(about))

    @rule(person=people)
    def erase(self, person):
        """Erase a person."""
        node = self.node
        self.do(node.removal.erase(node.ingest.subject_hash(person)))
        self.reference.erase(person)

    @rule(id=votes)
    def delete(self, id):
        """Delete a vote; the one before it counts again."""
        if id in self.reference.votes:
            self.do(self.node.review.delete(id, self.model, SOMEONE))
            self.reference.drop(self.reference.votes, id)

    @rule()
    def fold(self):
        """Where there are several nodes, let one of them do what is due."""
        if len(self.nodes) > 1:
            self.do(self.node.cluster.fold())

    @rule()
    def rebuild(self):
        """Make the sums again: they were right."""
        day = NOW // 86_400_000_000 * 86_400_000_000
        assert self.do(self.node.reports.rebuild(self.model, day, day)).changed == []

    @invariant()
    def counts_are_the_references(self):
        """Each node reads the same counts, which are the reference's."""
        expected = self.reference.counts()
        for node in self.nodes:
            found = self.do(node.reports.metrics(self.model, MetricsQuery(period="day", start=NOW, end=NOW)))[0]
            right = round((found.accuracy or 0) * found.labelled)
            counts = found.predictions, found.thumbs_up, found.thumbs_down, found.rated, found.labelled, right
            assert counts == expected


@pytest.mark.parametrize(
    "kind",
    ["sqlite", pytest.param("two nodes", marks=[pytest.mark.long, pytest.mark.timeout(400)])],
)
def test_random_verbs_count_as_the_reference_does(kind, request):
    """On SQLite, and on two nodes of PostgreSQL in turn."""
    database = request.getfixturevalue("postgres").create() if kind == "two nodes" else ""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        stack = AsyncExitStack()
        folders = [Path(folder) / name for name in "ab"]
        opened = [
            Services.open(Settings(data=one, database=database, secret="the same"), lambda: NOW)
            for one in folders[: 2 if database else 1]
        ]
        Machine.nodes = [runner.run(stack.enter_async_context(one)) for one in opened]
        Machine.runner = runner
        try:
            run_state_machine_as_test(
                Machine, settings=hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
            )
        finally:
            runner.run(stack.aclose())
