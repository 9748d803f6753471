"""Who may come in: keys, sessions, scopes, models, origins and rates, in this order."""

from collections.abc import Iterable, Mapping
from time import monotonic
from urllib.parse import urlsplit

from msgspec import Struct

from seeme.errors import Forbidden, Unauthorized, invalid
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.web.limits import Buckets, address_bucket, client_address, parse_networks
from seeme.web.reply import Scope

Headers = Mapping[bytes, bytes]

SESSION_COOKIE = "seeme_session"
# A page sends what one person did; large batches are for programs, which have a secret key.
MOST_PUBLIC_ITEMS = 20
_READS = frozenset({"GET", "HEAD"})


class Caller(Struct, frozen=True):
    """Who sent a request, and from which address."""

    identity: Identity
    address: str


class Access(Struct, frozen=True):
    """What a route asks of its callers; `public` ones take publishable keys too."""

    scopes: frozenset[str]
    public: bool


def access_for(scope: str) -> Access:
    """Return what a scope asks for; `feedback` is what publishable keys are for, and secret ones that may ingest."""
    if scope == "feedback":
        return Access(frozenset({"feedback", "ingest"}), True)
    return Access(frozenset({scope}), False)


class Guard:
    """Lets callers in, or raises the reason why not."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._keys = services.keys
        self._trusted = parse_networks(settings.trusted_proxies)
        self._own_origin = origin_of(settings.public_url)
        self._secret = Buckets(settings.secret_key_rate)
        self._publishable = Buckets(settings.publishable_key_rate)
        self._addresses = Buckets(settings.address_rate)
        # Apart, so that a program with an old key doesn't lock out the people behind the same address.
        self._wrong_keys = Buckets(settings.failed_sign_in_rate)
        self._failed_sign_ins = Buckets(settings.failed_sign_in_rate)

    async def admit(self, access: Access, scope: Scope, headers: Headers) -> Caller:
        """Return the caller of a request.

        Raises:
            Unauthorized: without a valid key or session.
            Forbidden: when the key may not do this, or not from this page.
            TooManyRequests: above the rate of the key or the address.
        """
        authorization = headers.get(b"authorization")
        if authorization is not None:
            return self.admit_key(access, scope, headers, authorization)
        return await self._admit_session(access, scope, headers)

    def admit_key(self, access: Access, scope: Scope, headers: Headers, authorization: bytes) -> Caller:
        """Like `admit`, for a request that carries a key: nothing is waited for."""
        identity = self._authenticate(scope, headers, authorization)
        address = self.address(scope, headers)
        if identity.kind == "publishable":
            self._check_public(access, identity, headers)
            self._addresses.take(address, monotonic())
            self._publishable.take(identity.key_id, monotonic())
        else:
            _check_scope(access, identity)
            self._secret.take(identity.key_id, monotonic())
        return Caller(identity, address)

    def charge(self, caller: Caller, items: int) -> None:
        """Count the other items of a batch: rates are per item.

        Raises:
            Invalid: when a publishable key sends too many at once; its address still pays for them.
        """
        if caller.identity.kind == "publishable":
            self._addresses.charge(caller.address, items - 1)
            if items > MOST_PUBLIC_ITEMS:
                raise invalid("$.items", f"at most {MOST_PUBLIC_ITEMS} items with a publishable key, got {items}")
            self._publishable.charge(caller.identity.key_id, items - 1)
        else:
            self._secret.charge(caller.identity.key_id, items - 1)

    def address(self, scope: Scope, headers: Headers) -> str:
        """Return what the sender's address is counted as."""
        client = scope.get("client")
        peer = client[0] if client else ""
        if self._trusted:
            peer = client_address(peer, headers.get(b"x-forwarded-for", b"").decode("latin-1"), self._trusted)
        return address_bucket(peer)

    def check_attempts(self, scope: Scope, headers: Headers) -> None:
        """Refuse an address from which there were too many failed sign-ins.

        Raises:
            TooManyRequests: with the time to wait.
        """
        self._failed_sign_ins.take(self.address(scope, headers), monotonic(), cost=0.0)

    def count_failed_sign_in(self, scope: Scope, headers: Headers) -> None:
        """Count a failed sign-in.

        Raises:
            TooManyRequests: when there were too many from this address.
        """
        self._failed_sign_ins.take(self.address(scope, headers), monotonic())

    async def count_visit(self, scope: Scope, headers: Headers) -> None:
        """Count a page that is asked for without a session.

        Raises:
            TooManyRequests: when there were too many from this address.
        """
        token = session_token(headers)
        if token is None or await self._keys.session(token) is None:
            self._addresses.take(self.address(scope, headers), monotonic())

    def _authenticate(self, scope: Scope, headers: Headers, authorization: bytes) -> Identity:
        kind, _, text = authorization.partition(b" ")
        try:
            if kind.lower() != b"bearer":
                raise Unauthorized
            return self._keys.authenticate(text.strip().decode("latin-1"))
        except Unauthorized:
            self._wrong_keys.take(self.address(scope, headers), monotonic())
            raise

    async def _admit_session(self, access: Access, scope: Scope, headers: Headers) -> Caller:
        token = session_token(headers)
        identity = await self._keys.session(token) if token else None
        if identity is None:
            self._addresses.take(self.address(scope, headers), monotonic())
            raise Unauthorized
        if scope["method"] not in _READS and not self._is_same_origin(headers):
            raise Forbidden("a page of another origin may not do this with your session")
        _check_scope(access, identity)
        self._secret.take(identity.key_id, monotonic())
        return Caller(identity, self.address(scope, headers))

    def _check_public(self, access: Access, identity: Identity, headers: Headers) -> None:
        if not access.public:
            raise Forbidden("a publishable key may only send feedback; use a secret key with the right scope")
        if "*" in identity.origins:
            return
        origin = headers.get(b"origin")
        if origin is None:
            raise Forbidden("a publishable key works only in web pages, which send their Origin")
        if origin.decode("latin-1").lower() not in identity.origins:
            raise Forbidden(f"this key isn't for pages of {origin.decode('latin-1')}; add the origin to the key")

    def _is_same_origin(self, headers: Headers) -> bool:
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return site == b"same-origin"
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        return bool(origin) and origin in (f"http://{host}", f"https://{host}", self._own_origin)


def check_models(identity: Identity, named: Iterable[str]) -> None:
    """Refuse a model that the key isn't for.

    Raises:
        Forbidden: naming it.
    """
    if identity.models:
        for model_id in named:
            if model_id not in identity.models:
                raise Forbidden(f"this key isn't for the model {model_id}")


def session_token(headers: Headers) -> str | None:
    """Return the session cookie's value."""
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == SESSION_COOKIE and value:
            return value.strip('"')
    return None


def origin_of(url: str) -> str | None:
    """Return the scheme, host and port of a URL, as browsers send them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else None


def _check_scope(access: Access, identity: Identity) -> None:
    if access.scopes.isdisjoint(identity.scopes):
        needed = " or ".join(f"`{scope}`" for scope in sorted(access.scopes - {"feedback"}))
        raise Forbidden(f"this needs a key with the scope {needed}")
