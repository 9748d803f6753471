"""The page that brings the widget to other pages: a key, the tag, a test of the connection, and signing secrets."""

import re

import msgspec
from starlette.responses import Response

from seeme.errors import Conflict
from seeme.records.keys import Key, NewKey
from seeme.records.models import ConfigPatch, Model, ModelPatch
from seeme.records.tokens import IssuedSigningSecret
from seeme.service.signing import MOST_LIVE
from seeme.web.pages_sign_in import read_form
from seeme.web.pages_view import Visit


async def embed(visit: Visit) -> Response:
    """Show how to embed the widget of a model, and the keys that pages use for it."""
    return await _page(visit, _model(visit))


async def make_key(visit: Visit) -> Response:
    """Make a publishable key for this model and the origins given, and show it this once."""
    model = _model(visit)
    form = await read_form(visit.request)
    origins = [text.rstrip("/").lower() for text in re.split(r"[\s,]+", form.get("origins", "").strip()) if text]
    holder = form.get("holder", "").strip() or f"widget of {model.name}"[:200]
    wanted = {"kind": "publishable", "holder": holder, "models": [model.id], "origins": origins}
    try:
        new = msgspec.convert(wanted, NewKey)
    except msgspec.ValidationError as problem:
        return await _page(visit, model, form=form, problem=_explain(str(problem), origins), status=422)
    if not origins:
        return await _page(visit, model, form=form, problem=_NO_ORIGIN, status=422)
    issued = await visit.services.keys.create(new)
    return await _page(visit, model, key=issued.key, origins=origins)


async def revoke_key(visit: Visit) -> Response:
    """Revoke a publishable key of this model."""
    model = _model(visit)
    key_id = visit.request.path_params["key_id"]
    if any(key.id == key_id for key in _own_keys(visit, model)):
        await visit.services.keys.revoke(key_id)
    return visit.redirect(visit.path("models", model.id, "embed", notice="revoked") + "#keys")


async def make_secret(visit: Visit) -> Response:
    """Make a signing secret, and show it this once."""
    model = _model(visit)
    try:
        issued = await visit.services.signing.create(model.id)
    except Conflict as refusal:
        return await _page(visit, model, refusal=refusal.message, status=409)
    return await _page(visit, model, issued=issued)


async def retire_secret(visit: Visit) -> Response:
    """Retire a signing secret of this model."""
    model = _model(visit)
    await visit.services.signing.retire(model.id, visit.request.path_params["kid"])
    return visit.redirect(visit.path("models", model.id, "embed", notice="retired") + "#signing")


async def require_token(visit: Visit) -> Response:
    """Ask for prediction tokens from now on, or no longer."""
    model = _model(visit)
    wanted = (await read_form(visit.request)).get("require") == "yes"
    patch = ModelPatch(config=ConfigPatch(require_prediction_token=wanted))
    await visit.services.models.patch(model.id, patch, visit.identity.holder if visit.identity else "")
    return visit.redirect(visit.path("models", model.id, "embed", notice="asked" if wanted else "unasked") + "#signing")


_NOTICES = {
    "revoked": "Revoked: pages that still use this key are refused.",
    "retired": "Retired: tokens signed with it are worth nothing from now on.",
    "asked": "From now on feedback of pages without a good token goes to quarantine.",
    "unasked": "Feedback of pages counts without a token from now on.",
}
_NO_ORIGIN = "Name at least one origin: a publishable key works only on the pages it was made for."
_WRONG_ORIGIN = "An origin is the scheme, host and port of a page, without a path: https://shop.example.com"


def _explain(problem: str, origins: list[str]) -> str:
    if "origins" not in problem:
        return problem
    position = re.search(r"origins\[(\d+)\]", problem)
    return f"{origins[int(position[1])]}: {_WRONG_ORIGIN}" if position else problem


def _model(visit: Visit) -> Model:
    return visit.services.models.get(visit.request.path_params["model_id"])


def _keys(visit: Visit, model: Model) -> list[Key]:
    """Return the live publishable keys that work for this model alone or among others."""
    keys = visit.services.keys.list().items
    live = [key for key in keys if key.kind == "publishable" and key.revoked_at is None]
    return [key for key in live if not key.models or model.id in key.models]


def _own_keys(visit: Visit, model: Model) -> list[Key]:
    """Return those that are for models of the visitor alone: ending another would end it for others' models too."""
    mine = visit.who.models
    return [key for key in _keys(visit, model) if not mine or (key.models and mine.issuperset(key.models))]


async def _page(
    visit: Visit,
    model: Model,
    *,
    key: str | None = None,
    origins: list[str] | None = None,
    form: dict[str, str] | None = None,
    problem: str | None = None,
    issued: IssuedSigningSecret | None = None,
    refusal: str | None = None,
    status: int = 200,
) -> Response:
    keys = _keys(visit, model)
    return visit.render(
        "embed.html",
        status,
        model=model,
        key=key,
        origins=origins or [],
        form=form or {},
        problem=problem,
        keys=_own_keys(visit, model) if "admin" in visit.who.scopes else [],
        known={known.id: known.origins for known in keys},
        service=visit.public_url(),
        notice=_NOTICES.get(visit.query().get("notice", "")),
        secrets=visit.services.signing.list(model.id).items if "admin" in visit.who.scopes else [],
        most_secrets=MOST_LIVE,
        issued=issued,
        refusal=refusal,
    )
