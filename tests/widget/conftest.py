"""A browser, a page, and the world around it: `site` holds the pages, `service` takes the feedback."""

from collections.abc import Callable, Iterator

import pytest
from browser import launched
from outside import Origin, running
from playwright.sync_api import Browser, Page

TAG = '<seeme-feedback model-id="m" prediction-id="p" api-key="pk_1_x" {}></seeme-feedback>'
# Everything that the page and the element say to each other, in order, as plain data.
LISTEN = """
window.heard = [];
for (const name of ['seeme-submit', 'seeme-success', 'seeme-queued', 'seeme-error', 'seeme-change'])
  addEventListener(name, (event) => heard.push([name, JSON.parse(JSON.stringify(event.detail))]));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of a module."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without memory of others; an exception in it fails the test."""
    context = browser.new_context(viewport={"width": 800, "height": 600})
    context.set_default_timeout(10_000)
    context.add_init_script(LISTEN)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def site() -> Iterator[Origin]:
    """The origin of the page that embeds the widget."""
    with running() as origin:
        yield origin


@pytest.fixture
def service() -> Iterator[Origin]:
    """The origin of the service."""
    with running() as origin:
        yield origin


@pytest.fixture
def embed(page: Page, site: Origin, service: Origin) -> Callable[..., Page]:
    """Open a page with the documents' tag, its further attributes, and what else stands in the page."""

    def open_page(attributes: str = "", before: str = "", after: str = "") -> Page:
        script = f'<script src="{service.address}/feedback-widget.js"></script>'
        page.goto(site.show(script + before + TAG.format(attributes) + after))
        return page

    return open_page
