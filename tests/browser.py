"""A real Chromium for tests: the one on the PATH, else the one that Playwright has downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, sync_playwright

# A browser of a test talks to the test alone.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def launch_options() -> dict[str, Any]:
    """Return the arguments of Playwright's `chromium.launch`, sync or async."""
    return {"executable_path": shutil.which("chromium") or shutil.which("chromium-browser"), "args": QUIET}


@contextmanager
def launched() -> Iterator[Browser]:
    """Start a browser for a `with` block.

    Playwright's sync API keeps an event loop running in its thread until the block ends, and no async test can run
    meanwhile: make fixtures of it of module scope at most, in modules without async tests.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        try:
            yield browser
        finally:
            browser.close()
