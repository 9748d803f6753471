"""The verbs of the small tables: models, versions, keys, sign-in codes and sessions."""

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from seeme.clock import from_micros, to_micros
from seeme.records.engine import DataEngine, RuleSetVersion
from seeme.records.keys import Key
from seeme.records.models import Config, Model, NewModel, Version
from seeme.records.tokens import SigningSecret
from seeme.store import strata
from seeme.store.database import Reader, Row, Transaction


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class StoredModel(Struct, frozen=True):
    """A model with what only the service sees of it."""

    model: Model
    digest: bytes
    deleted_at: int | None = None


class StoredVersion(Struct, frozen=True):
    """A version with what only the service sees of it."""

    version: Version
    digest: bytes


class StoredKey(Struct, frozen=True):
    """A key with the SHA-256 of its text."""

    key: Key
    hash: bytes


class StoredSecret(Struct, frozen=True):
    """A signing secret with its text, which is empty once it is retired."""

    model_id: str
    record: SigningSecret
    secret: str
    retired_at: int | None = None


class Grant(Struct, frozen=True):
    """What a sign-in code or a session stands for: a key, until a time."""

    key_id: str
    expires_at: int
    holder: str | None = None


def new_model(id: str, new: NewModel, config: Config, digest: bytes, at: int) -> StoredModel:
    """Return a model as it will be stored."""
    time = from_micros(at)
    model = Model(
        id=id,
        name=new.name,
        task=new.task,
        labels=list(new.labels),
        config=config,
        data_engine=DataEngine(),
        created_at=time,
        updated_at=time,
    )
    return StoredModel(model, digest)


def changed(stored: StoredModel, at: int, **changes: Any) -> StoredModel:
    """Return a model with changed fields."""
    return replace(stored, model=replace(stored.model, updated_at=from_micros(at), **changes))


def new_version(model_id: str, id: str, name: str, digest: bytes, at: int) -> StoredVersion:
    """Return a version as it will be stored."""
    return StoredVersion(Version(id=id, model_id=model_id, name=name, created_at=from_micros(at)), digest)


def _to_model(row: Row) -> StoredModel:
    model = Model(
        id=row["id"],
        name=row["name"],
        task=row["task"],
        labels=msgspec.json.decode(row["labels"], type=list[str]),
        config=msgspec.json.decode(row["config"], type=Config),
        data_engine=msgspec.json.decode(row["data_engine"], type=DataEngine),
        created_at=from_micros(row["created_at"]),
        updated_at=from_micros(row["updated_at"]),
    )
    return StoredModel(model, row["digest"], row["deleted_at"])


async def models(reader: Reader) -> list[StoredModel]:
    """Return every model by creation."""
    return [_to_model(row) for row in await reader.all("all_models")]


async def model(reader: Reader, id: str) -> StoredModel | None:
    """Return one model, deleted or not."""
    row = await reader.one("model", id=id)
    return _to_model(row) if row else None


async def insert_model(tx: Transaction, stored: StoredModel) -> None:
    """Store a new model."""
    at = to_micros(stored.model.created_at)
    values = {**_model_values(stored.model), "task": stored.model.task, "digest": stored.digest, "created_at": at}
    await tx.run("insert_model", **values)


async def update_model(tx: Transaction, model: Model) -> None:
    """Store a model's changed fields."""
    await tx.run("update_model", **_model_values(model))


def _model_values(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "labels": _json(model.labels),
        "config": _json(model.config),
        "data_engine": _json(model.data_engine),
        "updated_at": to_micros(model.updated_at),
    }


async def insert_rule_set(tx: Transaction, model: Model, made_by: str, at: int) -> None:
    """Store which settings of the data engine are in force from now on."""
    engine = model.data_engine
    await tx.run(
        "insert_rule_set",
        model_id=model.id,
        version=engine.version,
        settings=_json(engine),
        made_by=made_by,
        created_at=at,
    )


async def rule_sets(reader: Reader, model_id: str) -> list[RuleSetVersion]:
    """Return every version of a data engine's settings, oldest first."""
    return [
        RuleSetVersion(
            version=row["version"],
            made_by=row["made_by"],
            created_at=from_micros(row["created_at"]),
            settings=msgspec.json.decode(row["settings"], type=DataEngine),
        )
        for row in await reader.all("rule_sets", model_id=model_id)
    ]


async def mark_deleted(tx: Transaction, stored: StoredModel, at: int) -> StoredModel:
    """Mark a model whose rows are to be deleted; return it marked."""
    await tx.run("mark_model_deleted", id=stored.model.id, deleted_at=at)
    return replace(stored, deleted_at=at)


