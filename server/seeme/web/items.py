"""The endpoint that takes items of a dataset: always a batch, decoded one by one so that a bad item fails alone."""

from typing import Any

import msgspec
from msgspec import Raw

from seeme.errors import RequestError, SeeMeError
from seeme.mistakes import MOST
from seeme.records.datasets import ItemAccepted
from seeme.records.types import View
from seeme.web.body import too_large
from seeme.web.decode import JsonDecoder, parse_query
from seeme.web.endpoint import Edge, Endpoint, Route
from seeme.web.events import THOROUGH, Batch, Refused
from seeme.web.problems import problem
from seeme.web.reply import Receive, Scope, Send, reply


class ItemResults(View, frozen=True, kw_only=True):
    """One result per item of a batch, in order."""

    items: list[ItemAccepted | Refused]


class ItemsEndpoint(Endpoint):
    """Answers a route that takes items: 207 with a result for each."""

    def __init__(self, route: Route, edge: Edge) -> None:
        super().__init__(route, edge)
        self._one: JsonDecoder[Any] = JsonDecoder(self.signature.entry)
        self._batch: JsonDecoder[Batch] = JsonDecoder(Batch, whole=False)

    async def _result(self, scope: Scope, receive: Receive) -> Any:
        assert self._access
        assert self._path
        headers = dict(scope["headers"])
        caller = await self.edge.guard.admit(self._access, scope, headers)
        values = msgspec.structs.asdict(self._path(scope["path_params"]))
        self._query(parse_query(scope["query_string"]))
        self._keep_to_models(caller, values)
        raws = self._batch(await self.edge.bodies.read(receive, headers, batch=True)).items
        self.edge.guard.charge(caller, len(raws))
        results: list[Any] = []
        refused = 0
        for raw in raws:
            results.append(self._item(raw, MOST if refused < THOROUGH else 1))
            refused += isinstance(results[-1], SeeMeError)
        good = [item for item in results if not isinstance(item, SeeMeError)]
        outcomes = iter(await self.route.handler(self.edge.services, caller, **values, entries=good))
        answers = [item if isinstance(item, SeeMeError) else next(outcomes) for item in results]
        return ItemResults(
            items=[Refused(problem=problem(one)) if isinstance(one, SeeMeError) else one for one in answers]
        )

    def _item(self, raw: Raw, most: int) -> Any:
        try:
            body = bytes(raw)
            if len(body) > self.edge.settings.max_body:  # no larger than it could be alone
                raise too_large(self.edge.settings.max_body)
            return self._one(body, most)
        except RequestError as error:
            return error

    async def _send(self, answer: Any, send: Send) -> None:
        self._statuses[207] += 1
        await reply(send, 207, msgspec.json.encode(answer), extra=self._headers)
