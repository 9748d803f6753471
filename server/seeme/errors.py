"""Everything that can go wrong, as one tree; server and client raise the same classes.

SeeMeError
├── RequestError            what the caller sent can't be done
│   ├── BadRequest          400  not HTTP or JSON as we know it
│   ├── Unauthorized        401  no key, or an unknown one
│   ├── Forbidden           403  the key may not do this
│   ├── NotFound            404
│   ├── Conflict            409  same id, other content; a state that doesn't allow it
│   ├── Gone                410  deleted by retention or erasure
│   ├── TooLarge            413
│   ├── UnsupportedMedia    415
│   ├── Invalid             422  a field is wrong; `errors` names each
│   └── TooManyRequests     429  `retry_after` seconds
├── ServiceError            the service can't do it now
│   ├── ServiceFailed       500
│   ├── Unavailable         503  `retry_after` seconds
│   └── StorageFull         507
├── ConnectionFailed        the client found no service
└── SetupError              a command or setting can't work as it is: one clear line, non-zero exit

A class's docstring is its default message.
"""

from typing import NamedTuple


class FieldError(NamedTuple):
    """One wrong field: where it is (`$.detections[0].box`) and what was expected."""

    path: str
    message: str


class SeeMeError(Exception):
    """Something went wrong."""

    status = 500

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.errors = errors
        self.retry_after = retry_after
        super().__init__(self.message)


class RequestError(SeeMeError):
    """The request can't be done."""

    status = 400


class BadRequest(RequestError):
    """The request can't be understood."""

    status = 400


class Unauthorized(RequestError):
    """A valid API key is needed: send it as `Authorization: Bearer <key>`."""

    status = 401


class Forbidden(RequestError):
    """This key may not do that."""

    status = 403


class NotFound(RequestError):
    """There is no such thing."""

    status = 404


class Conflict(RequestError):
    """The id is taken by other content."""

    status = 409


class Gone(RequestError):
    """It was deleted."""

    status = 410


class TooLarge(RequestError):
    """The request is too large."""

    status = 413


class UnsupportedMedia(RequestError):
    """The content type isn't one this route takes."""

    status = 415


class Invalid(RequestError):
    """A field is wrong."""

    status = 422


class TooManyRequests(RequestError):
    """Too many requests; try again later."""

    status = 429


class ServiceError(SeeMeError):
    """The service failed."""

    status = 500


class ServiceFailed(ServiceError):
    """The service failed; the log has the details."""

    status = 500


class Unavailable(ServiceError):
    """The service can't take this now; try again later."""

    status = 503


class StorageFull(ServiceError):
    """The disk is full: nothing more can be stored until there is room; reading goes on."""

    status = 507


class ConnectionFailed(SeeMeError):
    """The service can't be reached."""

    status = 0


class SetupError(SeeMeError):
    """This can't work as it is set up."""

    status = 0


BY_STATUS: dict[int, type[SeeMeError]] = {
    kind.status: kind
    for kind in (
        BadRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        Conflict,
        Gone,
        TooLarge,
        UnsupportedMedia,
        Invalid,
        TooManyRequests,
        ServiceFailed,
        Unavailable,
        StorageFull,
    )
}


def invalid(path: str, message: str) -> Invalid:
    """Return the error for one wrong field."""
    comma = "," if ", got " in message else ""
    return Invalid(f"{message}{comma} at {path}", errors=(FieldError(path, message),))