async def delete_model(tx: Transaction, model_id: str) -> None:
    """Delete a model and everything of it that isn't an event."""
    for query in ("delete_versions", "delete_signing_secrets", "delete_label_positions", "delete_thinned_days"):
        await tx.run(query, model_id=model_id)
    await tx.run("delete_sums_of_model", model_id=model_id)
    await strata.delete_all(tx, model_id)
    await tx.run("delete_model", id=model_id)


def _to_version(row: Row) -> StoredVersion:
    return new_version(row["model_id"], row["id"], row["name"], row["digest"], row["created_at"])


async def versions(reader: Reader) -> list[StoredVersion]:
    """Return every version of every model by creation."""
    return [_to_version(row) for row in await reader.all("all_versions")]


async def version(reader: Reader, model_id: str, id: str) -> StoredVersion | None:
    """Return one version of a model."""
    row = await reader.one("version", model_id=model_id, id=id)
    return _to_version(row) if row else None


async def insert_version(tx: Transaction, stored: StoredVersion) -> None:
    """Store a new version."""
    version = stored.version
    await tx.run(
        "insert_version",
        model_id=version.model_id,
        id=version.id,
        name=version.name,
        digest=stored.digest,
        created_at=to_micros(version.created_at),
    )


def _to_secret(row: Row) -> StoredSecret:
    record = SigningSecret(kid=row["kid"], created_at=from_micros(row["created_at"]))
    return StoredSecret(row["model_id"], record, row["secret"], row["retired_at"])


async def signing_secrets(reader: Reader, model_id: str | None = None) -> list[StoredSecret]:
    """Return the live signing secrets of a model by creation; without one all of all models, retired ones too."""
    if model_id is None:
        return [_to_secret(row) for row in await reader.all("all_signing_secrets")]
    return [_to_secret(row) for row in await reader.all("live_signing_secrets", model_id=model_id)]


async def insert_signing_secret(tx: Transaction, stored: StoredSecret) -> None:
    """Store a new signing secret: its text, as tokens can't be checked by a hash."""
    record = stored.record
    at = to_micros(record.created_at)
    await tx.run("insert_signing_secret", model_id=stored.model_id, kid=record.kid, secret=stored.secret, created_at=at)


async def retire_signing_secret(tx: Transaction, model_id: str, kid: str, at: int) -> bool:
    """Retire a signing secret and delete its text; say whether it was live."""
    return await tx.one("retire_signing_secret", model_id=model_id, kid=kid, retired_at=at) is not None


async def keys(reader: Reader) -> list[StoredKey]:
    """Return every key by creation, revoked ones too."""
    return [
        StoredKey(
            Key(
                id=row["id"],
                kind=row["kind"],
                holder=row["holder"],
                scopes=msgspec.json.decode(row["scopes"]),
                models=msgspec.json.decode(row["models"]),
                origins=msgspec.json.decode(row["origins"]),
                created_at=from_micros(row["created_at"]),
                revoked_at=None if row["revoked_at"] is None else from_micros(row["revoked_at"]),
            ),
            row["hash"],
        )
        for row in await reader.all("all_keys")
    ]


async def insert_key(tx: Transaction, stored: StoredKey) -> None:
    """Store a new key (its hash, never its text)."""
    key = stored.key
    await tx.run(
        "insert_key",
        id=key.id,
        kind=key.kind,
        hash=stored.hash,
        holder=key.holder,
        scopes=_json(key.scopes),
        models=_json(key.models),
        origins=_json(key.origins),
        created_at=to_micros(key.created_at),
    )


async def revoke_key(tx: Transaction, key_id: str, at: int) -> None:
    """Revoke a key, once and for all."""
    await tx.run("revoke_key", id=key_id, revoked_at=at)


async def insert_grant(tx: Transaction, kind: str, hash: bytes, grant: Grant) -> None:
    """Store a sign-in code or a session (`kind`) by its hash."""
    await tx.run(f"insert_{kind}", hash=hash, key_id=grant.key_id, expires_at=grant.expires_at, holder=grant.holder)


async def grant(reader: Reader, kind: str, hash: bytes) -> Grant | None:
    """Return what a sign-in code or a session stands for, expired or not."""
    row = await reader.one(kind, hash=hash)
    return Grant(row["key_id"], row["expires_at"], row["holder"]) if row else None


async def delete_grant(tx: Transaction, kind: str, hash: bytes) -> bool:
    """Delete a sign-in code or a session; say whether it was there."""
    return await tx.one(f"delete_{kind}", hash=hash) is not None


async def delete_old_grants(tx: Transaction, at: int) -> None:
    """Delete the codes and sessions that have expired."""
    await tx.run("delete_old_codes", now=at)
    await tx.run("delete_old_sessions", now=at)
