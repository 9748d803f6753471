"""The busiest endpoints: one event or a batch of them, decoded one by one so that a bad one fails alone."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw

from seeme.errors import RequestError, SeeMeError
from seeme.mistakes import MOST
from seeme.records.feedback import Accepted
from seeme.records.types import View, Wire
from seeme.web.body import is_batch, too_large
from seeme.web.decode import JsonDecoder, parse_query
from seeme.web.endpoint import Edge, Endpoint, Route
from seeme.web.guard import Caller, check_models
from seeme.web.problems import Problem, problem, send_problem
from seeme.web.reply import JSON, NO_SNIFF, Receive, Scope, Send, reply

STATUSES = {"created": 201, "unchanged": 200, "orphan": 202, "quarantined": 201}
# All wrong fields are named in so many events of a batch; in the others the first one, or the search takes too long.
THOROUGH = 100
_JSON_HEADER = (b"content-type", JSON)


class Batch(Wire, frozen=True):
    """Several events; each is looked at alone."""

    items: Annotated[list[Raw], Meta(min_length=1, max_length=1000)]


class Refused(View, frozen=True, kw_only=True):
    """What became of one event of a batch that wasn't taken."""

    problem: Problem
    status: Literal["refused"] = "refused"


class BatchResult(View, frozen=True, kw_only=True):
    """One result per event of a batch, in order."""

    items: list[Accepted | Refused]


class EventEndpoint(Endpoint):
    """Answers a route that takes events: 201 new, 200 replayed, 202 kept as an orphan, 207 a batch."""

    def __init__(self, route: Route, edge: Edge) -> None:
        super().__init__(route, edge)
        assert self._access
        self._required = self._access
        self._one: JsonDecoder[Any] = JsonDecoder(self.signature.item)
        self._batch: JsonDecoder[Batch] = JsonDecoder(Batch, whole=False)
        self._outcomes = edge.counters.of_events(route.path.rpartition("/")[2])
        self._encode = msgspec.json.Encoder().encode
        self._services = edge.services
        self._handler = route.handler

    async def _result(self, scope: Scope, receive: Receive) -> Any:
        headers = dict(scope["headers"])
        if scope["query_string"]:
            self._query(parse_query(scope["query_string"]))
        authorization = headers.get(b"authorization")
        if authorization is not None:
            caller = self.edge.guard.admit_key(self._required, scope, headers, authorization)
        else:
            caller = await self.edge.guard.admit(self._required, scope, headers)
        body = await self.edge.bodies.read(receive, headers, batch=True)
        if is_batch(body):
            return await self._all(caller, body)
        item = self._one(body)
        if caller.identity.models:
            _check_model(caller, item)
        outcome = (await self._handler(self._services, caller, [item]))[0]
        if isinstance(outcome, SeeMeError):
            raise outcome
        return outcome

    async def _send(self, answer: Any, send: Send) -> None:
        if isinstance(answer, BatchResult):
            self._statuses[207] += 1
            await reply(send, 207, self._encode(answer), extra=self._headers)
            return
        status = STATUSES[answer.status]
        self._statuses[status] += 1
        self._outcomes[answer.status] += 1
        body = self._encode(answer)
        headers = [_JSON_HEADER, (b"content-length", b"%d" % len(body)), NO_SNIFF, *self._headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def refuse(self, error: SeeMeError, send: Send) -> None:
        """Answer with an error."""
        self._statuses[error.status] += 1
        self._outcomes["refused"] += 1
        await send_problem(send, error, self._headers)

    async def _all(self, caller: Caller, body: bytes) -> BatchResult:
        raws = self._batch(body).items
        self.edge.guard.charge(caller, len(raws))
        results: list[Any] = []
        refused = 0
        for raw in raws:
            results.append(self._item(caller, raw, MOST if refused < THOROUGH else 1))
            refused += isinstance(results[-1], SeeMeError)
        good = [item for item in results if not isinstance(item, SeeMeError)]
        outcomes = iter(await self._handler(self._services, caller, good) if good else ())
        answers = [item if isinstance(item, SeeMeError) else next(outcomes) for item in results]
        return BatchResult(items=[self._count(answer) for answer in answers])

    def _item(self, caller: Caller, raw: Raw, most: int) -> Any:
        try:
            body = bytes(raw)
            if len(body) > self.edge.settings.max_body:  # no larger than it could be alone
                raise too_large(self.edge.settings.max_body)
            item = self._one(body, most)
            if caller.identity.models:
                _check_model(caller, item)
        except RequestError as error:
            return error
        return item

    def _count(self, outcome: Accepted | SeeMeError) -> Accepted | Refused:
        if isinstance(outcome, SeeMeError):
            self._outcomes["refused"] += 1
            return Refused(problem=problem(outcome))
        self._outcomes[outcome.status] += 1
        return outcome


def _check_model(caller: Caller, item: Any) -> None:
    if item.model_id is not None:
        check_models(caller.identity, [item.model_id])
