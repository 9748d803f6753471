"""A typed function becomes an ASGI endpoint: what it takes, answers and refuses comes from its signature."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from inspect import isawaitable
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response, StreamingResponse

from seeme.errors import Forbidden, SeeMeError, ServiceFailed
from seeme.service.services import Services
from seeme.settings import Settings
from seeme.web.body import BodyReader, Disconnected, upload_chunks
from seeme.web.counters import Counters
from seeme.web.decode import JsonDecoder, TextDecoder, check_depth, parse_query
from seeme.web.guard import Caller, Guard, access_for, check_models
from seeme.web.problems import send_problem
from seeme.web.reply import ANY_ORIGIN, NO_STORE, Header, Receive, Scope, Send, reply
from seeme.web.signature import Made, read_signature

log = logging.getLogger(__name__)


class Route(NamedTuple):
    """One row of the route table. Without a scope it is open to all.

    `sorts_models` marks handlers that keep to the models of a key themselves, because the request need not name one.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    scope: str | None
    summary: str
    sorts_models: bool = False

    @property
    def is_public(self) -> bool:
        """Whether web pages of any origin may call it."""
        return self.scope == "feedback"


class Edge:
    """What all endpoints share."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.settings: Settings = services.settings
        self.guard = Guard(services)
        self.bodies = BodyReader(services.settings)
        self.counters = Counters()
        services.commits.append(self.counters.observe_commit)


class Endpoint:
    """Answers one route."""

    def __init__(self, route: Route, edge: Edge) -> None:
        self.route = route
        self.edge = edge
        self.signature = read_signature(route.handler)
        self._access = access_for(route.scope) if route.scope else None
        self._headers: tuple[Header, ...] = (ANY_ORIGIN if route.is_public else ()) + (
            (NO_STORE,) if route.method == "GET" else ()
        )
        self._statuses = edge.counters.of_route(route.method, route.path)
        path = msgspec.defstruct("Path", list(self.signature.path)) if self.signature.path else None
        self._path: TextDecoder[Any] | None = TextDecoder(path) if path else None
        self._query: TextDecoder[Any] = TextDecoder(self.signature.query or _NoParams)
        self._named: TextDecoder[Any] | None = TextDecoder(self.signature.headers) if self.signature.headers else None
        self._names = [field.encode_name for field in msgspec.structs.fields(self.signature.headers or _NoParams)]
        self._body: JsonDecoder[Any] | None = JsonDecoder(self.signature.body) if self.signature.body else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; whatever goes wrong becomes a problem."""
        try:
            answer = await self._result(scope, receive)
        except Disconnected:
            return
        except SeeMeError as error:
            await self.refuse(error, send)
        except Exception:
            log.exception("%s %s failed", self.route.method, self.route.path)
            await self.refuse(ServiceFailed(), send)
        else:
            if isinstance(answer, Response):
                self._statuses[answer.status_code] += 1
                if isinstance(answer, StreamingResponse) and scope["method"] == "HEAD":
                    answer.body_iterator = _nothing()  # else all of it would be made for nobody
                await answer(scope, receive, send)
            else:
                await self._send(answer, send)

    async def refuse(self, error: SeeMeError, send: Send) -> None:
        """Answer with an error."""
        self._statuses[error.status] += 1
        await send_problem(send, error, self._headers)

    async def _result(self, scope: Scope, receive: Receive) -> Any:
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        caller = await self.edge.guard.admit(self._access, scope, headers) if self._access else None
        values: dict[str, Any] = {"services": self.edge.services, "caller": caller, "counters": self.edge.counters}
        if self._path:
            values |= msgspec.structs.asdict(self._path(scope["path_params"]))
        values["query"] = self._query(parse_query(scope["query_string"]))
        if self._named:
            values["headers"] = self._named(_texts(headers, self._names))
        if self._body:
            body = await self.edge.bodies.read(receive, headers)
            values["body"] = self._body(body)
            check_depth(body)
        if caller:
            self._keep_to_models(caller, values)
        if self.signature.is_upload:
            values["chunks"] = upload_chunks(receive, headers, self.edge.settings.max_input)
        result = self.route.handler(**{name: values[name] for name in self.signature.names})
        result = await result if isawaitable(result) else result
        if caller and caller.identity.models and isinstance(getattr(result, "model_id", None), str):
            check_models(caller.identity, [result.model_id])
        return result

    def _keep_to_models(self, caller: Caller, values: dict[str, Any]) -> None:
        if not caller.identity.models:
            return
        named = list(_named_models(values))
        check_models(caller.identity, named)
        if not named and not self.route.sorts_models:
            raise Forbidden("this key is for some models only, and this is about all of them")

    async def _send(self, answer: Any, send: Send) -> None:
        status = 200
        if isinstance(answer, Made):
            status, answer = (201 if answer.created else 200), answer.item
        elif answer is None:
            status = 204
        self._statuses[status] += 1
        body = b"" if answer is None else msgspec.json.encode(answer)
        await reply(send, status, body, extra=self._headers)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


class _NoParams(msgspec.Struct, forbid_unknown_fields=True):
    """The query string of a route that takes none."""


def _texts(headers: Mapping[bytes, bytes], names: list[str]) -> dict[str, str]:
    """Return the headers of these names, as far as they are there."""
    return {name: headers[name.encode()].decode("latin-1") for name in names if name.encode() in headers}


def _named_models(values: Mapping[str, Any]) -> Iterator[str]:
    for name in (values.get("model_id"), *(getattr(values.get(part), "model_id", None) for part in ("query", "body"))):
        if isinstance(name, str):
            yield name
