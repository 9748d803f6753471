"""The edge over a real service: an application, keys, and callers who use them."""

import pytest
from asgi_client import SHOP, Caller

from seeme.records.keys import NewKey
from seeme.records.models import Model
from seeme.service.services import Services
from seeme.web.app import Application, create_app


@pytest.fixture
async def app(services: Services, model: Model) -> Application:
    """The application, with one model."""
    return create_app(services)


@pytest.fixture
async def program(app: Application, services: Services) -> Caller:
    """A program with a secret key and every scope."""
    scopes = ["ingest", "read", "review", "admin"]
    key = await services.keys.create(NewKey(kind="secret", holder="Ada", scopes=scopes))
    return Caller(app, key.key)


@pytest.fixture
async def page(app: Application, services: Services) -> Caller:
    """A web page with a publishable key for the model `digits`."""
    key = await services.keys.create(
        NewKey(kind="publishable", holder="shop", models=["digits"], origins=[SHOP]),
    )
    return Caller(app, key.key, origin=SHOP)


@pytest.fixture
async def narrow(app: Application, services: Services) -> Caller:
    """A program whose key has every scope, for the model `other` alone."""
    scopes = ["ingest", "read", "review", "admin"]
    key = await services.keys.create(NewKey(kind="secret", holder="Bob", scopes=scopes, models=["other"]))
    return Caller(app, key.key)


@pytest.fixture
async def stranger(app: Application) -> Caller:
    """Someone without a key."""
    return Caller(app)
