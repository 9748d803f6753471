"""Static files under /static: kept for a year by browsers when asked for with their version, else checked each time."""

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from seeme.web.pages_view import STATIC_FOLDER, static_version

_TYPES = {"x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin"}


class PageFiles(StaticFiles):
    """The folder `static/`, with cache headers."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC_FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file at `path`."""
        response = await super().get_response(path, scope)
        response.headers.update(_TYPES)
        asked = scope.get("query_string", b"").decode("latin-1")
        current = response.status_code in (200, 304) and asked == f"v={static_version(path)}"
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if current else "no-cache"
        return response
