"""Keys, sign-in codes and sessions: who may do what. Only hashes are stored, and compared in constant time."""

import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from seeme.clock import DAY, HOUR, from_micros
from seeme.errors import Conflict, NotFound, Unauthorized, invalid
from seeme.ids import secret, short_id
from seeme.records.keys import IssuedKey, Key, NewKey, Scope, SignInCode
from seeme.records.types import Page
from seeme.service.inbox import Inbox
from seeme.store import registry
from seeme.store.database import Database, Reader, Transaction

SIGN_IN_GOOD_FOR = HOUR
SESSION_GOOD_FOR = 14 * DAY
PREFIX = {"publishable": "pk", "secret": "sk"}


class Identity(Struct, frozen=True):
    """Who makes a request, and what they may do. Empty `models` are all models; empty `origins` no browser page."""

    key_id: str
    kind: str
    holder: str
    scopes: frozenset[str]
    models: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    named: bool = False

    @property
    def reviewer(self) -> str:
        """As whom the review queue knows them: by their key; by their name where a sign-in link gave them one."""
        # A hash, for a name may have spaces and wildcards; the same name is the same person at the next sign-in.
        return f"as_{_hash(self.holder).hex()[:24]}" if self.named else self.key_id


def _hash(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def identity_of(key: Key, kind: str | None = None) -> Identity:
    """Return the identity of a key's bearer; `kind` says 'session' where a cookie stands for the key."""
    return Identity(
        key.id, kind or key.kind, key.holder, frozenset(key.scopes), frozenset(key.models), frozenset(key.origins)
    )


class Keys:
    """The keys of this service, all kept in memory by their id."""

    def __init__(self, inbox: Inbox, database: Database, public_url: str, clock: Callable[[], int]) -> None:
        self._inbox = inbox
        self._reader = database
        self._public_url = public_url
        self._clock = clock
        self._keys: dict[str, registry.StoredKey] = {}
        self._identities: dict[str, Identity] = {}
        self.local_key = ""

    async def load(self, reader: Reader) -> None:
        """Read every key."""
        self.remember_all(await registry.keys(reader))

    def remember_all(self, keys: Sequence[registry.StoredKey]) -> None:
        """Take keys as they are stored; keys are revoked, never deleted."""
        for stored in keys:
            self._remember(stored)

    def _remember(self, stored: registry.StoredKey) -> None:
        self._keys[stored.key.id] = stored
        self._identities[stored.key.id] = identity_of(stored.key)

    def make_local(self) -> str:
        """Make the key by which commands on this machine talk to this process; it ends with it and isn't stored."""
        # An id of its own each time: a session that outlives the process must not find the next one's key.
        self.local_key = short_id("sk")
        text = f"{self.local_key}_{secret()}"
        key = Key(
            id=self.local_key,
            kind="secret",
            holder="command line",
            scopes=["ingest", "read", "review", "admin"],
            models=[],
            origins=[],
            created_at=from_micros(self._clock()),
            revoked_at=None,
        )
        self._remember(registry.StoredKey(key, _hash(text)))
        return text

    @property
    def none_yet(self) -> bool:
        """Whether no secret key was ever made: the first start."""
        return not any(stored.key.kind == "secret" and id != self.local_key for id, stored in self._keys.items())

    def authenticate(self, text: str) -> Identity:
        """Return who bears a key; raises Unauthorized for any text that isn't a live key."""
        key_id = "_".join(text.split("_", 2)[:2])
        stored = self._keys.get(key_id)
        if stored is None or not hmac.compare_digest(stored.hash, _hash(text)) or stored.key.revoked_at is not None:
            raise Unauthorized("this key is unknown or was revoked")
        return self._identities[key_id]

    async def create(self, new: NewKey) -> IssuedKey:
        """Make a key; its text is in the answer and nowhere else."""
        if new.kind == "publishable" and new.scopes:
            raise invalid("$.scopes", "a publishable key can only send feedback; leave `scopes` out")
        if new.kind == "publishable" and not new.models:
            raise invalid("$.models", "a publishable key is for named models")
        if new.kind == "secret" and not new.scopes:
            raise invalid("$.scopes", "a secret key needs at least one of ingest, read, review, admin")
        if new.kind == "secret" and new.origins:
            raise invalid("$.origins", "a secret key is never used from a page; leave `origins` out")
        scopes: list[Scope] = ["feedback"] if new.kind == "publishable" else list(dict.fromkeys(new.scopes))
        key = Key(
            id=short_id(PREFIX[new.kind]),
            kind=new.kind,
            holder=new.holder,
            scopes=scopes,
            models=list(new.models),
            origins=[origin.lower() for origin in new.origins],  # as browsers send them
            created_at=from_micros(self._clock()),
            revoked_at=None,
        )
        text = f"{key.id}_{secret()}"
        stored = registry.StoredKey(key, _hash(text))

        async def work(tx: Transaction) -> None:
            await registry.insert_key(tx, stored)

        await self._inbox.run(work, lambda _: self._remember(stored))
        return IssuedKey(**msgspec.structs.asdict(key), key=text)

    def list(self) -> Page[Key]:
        """Return every key by creation, revoked ones too, without their texts."""
        return Page(items=[stored.key for id, stored in self._keys.items() if id != self.local_key])

    async def revoke(self, key_id: str) -> None:
        """Revoke a key: it and the sessions made with it end at once. Raises NotFound."""
        if key_id not in self._keys:
            raise NotFound(f"there is no key {key_id}")
        at = self._clock()

        async def work(tx: Transaction) -> None:
            await registry.revoke_key(tx, key_id, at)

        def forget(_: None) -> None:
            stored = self._keys[key_id]
            if stored.key.revoked_at is None:
                key = msgspec.structs.replace(stored.key, revoked_at=from_micros(at))
                self._remember(msgspec.structs.replace(stored, key=key))

        # After the commit even if the caller has gone: a key that is revoked on disk must not live on in memory.
        await self._inbox.run(work, forget)

    async def new_sign_in(self, key_id: str, holder: str | None = None) -> SignInCode:
        """Make a one-time code that signs the bearer of a key in to the pages within an hour.

        With `holder` the session is that person's: the name that decisions are signed with, with the key's rights.

        Raises:
            Conflict: it is this machine's key, and the service has several nodes.
        """
        if self._reader.shared and key_id == self.local_key:
            raise Conflict("other nodes don't know this machine's key: sign in with a key made by `seeme key create`")
        code = secret()
        grant = registry.Grant(key_id, self._clock() + SIGN_IN_GOOD_FOR, holder)

        async def work(tx: Transaction) -> None:
            await registry.insert_grant(tx, "sign_in_code", _hash(code), grant)

        await self._inbox.run(work)
        url = f"{self._public_url.rstrip('/')}/sign-in?code={code}"
        return SignInCode(code=code, url=url, expires_at=from_micros(grant.expires_at))

    async def redeem(self, code: str) -> tuple[str, Identity]:
        """Turn a one-time code, or a secret key, into a session; return its token and who signed in.

        Raises:
            Unauthorized: the code is unknown, used or expired, or the key isn't a live secret one.
        """
        token = secret()
        at = self._clock()
        by_key = self.authenticate(code) if code.startswith("sk_") else None

        async def work(tx: Transaction) -> registry.Grant:
            used = registry.Grant(by_key.key_id, at) if by_key else await self._use_code(tx, code, at)
            session = registry.Grant(used.key_id, at + SESSION_GOOD_FOR, used.holder)
            await registry.insert_grant(tx, "session", _hash(token), session)
            return session

        session = await self._inbox.run(work)
        identity = self._of_session(session, at)
        if identity is None:
            raise Unauthorized("the key behind this code was revoked")
        return token, identity

    async def _use_code(self, tx: Transaction, code: str, at: int) -> registry.Grant:
        grant = await registry.grant(tx, "sign_in_code", _hash(code))
        # Of two who use it at once, on two nodes, one deletes it.
        used = grant is not None and await registry.delete_grant(tx, "sign_in_code", _hash(code))
        if grant is None or not used or grant.expires_at < at:
            raise Unauthorized("this sign-in code is unknown, was used, or has expired")
        return grant

    async def session(self, token: str) -> Identity | None:
        """Return who is signed in with a session's token; None when it has ended."""
        grant = await registry.grant(self._reader, "session", _hash(token))
        return self._of_session(grant, self._clock()) if grant else None

    def _of_session(self, grant: registry.Grant, at: int) -> Identity | None:
        stored = self._keys.get(grant.key_id)
        if stored is None or stored.key.revoked_at is not None or grant.expires_at < at:
            return None
        identity = identity_of(stored.key, "session")
        if grant.holder is None:
            return identity
        return msgspec.structs.replace(identity, holder=grant.holder, named=True)

    async def sign_out(self, token: str) -> None:
        """End a session."""

        async def work(tx: Transaction) -> None:
            await registry.delete_grant(tx, "session", _hash(token))

        await self._inbox.run(work)
