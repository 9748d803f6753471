"""The deployment's secret, which keys the hashes of subjects."""

import os
from hashlib import sha256

from seeme.errors import SetupError
from seeme.ids import secret
from seeme.settings import Settings


def deployment_secret(settings: Settings) -> bytes:
    """Return the key under which subjects are hashed: SEEME_SECRET, or one made at the first start and kept."""
    if settings.secret:
        return settings.secret.encode()
    path = settings.data / "secret"
    if not path.exists():
        part = settings.data / "secret.part"  # a crash must not leave a secret that is empty
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    text = path.read_text().strip()
    if not text:
        raise SetupError(f"{path} is empty; put the deployment's secret back, from a backup")
    return text.encode()


def fingerprint(key: bytes) -> str:
    """Return what tells one secret from another and doesn't give it away."""
    return sha256(b"seeme fingerprint " + key).hexdigest()[:16]
