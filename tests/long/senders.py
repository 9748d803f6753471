"""Programs that send events over kept connections, remember what was acknowledged, and send the rest again."""

import http.client
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import cycle
from typing import Any, NamedTuple

from live import Live

MODEL = "crash"
LABELS = ["cat", "dog", "bird"]
KINDS = ("predictions", "labels", "feedback")
STORED = {"created", "unchanged", "orphan"}


class Sent(NamedTuple):
    """One request: a single event, or a batch of them."""

    kind: str
    ids: list[str]
    body: bytes


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    content: Any

    def stored(self, sent: Sent) -> list[str]:
        """Return the ids that the service says are stored."""
        if self.status == 207:
            return [one["id"] for one in self.content["items"] if one["status"] in STORED]
        return [self.content["id"]] if self.status in (200, 201, 202) else []


class Caller:
    """A kept connection to a service."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request; raises OSError or HTTPException when no whole answer comes."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self._connection.request(method, path, data, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, json.loads(text) if text else None)

    def send(self, sent: Sent) -> Answer:
        """Send events."""
        return self("POST", f"/v1/{sent.kind}", sent.body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Events:
    """Makes requests of all kinds, single and in batches; each event has an id of its own and a fixed content."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._random = random.Random(name)
        self._counts = dict.fromkeys(KINDS, 0)

    def next(self) -> Sent:
        """Return another request: mostly predictions, and votes, corrections and labels about them or those to come."""
        kind = self._random.choices(KINDS, (5, 2, 4))[0]
        size = 1 if self._random.random() < 0.8 else self._random.randint(2, 40)
        items = [self._event(kind) for _ in range(size)]
        body = items[0] if len(items) == 1 else {"items": items}
        return Sent(kind, [item["id"] for item in items], json.dumps(body).encode())

    def _event(self, kind: str) -> dict[str, Any]:
        self._counts[kind] += 1
        event: dict[str, Any] = {
            "id": f"{self._name}-{kind}-{self._counts[kind]}",
            "model_id": MODEL,
            "created_at": datetime.now(UTC).isoformat(),
        }
        if kind == "predictions":
            return event | {
                "label": self._random.choice(LABELS),
                "confidence": round(self._random.random(), 4),
                "latency_ms": round(self._random.uniform(1, 200), 1),
            }
        event["prediction_id"] = self._about()
        if kind == "labels":
            return event | {"label": self._random.choice(LABELS)}
        if self._random.random() < 0.7:
            return event | {"feedback_type": "rating", "rating": self._random.choice([1, -1])}
        return event | {"feedback_type": "correction", "correct_label": self._random.choice(LABELS)}

    def _about(self) -> str:
        """Return the id of a recent prediction, or of one that comes soon: its vote waits for it."""
        recent = self._counts["predictions"] - self._random.randint(-3, 60)
        return f"{self._name}-predictions-{max(1, recent)}"


class Load:
    """Several senders at once, and what they know."""

    def __init__(self, live: Live, *others: Live, senders: int = 4) -> None:
        self._live = live
        self._nodes = [live, *others]
        self.key = set_up(live)
        self._events = [Events(f"s{number}") for number in range(senders)]
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.acknowledged: dict[str, set[str]] = {kind: set() for kind in KINDS}
        self.unanswered: list[Sent] = []
        self.refused: list[tuple[Sent, Answer]] = []
        self.statuses: Counter[int] = Counter()

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Send from all senders until the block ends; each stops at its first request that gets no answer."""
        self._stop.clear()
        nodes = cycle(self._nodes)
        threads = [threading.Thread(target=self._send, args=(events, next(nodes))) for events in self._events]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _send(self, events: Events, node: Live) -> None:
        with Caller(node.port, self.key) as caller:
            while not self._stop.is_set() and self.attempt(caller, events.next()):
                pass

    def attempt(self, caller: Caller, sent: Sent) -> bool:
        """Send once and remember what became of it; return whether there was an answer."""
        try:
            answer = caller.send(sent)
        except (OSError, http.client.HTTPException):
            with self._lock:
                self.unanswered.append(sent)
            return False
        stored = answer.stored(sent)
        with self._lock:
            self.statuses[answer.status] += 1
            self.acknowledged[sent.kind].update(stored)
            if len(stored) < len(sent.ids):
                self.refused.append((sent, answer))
        return True

    def ask(self, node: Live, method: str, path: str) -> Answer:
        """Ask a node something with the key."""
        with Caller(node.port, self.key) as caller:
            return caller(method, path)

    def send_again(self) -> None:
        """Send what got no answer and what was refused again, the same bytes; each must be taken now."""
        again = [*self.unanswered, *(sent for sent, _ in self.refused)]
        self.unanswered, self.refused = [], []
        with Caller(self._live.port, self.key) as caller:
            for sent in again:
                assert self.attempt(caller, sent), "a repeated request got no answer"
        assert self.refused == [], "a repeated request was refused"

    def lost(self) -> list[str]:
        """Return the acknowledged events that aren't stored."""
        found = stored_ids(self._live)
        return [id for kind in KINDS for id in sorted(self.acknowledged[kind] - set(found[kind]))]


def set_up(live: Live) -> str:
    """Make the model, and a key that outlives a restart; return the key's text."""
    model = {"id": MODEL, "name": "Crash", "labels": LABELS, "config": {"labels_complete": True}}
    new = {"kind": "secret", "holder": "crash test", "scopes": ["ingest", "read", "review", "admin"]}
    with Caller(live.port, live.admin_key) as caller:
        assert caller("POST", "/v1/models", model).status == 201
        return str(caller("POST", "/v1/keys", new).content["key"])


def command(live: Live, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a `seeme` command on the service's folder."""
    return subprocess.run(
        [sys.executable, "-m", "seeme", *arguments, "--data", str(live.folder)],
        capture_output=True,
        text=True,
        timeout=120,
        env=live.surroundings(),
    )


def stored_ids(live: Live) -> dict[str, list[str]]:
    """Return the ids of all stored events by kind, as `seeme export` finds them beside the running service."""
    found = {}
    for kind in KINDS:
        done = command(live, "export", "--model", MODEL, "--kind", kind)
        assert done.returncode == 0, done.stderr
        found[kind] = [json.loads(line)["id"] for line in done.stdout.splitlines()]
    return found


def check_whole(live: Live, load: Load) -> None:
    """Stop the service; every event must be there once, the sums must count exactly the rows, the file be sound."""
    with Caller(live.port, load.key) as caller:
        weeks = caller("GET", f"/v1/models/{MODEL}/metrics?period=week&lookback_weeks=2").content["items"]
    found = stored_ids(live)
    for kind in KINDS:
        assert len(found[kind]) == len(set(found[kind])), f"some {kind} are stored twice"
        assert set(found[kind]) == load.acknowledged[kind]
    assert sum(week["predictions"] for week in weeks) == len(found["predictions"])
    assert live.stop() == 0
    done = command(live, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sums of crash" in done.stdout


def wait_until(condition: Any, seconds: float = 20) -> None:
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)
