"""The composition root of the edge: services go in, an ASGI application comes out."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from seeme.errors import BY_STATUS, NotFound, SeeMeError, ServiceFailed, TooManyRequests
from seeme.service.services import Services
from seeme.web import openapi, pages
from seeme.web.api import ROUTES, endpoint
from seeme.web.endpoint import Edge
from seeme.web.problems import MEDIA_TYPE, problem, problem_headers, send_problem
from seeme.web.reply import ANY_ORIGIN, App, Header, Message, Receive, Scope, Send, reply
from seeme.web.scripts import Script, names


class MethodNotAllowed(SeeMeError):
    """This can't be done here; the Allow header says what can."""

    status = 405


class Methods:
    """The endpoints of one path by method; answers 405 for the others, and preflights where any origin may call."""

    def __init__(self, endpoints: Mapping[str, App], public: frozenset[str] = frozenset()) -> None:
        self.endpoints = dict(endpoints)
        if "GET" in self.endpoints:
            self.endpoints.setdefault("HEAD", self.endpoints["GET"])
        self._public = public
        self._allow: Header = (b"allow", ", ".join(sorted(self.endpoints)).encode())
        self._preflight: tuple[Header, ...] = (
            *ANY_ORIGIN,
            (b"access-control-allow-methods", ", ".join(sorted(public)).encode()),
            (b"access-control-allow-headers", b"authorization, content-type, content-encoding, prediction-token"),
            (b"access-control-max-age", b"7200"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the endpoint of the request's method."""
        found = self.endpoints.get(scope["method"])
        if found is not None:
            await found(scope, receive, send)
        elif scope["method"] == "OPTIONS" and self._public:
            await reply(send, 204, extra=self._preflight)
        else:
            await send_problem(send, MethodNotAllowed(), (self._allow,))


class Application:
    """The ASGI application: paths without parameters are found in a dict, all others by Starlette."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._root = services.settings.root_path.rstrip("/")
        self.edge = Edge(services)
        paths = _paths(self.edge)
        self._paths = {path: methods for path, methods in paths.items() if "{" not in path}
        routes: list[BaseRoute] = [Route(path, methods) for path, methods in paths.items()]
        self._rest = Starlette(
            routes=[*routes, *pages.routes(services)],
            exception_handlers={HTTPException: self._http_error, Exception: self._crash},
        )
        self._rest.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope["path"]
        if self._root:
            # Proxies differ in whether they strip the base path: both ways are understood.
            path = path.removeprefix(self._root) if path.startswith(self._root + "/") else path
            scope["root_path"], scope["path"] = self._root, self._root + path
        methods = self._paths.get(path)
        if methods is not None:
            found = methods.endpoints.get(scope["method"], methods)
            await found(scope, receive, send)
        elif path.startswith(("/v1/", "/static/")):
            await self._rest(scope, receive, send)
        else:
            await self._page(scope, receive, send, is_attempt=path == "/sign-in" and scope["method"] == "POST")

    async def _page(self, scope: Scope, receive: Receive, send: Send, is_attempt: bool) -> None:
        """Show a page, unless its address asks for too many without a session, or has failed to sign in too often."""
        guard, headers = self.edge.guard, dict(scope["headers"])

        async def watch(message: Message) -> None:
            if is_attempt and message.get("status") == 401:
                with suppress(TooManyRequests):  # the next one is told
                    guard.count_failed_sign_in(scope, headers)
            await send(message)

        try:
            await guard.count_visit(scope, headers)
            if is_attempt:
                guard.check_attempts(scope, headers)
        except TooManyRequests as error:
            await self._answer(Request(scope), error)(scope, receive, send)
        else:
            await self._rest(scope, receive, watch)

    async def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            allow = dict(error.headers or {})
            return self._answer(request, MethodNotAllowed(), allow)
        kind = BY_STATUS.get(error.status_code, NotFound)
        return self._answer(request, kind() if kind is not NotFound else NotFound(f"there is no {request.url.path}"))

    async def _crash(self, request: Request, error: Exception) -> Response:
        return self._answer(request, ServiceFailed())

    def _answer(self, request: Request, error: SeeMeError, extra: Mapping[str, str] | None = None) -> Response:
        """Return an error as a page to a browser, as a problem to a program."""
        if pages.wants_html(request):
            response = pages.error_page(request, self._services, error)
        else:
            response = Response(msgspec.json.encode(problem(error)), error.status, media_type=MEDIA_TYPE.decode())
            response.headers["x-content-type-options"] = "nosniff"
        for name, value in problem_headers(error):
            response.headers[name.decode()] = value.decode()
        response.headers.update(extra or {})
        return response


def create_app(services: Services) -> Application:
    """Return the ASGI application over open services."""
    return Application(services)


def _paths(edge: Edge) -> dict[str, Methods]:
    """Return what answers each path of the API and of the files beside it."""
    endpoints: defaultdict[str, dict[str, App]] = defaultdict(dict)
    public: defaultdict[str, set[str]] = defaultdict(set)
    for route in ROUTES:
        endpoints[route.path][route.method] = endpoint(route, edge)
        if route.is_public:
            public[route.path].add(route.method)
    paths = {path: Methods(found, frozenset(public[path])) for path, found in endpoints.items()}
    paths["/openapi.json"] = Methods({"GET": _Document(edge.settings.root_path)})
    return paths | {f"/{name}": Methods({"GET": Script(name)}) for name in names()}


class _Document:
    """Answers with the description of the API, encoded when it is first asked for."""

    def __init__(self, root_path: str) -> None:
        self._server = root_path or "/"
        self._body = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._body:
            self._body = msgspec.json.encode({**openapi.document(), "servers": [{"url": self._server}]})
        await reply(send, 200, self._body, extra=((b"cache-control", b"no-cache"),))
