"""`seeme demo` as one starts it: the page of digits, a click, the row, and the model's page."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from live import Live, free_port
from playwright.sync_api import Page, expect

from seeme import Client

MODEL = "digits"


class Demo(Live):
    """`seeme demo` in a process of its own."""

    def spawn(self, *before: str) -> None:
        """Start it on two free ports."""
        ports = ["--port", str(self.port), "--demo-port", str(free_port())]
        command = [sys.executable, "-m", "seeme", "demo", "--data", str(self.folder), *ports]
        with (self.folder.parent / "serve.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.surroundings(), text=True)

    def addresses(self) -> tuple[str, str] | None:
        """Return what it printed: the page of digits, and the link that signs in once."""
        found = re.search(r"under each digit:\n\s+(\S+)\n(?:.*\n){4}.*once.*\n\s+(\S+)\n", self.log())
        return (found[1], found[2]) if found else None


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory, page: Page) -> Iterator[Demo]:
    """A running demo, with its month of history."""
    demo = Demo(tmp_path_factory.mktemp("demo") / "data")
    demo.spawn()
    try:
        demo.wait_ready(60)
        while demo.addresses() is None:
            assert demo.process is not None
            assert demo.process.poll() is None, demo.log()
            page.wait_for_timeout(100)
        yield demo
    finally:
        demo.stop()


def test_a_thumb_under_a_digit_is_seen_on_the_models_page(demo: Demo, page: Page) -> None:
    """Digits are shown with the widget under each; a click is a row, and the signed-in visitor sees it."""
    addresses = demo.addresses()
    assert addresses is not None
    digits, link = addresses
    page.goto(digits)
    widgets = page.locator("seeme-feedback")
    assert widgets.count() >= 6
    expect(page.get_by_alt_text("A handwritten digit").first).to_be_visible()
    prediction = widgets.first.get_attribute("prediction-id")
    widgets.first.get_by_role("button", name="Thumbs up").click()
    expect(widgets.first.get_by_role("status")).to_have_text("Thank you")

    with Client(demo.url, demo.admin_key) as client:
        [row] = client.get_feedback(MODEL, prediction_id=prediction)
        assert (row.feedback_type, row.rating, row.status) == ("rating", 1, "active")
        assert client.get_prediction(row.prediction_id, model_id=MODEL).has_input
        weeks = client.get_performance_metrics(MODEL, lookback_weeks=6)
        assert sum(week.predictions for week in weeks) > 1000

    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{demo.url}/models/{MODEL}")
    first = page.locator("#feedback-rows [data-id]").first
    expect(first).to_contain_text("Thumbs up")
    expect(first).to_have_attribute("data-id", row.id)
    page.goto(f"{demo.url}/models/{MODEL}/predictions/{prediction}")
    image = page.get_by_alt_text("Input of the prediction")
    expect(image).to_be_visible(timeout=20_000)
    assert image.evaluate("image => image.complete && image.naturalWidth > 0")


def test_the_other_examples_are_a_link_away(demo: Demo, page: Page) -> None:
    """The page of digits links to that of parts, with boxes to judge, and to that of the A/B test; both link back."""
    addresses = demo.addresses()
    assert addresses is not None
    page.goto(addresses[0])
    page.get_by_role("link", name="Parts").click()
    expect(page).to_have_url(f"{addresses[0]}/parts/")
    expect(page.locator("seeme-feedback [part=canvas]").first).to_be_visible(timeout=20_000)
    assert page.locator("svg image").first.get_attribute("href") is not None
    shown = page.locator("seeme-feedback").first.get_attribute("prediction-id")
    with Client(demo.url, demo.admin_key) as client:
        assert client.get_prediction(str(shown), model_id="parts").detections is not None
    page.get_by_role("link", name="Digits").click()
    expect(page.get_by_alt_text("A handwritten digit").first).to_be_visible(timeout=20_000)

    page.get_by_role("link", name="Readers").click()
    widget = page.locator("seeme-feedback").first
    widget.get_by_role("button", name="Thumbs down").click()
    expect(widget.get_by_role("status")).to_have_text("Thank you", timeout=20_000)
    with Client(demo.url, demo.admin_key) as client:
        prediction = client.get_prediction(str(widget.get_attribute("prediction-id")), model_id="readers")
        [vote] = client.get_feedback("readers", prediction_id=prediction.id)
        assert (prediction.ab_test_id, vote.rating) == ("readers", -1)
    page.get_by_role("link", name="Digits", exact=True).click()
    expect(page).to_have_url(f"{addresses[0]}/")
