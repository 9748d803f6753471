"""Signing secrets of models, with which their servers sign prediction tokens."""

from seeme.records.tokens import IssuedSigningSecret, SigningSecret
from seeme.records.types import Id, Page
from seeme.service.services import Services
from seeme.web.signature import Made


async def create_signing_secret(services: Services, model_id: Id) -> Made[IssuedSigningSecret]:
    """Make a signing secret, the second one to rotate; its text is shown this once."""
    return Made(await services.signing.create(model_id), True)


def list_signing_secrets(services: Services, model_id: Id) -> Page[SigningSecret]:
    """List the live signing secrets of a model."""
    return services.signing.list(model_id)


async def retire_signing_secret(services: Services, model_id: Id, kid: Id) -> None:
    """Retire a signing secret: tokens signed with it are worth nothing from then on."""
    await services.signing.retire(model_id, kid)
