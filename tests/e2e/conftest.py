"""A visitor's browser, another site, and a client of the running service."""

from collections.abc import Iterator

import pytest
from browser import launched
from embedding import Site, serving
from live import Live
from playwright.sync_api import Browser, Page

from seeme import Client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of a module."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without memory of others."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A site of another origin."""
    with serving() as site:
        yield site


@pytest.fixture
def client(live: Live) -> Iterator[Client]:
    """A client with every right."""
    with Client(live.url, live.admin_key) as client:
        yield client
