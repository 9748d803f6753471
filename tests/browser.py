"""A real Chromium for tests: the one on the PATH, else the one that Playwright has downloaded."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
    # Pages of the browser's own bars, which nobody sees: each window would load several beside the tested page.
    "--disable-features=PreloadTopChromeWebUI",
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


@contextmanager
def listening() -> Iterator[str]:
    """Start a browser that tests connect to, each with a context of its own; yield its address.

    A start takes longer than most tests of a page. It has no event loop here, so async tests may use it.
    """
    options = launch_options()
    program = options["executable_path"]
    if program is None:
        with sync_playwright() as playwright:
            program = playwright.chromium.executable_path
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        arguments = [program, "--headless", "--remote-debugging-port=0", f"--user-data-dir={folder}", *options["args"]]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{_port(Path(folder, 'DevToolsActivePort'), process)}"
        finally:
            process.terminate()
            process.wait(20)


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    """Return the port that a starting browser has written down."""
    for _ in range(600):
        if file.exists() and (lines := file.read_text().split()):
            return int(lines[0])
        assert process.poll() is None, "the browser ended while it started"
        time.sleep(0.05)
    raise TimeoutError("the browser said no port within 30 seconds")
