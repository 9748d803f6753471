"""The detection example: pictures with a known truth, a detector that is really so good, and boxes judged by clicks."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import launched
from live import Live, free_port
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from detection import app, detector, evaluate, matching, png, prediction, scene, setup, train
from digits.app import Server
from seeme import Client
from seeme.errors import SeeMeError

README = Path(app.__file__).parent / "README.md"
# A picture with five boxes at least, one with few, and one of a bench that is almost bare.
SHOWN = [4, 7, 3]


def test_a_picture_and_its_truth_are_those_of_its_number() -> None:
    """Made twice they are equal, another number gives another picture."""
    once, again, other = scene.make(5), scene.make(5), scene.make(6)
    assert np.array_equal(once.pixels, again.pixels)
    assert once.parts == again.parts
    assert not np.array_equal(once.pixels, other.pixels)
    assert once.pixels.shape == (scene.HEIGHT, scene.WIDTH, 3)


def test_true_boxes_lie_in_the_picture() -> None:
    """Each has a label that the detector knows, a size, and enough of its part to be seen."""
    for part in (part for number in range(8) for part in scene.make(number).parts):
        x, y, width, height = part.box
        assert part.label in detector.LABELS
        assert min(x, y) >= 0
        assert min(width, height) >= 1
        assert x + width <= scene.WIDTH
        assert y + height <= scene.HEIGHT
        assert part.seen >= scene.LEAST_SEEN


def test_the_png_is_the_picture_that_the_detector_saw() -> None:
    """Another decoder finds the same pixels in it."""
    pixels = scene.make(5).pixels
    with Image.open(io.BytesIO(png.encode(pixels))) as image:
        assert np.array_equal(np.asarray(image), pixels)


def test_what_is_found_has_a_box_in_the_picture_and_a_measured_time() -> None:
    """The surest first, none below the limit, the same every time."""
    pixels = scene.make(4).pixels
    answer = detector.detect(pixels)
    confidences = [found.confidence for found in answer.detections]
    assert answer.detections == detector.detect(pixels).detections
    assert confidences == sorted(confidences, reverse=True)
    assert all(detector.LEAST_SURE <= confidence <= 1 for confidence in confidences)
    assert {found.label for found in answer.detections} <= set(detector.LABELS)
    assert all(x >= 0 and x + width <= scene.WIDTH for x, _, width, _ in (each.box for each in answer.detections))
    assert answer.latency_ms > 0


def test_a_plain_surface_has_nothing_on_it() -> None:
    """No detection, no error."""
    assert detector.detect(np.full((scene.HEIGHT, scene.WIDTH, 3), 90, dtype=np.uint8)).detections == []


def test_overlap_is_intersection_over_union() -> None:
    """Of equal boxes 1, of boxes apart 0, of a half 1/2; a part is found once."""
    box = (10, 10, 20, 10)
    assert matching.overlap(box, box) == 1
    assert matching.overlap(box, (40, 10, 5, 5)) == 0
    assert matching.overlap(box, (10, 10, 10, 10)) == 0.5
    part = scene.Part("nut", box, 1.0, "steel")
    assert matching.match([box, box], [part]) == [0, None]


def test_pictures_for_training_measuring_and_showing_are_others() -> None:
    """None that is measured with or shown was learnt from."""
    assert train.FIRST >= prediction.PICTURES
    assert train.FIRST + train.PICTURES + train.HELD_OUT <= evaluate.FIRST


def test_the_detector_is_good_and_makes_mistakes() -> None:
    """On a few pictures its figures are near those of the README, and there is something to say of its boxes."""
    found = evaluate.evaluate(range(evaluate.FIRST, evaluate.FIRST + 20))
    assert 0.85 < found.all.precision < 1
    assert 0.7 < found.all.recall < 0.95
    assert sum(found.wrong.values()) == found.all.boxes - found.all.right > 0


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_figures_of_the_readme_are_those_that_are_measured() -> None:
    """`python -m detection.evaluate` prints the README's table, up to what rounding does on another machine."""
    found = evaluate.evaluate(range(evaluate.FIRST, evaluate.FIRST + evaluate.PICTURES))
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \|$", README.read_text(), re.MULTILINE)
    told = {name: (float(precision), float(recall)) for name, _, _, precision, recall in rows}
    for name, figures in {"all": found.all, **found.by_label, **found.by_kind}.items():
        assert told[name] == pytest.approx((figures.precision, figures.recall), abs=0.02)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of this module."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without memory of others; an exception in it fails the test."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    context.set_default_timeout(20_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def client(live: Live) -> Iterator[Client]:
    """A client whose key outlives a restart of the service."""
    with Client(live.url, live.admin_key) as first:
        key = str(first.create_key("secret", "detection test", scopes=["admin", "ingest", "read", "review"]).key)
    with Client(live.url, key, timeout=10) as client:
        yield client


@pytest.fixture
def example(client: Client, live: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the example, which shows the same pictures each time."""
    monkeypatch.setattr(app, "draw", lambda: SHOWN)
    port = free_port()
    model_id = setup.make_model(client)
    key = setup.make_key(client, setup.origins("127.0.0.1", port))
    server = Server(app.create_app(client, model_id, live.url, key), "127.0.0.1", port)
    server.start()
    yield server.url
    server.stop()


def _card(page: Page, number: int = 0) -> Locator:
    """Return a picture's part of the page, with its boxes drawn."""
    card = page.locator("li.card").nth(number)
    expect(card.locator("[part~=box]").first).to_be_visible(timeout=20_000)
    return card


def _send(card: Locator, says: str) -> None:
    card.get_by_role("button", name="Send", exact=True).click()
    expect(card.locator("[part=outcome] [part=status]")).to_have_text(says, timeout=20_000)


def test_verdicts_on_boxes_are_stored_as_they_were_clicked(example: str, client: Client, page: Page) -> None:
    """Right, wrong label, no such object, another box, a missed one: each is a feedback on the box it was given to."""
    boxes = prediction.predict(SHOWN[0]).boxes
    other = next(label for label in detector.LABELS if label != boxes[1]["label"])
    page.goto(example)
    card = _card(page)
    rows = card.locator("[part=list] [part=row]")
    expect(rows).to_have_count(len(boxes))
    rows.nth(0).locator("[part=verdict]").select_option(label="Correct")
    rows.nth(1).locator("[part=label]").select_option(other)
    rows.nth(2).locator("[part=verdict]").select_option(label="No such object")
    rows.nth(3).locator("[part=x]").fill(str(boxes[3]["box"][0] - 4))
    rows.nth(3).locator("[part=x]").press("Enter")
    card.get_by_role("button", name="Add missed object").click()
    card.get_by_role("button", name="Add missed object").click()
    rows.nth(len(boxes)).locator("[part=label]").select_option("nut")
    _send(card, "Thank you")

    shown = card.locator("seeme-feedback").get_attribute("prediction-id")
    moved = [float(value) for value in [boxes[3]["box"][0] - 4, *boxes[3]["box"][1:]]]
    stored = {row.feedback_type: row for row in client.get_feedback(setup.MODEL_ID, prediction_id=shown)}
    assert {name: row.detection_index for name, row in stored.items()} == {
        "correct": 0,
        "wrong_label": 1,
        "false_positive": 2,
        "wrong_box": 3,
        "missed_object": None,
    }
    assert (stored["wrong_label"].correct_label, stored["missed_object"].correct_label) == (other, "nut")
    assert list(stored["wrong_box"].box) == moved
    assert len(stored["missed_object"].box) == 4


def test_what_the_page_shows_is_what_is_logged(example: str, client: Client, page: Page) -> None:
    """Each prediction has its boxes, the picture's size, a measured time, and the very picture that is shown."""
    page.goto(example)
    _card(page)
    shown = [tag.get_attribute("prediction-id") for tag in page.locator("seeme-feedback").all()]
    page.wait_for_load_state("networkidle")
    for number, name in zip(SHOWN, shown, strict=True):
        stored = client.get_prediction(str(name), model_id=setup.MODEL_ID)
        said = prediction.predict(number)
        assert [(each.label, list(each.box)) for each in stored.detections or []] == [
            (each["label"], [float(side) for side in each["box"]]) for each in said.boxes
        ]
        assert list(stored.image_size) == [scene.WIDTH, scene.HEIGHT]
        assert stored.latency_ms > 0
        assert client.get_input(stored.id, model_id=setup.MODEL_ID) == png.encode(said.scene.pixels)


def test_the_truth_is_shown_when_it_is_asked_for(example: str, page: Page) -> None:
    """Closed at first; open it counts the parts and draws them over the same picture."""
    page.goto(example)
    card = _card(page)
    truth = card.locator("details")
    expect(truth.locator("svg")).to_be_hidden()
    truth.locator("summary").click()
    parts = scene.make(SHOWN[0]).parts
    expect(truth.locator("rect")).to_have_count(len(parts))
    expect(truth.locator("p")).to_have_text(app.count([part.label for part in parts]) + ".")


def test_a_service_that_restarts_loses_no_verdict(example: str, client: Client, live: Live, page: Page) -> None:
    """What is clicked while it is away is kept by the page and stored when it is back; the page itself stays up."""
    page.goto(example)
    card = _card(page)
    shown = card.locator("seeme-feedback").get_attribute("prediction-id")
    card.locator("[part=list] [part=verdict]").first.select_option(label="Correct")
    live.kill()
    _send(card, "Will be sent")
    live.start()
    page.wait_for_function("document.querySelector('seeme-feedback').pending === 0", timeout=30_000)
    [stored] = client.get_feedback(setup.MODEL_ID, prediction_id=shown)
    assert (stored.feedback_type, stored.detection_index, stored.status) == ("correct", 0, "active")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits(example: str, page: Page, width: int, scheme: str) -> None:
    """Nothing reaches beyond the window, on a phone or a wide screen, in the light or the dark."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(example)
    _card(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_is_there_when_the_service_is_not(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows what the detector says, and that it wasn't logged."""
    monkeypatch.setattr(app, "draw", lambda: SHOWN[:1])
    away = Client("http://127.0.0.1:9", "sk_some_key", timeout=0.2)
    server = Server(app.create_app(away, "parts", "http://127.0.0.1:9", "pk_some_key"), "127.0.0.1", 0)
    server.start()
    try:
        page.goto(server.url)
        expect(page.get_by_role("status").first).to_contain_text("were not logged")
        expect(page.locator("li.card h2")).to_contain_text(re.compile("screw|nut|washer"))
    finally:
        server.stop()
        away.close()


def test_simulated_predictions_come_with_their_pictures(client: Client) -> None:
    """So many as were asked for, and the data engine's rules can be set for them."""
    model_id = setup.make_model(client)
    setup.configure(client, model_id)
    prediction.simulate(client, model_id, range(3, 6))
    stored = list(client.get_predictions(model_id))
    assert len(stored) == 3
    assert all(each.has_input and each.detections is not None for each in stored)
    engine = client.get_model(model_id).data_engine
    assert (engine.enabled, engine.low_confidence.threshold, engine.random_sample.rate) == (True, 0.6, 0.2)


def test_a_new_start_revokes_the_old_key(client: Client) -> None:
    """Only the key of the latest start is good for the page, and only from its origins."""
    setup.make_model(client)
    for _ in range(2):
        setup.make_key(client, setup.origins("127.0.0.1", 8766))
    keys = [key for key in client.list_keys() if key.holder == setup.HOLDER]
    assert sorted(key.revoked_at is not None for key in keys) == [False, True]


def test_simulating_without_a_service_ends_with_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """No traceback: the service may be stopped while the example still logs."""
    with Client("http://127.0.0.1:9", "sk_some_key", timeout=0.2) as away:
        prediction.simulate(away, "parts", range(3, 5))
        with pytest.raises(SeeMeError):
            setup.make_model(away)
    assert "could not be logged" in caplog.text


def test_the_data_engine_queues_pictures_for_review(client: Client) -> None:
    """What the demo shows: some pictures wait for a person, with their boxes, for the example's dataset."""
    model_id = setup.make_model(client)
    setup.configure(client, model_id)
    prediction.simulate(client, model_id, range(12))
    waiting = list(client.get_flagged_items(dataset_id="parts", status="needs_review", limit=None))
    assert waiting
    (task,) = client.claim_review(model_id)
    assert task.item.has_input
    client.decide_review(task.item.id, "correct")
    (item,) = client.get_dataset_items("parts")
    assert len(item.boxes) == len(task.prediction.detections)
    client.configure_data_engine(model_id, {"random_sample": {"rate": 0.5}})
    setup.configure(client, model_id)
    assert client.get_model(model_id).data_engine.random_sample.rate == 0.5
