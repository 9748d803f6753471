"""Settings of the service: `SEEME_*` environment variables, each documented in docs/settings.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from seeme.errors import SetupError


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How one node runs. Sizes are bytes, times seconds, rates items per second."""

    host: str = "127.0.0.1"
    port: int = 8765
    data: Path = Path("seeme-data")
    database: str = ""
    public_url: str = ""
    root_path: str = ""
    secret: str = ""
    trusted_proxies: str = ""
    log_level: str = "info"
    queue_items: int = 20_000
    queue_bytes: int = 64 * 1024 * 1024
    max_body: int = 256 * 1024
    max_batch_body: int = 4 * 1024 * 1024
    max_input: int = 10 * 1024 * 1024
    max_header: int = 32 * 1024
    max_connections: int = 1_000
    request_deadline: float = 10.0
    shutdown_grace: float = 10.0
    secret_key_rate: float = 100_000.0
    publishable_key_rate: float = 200.0
    address_rate: float = 20.0
    failed_sign_in_rate: float = 0.2
    max_orphans: int = 10_000
    orphan_days: int = 7
    tombstone_days: int = 30
    burst_votes: int = 50


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Return the settings named by `SEEME_*` in `environment`.

    Raises:
        SetupError: naming the variable, for an unknown name or a value of the wrong type.
    """
    types = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    known_elsewhere = {"SEEME_BASE_URL", "SEEME_API_KEY"}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith("SEEME_") or variable in known_elsewhere:
            continue
        name = variable.removeprefix("SEEME_").lower()
        if name not in types:
            raise SetupError(f"{variable} isn't a setting; docs/settings.md lists them")
        values[name] = _parse(variable, text, types[name])
    return Settings(**values)


def _parse(variable: str, text: str, kind: type) -> Any:
    if kind is Path:
        return Path(text)
    try:
        value: Any = msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        raise SetupError(f"{variable} must be {kind.__name__} (got {text!r})") from None
    if kind in (int, float) and not 0 < value < float("inf"):  # nan is neither
        raise SetupError(f"{variable} must be above 0 (got {text})")
    return value
