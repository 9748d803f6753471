"""The service itself: health, and numbers for Prometheus."""

from typing import Annotated

from starlette.responses import Response

from seeme.errors import Unavailable
from seeme.records.metrics import Health
from seeme.service.services import Services
from seeme.web.counters import Counters
from seeme.web.metrics_text import MEDIA_TYPE, render


def health(services: Services) -> Health:
    """Say that the process answers."""
    return services.health()


async def ready(services: Services) -> Health:
    """Say whether events can be taken and stored: the service works, and its database answers."""
    found = services.health()
    if found.status != "ok":
        raise Unavailable(f"the service is {found.status}", retry_after=5)
    await services.pulse.feel()
    return found


def metrics_text(services: Services, counters: Counters) -> Annotated[Response, "text/plain"]:
    """Return what the service counts."""
    text = render(counters, services.health().waiting)
    return Response(text, headers={"content-type": MEDIA_TYPE, "x-content-type-options": "nosniff"})
