"""Signing in and out of the pages: a one-time code or a secret key becomes a session cookie."""

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from seeme.errors import BadRequest, Forbidden, TooLarge, Unauthorized
from seeme.web.guard import SESSION_COOKIE
from seeme.web.pages_view import HEADERS, Visit, local_path, root

_MAX_FORM = 64 * 1024


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form as `read_fields` does; of a repeated field the last one."""
    return {name: values[-1] for name, values in (await read_fields(request)).items()}


async def read_fields(request: Request) -> dict[str, list[str]]:
    """Return the fields of a URL-encoded form.

    Raises:
        TooLarge: above 64 KiB, found while reading.
        BadRequest: when it isn't UTF-8 text in this encoding, or has a NUL, which no database takes.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            raise TooLarge("The form is too large.")
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise BadRequest("The form can't be read.") from None
    if any("\0" in value for values in fields.values() for value in values):
        raise BadRequest("The form has a NUL character, which can't be stored.")
    return {name: [value.replace("\r\n", "\n") for value in values] for name, values in fields.items()}


def check_same_origin(visit: Visit) -> None:
    """Refuse a write that another site's page could have sent.

    Raises:
        Forbidden: unless the browser says that the form is one of ours.
    """
    headers = visit.request.headers
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None:
        ours = site == "same-origin"
    else:
        own = {f"{visit.request.url.scheme}://{visit.request.url.netloc}"}
        own.add("/".join(visit.public_url().split("/")[:3]))
        ours = origin in own
    if not ours:
        raise Forbidden("This form came from another page. Go back, load the page again and repeat what you did.")


async def sign_in_form(visit: Visit) -> Response:
    """Show the form; a code in the link is only filled in, so that a link preview doesn't use it up."""
    return _form(visit, code=visit.query().get("code", "")[:500])


async def sign_in(visit: Visit) -> Response:
    """Take a code or a key, begin a session, and go where the visitor wanted to go."""
    form = await read_form(visit.request)
    try:
        token, _ = await visit.services.keys.redeem(form.get("secret", "").strip())
    except Unauthorized:
        return _form(visit, problem=True, status=401)
    response = visit.redirect(local_path(visit.query().get("next")) or visit.path())
    response.set_cookie(
        SESSION_COOKIE, token, path=root(visit.request) or "/", secure=_secure(visit), httponly=True, samesite="strict"
    )
    return response


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    token = visit.request.cookies.get(SESSION_COOKIE)
    if token:
        await visit.services.keys.sign_out(token)
    response = visit.redirect(visit.path("sign-in"))
    response.delete_cookie(
        SESSION_COOKIE, path=root(visit.request) or "/", secure=_secure(visit), httponly=True, samesite="strict"
    )
    return response


def ask_to_sign_in(visit: Visit) -> Response:
    """Send a visitor without a session to the form, which remembers where to return."""
    request = visit.request
    if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
        # A strict cookie stays away when the link stands on another site: load again, from here, before asking.
        again = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return HTMLResponse(visit.fragment("again.html", again=again), headers=HEADERS)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method != "GET" or wanted == visit.path():
        wanted = ""
    return visit.redirect(visit.path("sign-in", next=wanted))


def _form(visit: Visit, *, code: str = "", problem: bool = False, status: int = 200) -> Response:
    wanted = local_path(visit.query().get("next")) or ""
    return visit.render("sign_in.html", status, code=code, problem=problem, wanted=wanted)


def _secure(visit: Visit) -> bool:
    return visit.request.url.scheme == "https" or visit.public_url().startswith("https:")
