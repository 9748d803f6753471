"""Detection mode before its boxes are there, when they can't be had, and when others come."""

import base64
import functools
import threading
from collections.abc import Callable

import pytest
from detecting import NAME, Open, context, open_boxes, page_with, prediction, send
from editor import BOXES, Editor, png
from measures import WATCH_SHIFTS, shifts
from outside import CORS, Answer, Origin
from playwright.sync_api import Page, Route, expect

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


@pytest.fixture
def show(page: Page, site: Origin, service: Origin) -> Open:
    """Open a page with the tag, and wait for so many boxes."""
    return functools.partial(open_boxes, page, site, service)


def test_boxes_that_cannot_be_had_are_named(show: Open, service: Origin) -> None:
    """Without a token, or when the service doesn't answer."""
    service.context = context(None)
    boxes = show(0)
    expect(boxes.status).to_have_text("The boxes could not be loaded")
    expect(boxes.element.get_by_role("button", name="Add missed object")).to_be_disabled()


def test_boxes_that_could_not_be_had_are_asked_for_again_on_request_alone(show: Open, service: Origin) -> None:
    """Not whenever something else changes; then they are there, and Retry is gone."""
    service.context = Answer(503, {})
    boxes = show(0, prediction_token="a.b.c")
    element = boxes.page.locator("seeme-feedback")
    asked = len(service.of("GET", "/v1/widget-context"))
    for change in ("e.theme = 'dark'", "e.readOnly = true", "e.readOnly = false", "e.rating = 1"):
        element.evaluate(f"e => {{ {change} }}")
    boxes.page.wait_for_timeout(200)
    assert asked == len(service.of("GET", "/v1/widget-context")) == 1
    retry = boxes.element.get_by_role("button", name="Retry")
    with boxes.page.expect_response("**/widget-context*"):
        retry.click()
    expect(boxes.status).to_have_text("The boxes could not be loaded")
    service.context = context(prediction())
    retry.focus()
    boxes.page.keyboard.press("Enter")
    expect(boxes.boxes).to_have_count(3)
    expect(retry).to_be_hidden()
    assert boxes.page.evaluate("document.activeElement.localName") == "seeme-feedback"
    with boxes.page.expect_response("**/widget-context*"):
        element.evaluate("e => { e.predictionToken = 'd.e.f' }")
    boxes.page.wait_for_timeout(200)
    assert len(service.of("GET", "/v1/widget-context")) == 4


def test_a_part_that_does_not_come_is_asked_for_again(page: Page, site: Origin, service: Origin) -> None:
    """The texts stand in the extras: without them nothing could be read, so the element says that something failed."""
    service.context = context(prediction())
    page.route("**/feedback-extras.js*", lambda route: route.abort())
    page.goto(site.show(page_with(service, boxes=BOXES, labels="dog, cat", image_src=png())))
    expect(page.locator("[part=outcome] [part=status]")).to_have_text("Could not be sent")
    retry = page.get_by_role("button", name="Retry")
    expect(retry).to_be_visible()
    page.unroute("**/feedback-extras.js*")
    retry.hover()  # Who comes near asks again; when it has come Retry is gone, maybe before a click.
    boxes = Editor(page, NAME)
    expect(boxes.box(1)).to_be_visible()
    boxes.field(1, "Verdict").select_option(label="Correct")
    send(boxes)


def test_a_renewed_token_leaves_what_is_shown_until_new_boxes_come(show: Open, service: Origin) -> None:
    """Also while the service is slow or away; what was judged is kept when they are the same."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    boxes.field(1, "Verdict").select_option(label="Correct")
    element = boxes.page.locator("seeme-feedback")
    service.context = Answer(503, {}, hold=threading.Event())
    with boxes.page.expect_response("**/widget-context*"):
        element.evaluate("e => { e.predictionToken = 'd.e.f'; e.readOnly = true }")
        expect(boxes.field(1, "Verdict")).to_be_disabled()
        assert service.context.hold
        service.context.hold.set()
    element.evaluate("e => { e.readOnly = false }")
    expect(boxes.boxes).to_have_count(3)
    expect(boxes.status).not_to_have_text("The boxes could not be loaded")
    service.context = context(prediction())
    with boxes.page.expect_response("**/widget-context*"):
        element.evaluate("e => { e.predictionToken = 'g.h.i' }")
    send(boxes)
    assert [one["detection_index"] for one in service.feedback] == [0]
    service.context = context(prediction(detections=BOXES[:2]))
    element.evaluate("e => { e.predictionToken = 'j.k.l' }")
    expect(boxes.boxes).to_have_count(2)


def test_the_boxes_of_the_last_prediction_cannot_be_judged_for_the_next(show: Open, service: Origin) -> None:
    """They keep the place, unseen, until the others come."""
    service.context = context(prediction())
    boxes = show(prediction_token="a.b.c")
    height = boxes.page.locator("seeme-feedback").bounding_box()
    service.context = context(prediction(detections=BOXES[1:]))
    service.context.hold = threading.Event()
    boxes.page.locator("seeme-feedback").evaluate("e => { e.predictionId = 'q' }")
    expect(boxes.field(1, "Verdict")).to_be_hidden()
    expect(boxes.page.get_by_text("Send")).to_be_hidden()
    assert boxes.page.locator("seeme-feedback").bounding_box() == height
    service.context.hold.set()
    expect(boxes.field(1, "Verdict")).to_be_visible()
    expect(boxes.boxes).to_have_count(2)


def test_another_prediction_may_come_before_the_boxes_of_the_first(page: Page, site: Origin, service: Origin) -> None:
    """Nothing fails, nothing can be drawn where no image is, and the late answer changes nothing."""
    waiting: list[Callable[[], None]] = []

    def answer(route: Route) -> None:
        detections = BOXES[:1] if "prediction_id=q" in route.request.url else BOXES
        body = {"task": "detection", "labels": ["dog"], "prediction": prediction(detections=detections)}
        waiting.append(lambda: route.fulfill(json=body, headers=CORS))

    page.route("**/widget-context*", answer)
    boxes = Editor(page, NAME)
    with page.expect_request("**/widget-context*"):
        page.goto(site.show(page_with(service, prediction_token="a.b.c")))
    expect(boxes.element).to_have_count(1)
    expect(boxes.element).to_be_hidden()
    boxes.element.locator("[part~=draw]").evaluate("b => b.click()")
    with page.expect_request("**/widget-context*"):
        page.locator("seeme-feedback").evaluate("e => { e.predictionId = 'q' }")
    while len(waiting) < 2:
        page.wait_for_timeout(20)
    for late in waiting[::-1]:
        late()
        expect(boxes.boxes).to_have_count(1)
    expect(boxes.element).to_be_visible()


class Slow:
    """An image that comes when it is told to."""

    def __init__(self, page: Page, address: str) -> None:
        self.address = address
        self._routes: list[Route] = []
        page.route(address, lambda route: self._routes.append(route))

    def come(self) -> None:
        """Let it come."""
        data = base64.b64decode(png().split(",")[1])
        for route in self._routes:
            route.fulfill(body=data, content_type="image/png")


def expect_no_shift(page: Page, act: Callable[[], None], done: str) -> None:
    """Do something, wait until it shows, and see that nothing has moved."""
    page.wait_for_timeout(700)  # A shift within 500 ms of an input would be forgiven.
    page.evaluate("shifts.length = 0")
    act()
    page.wait_for_function(done)
    page.wait_for_timeout(200)
    assert shifts(page) == []


COMPLETE = """() => document.querySelector('seeme-feedback').shadowRoot.querySelector('img').naturalWidth
  && !document.querySelector('seeme-feedback').shadowRoot.querySelector('[part=boxes]').closest('[aria-busy=true]')"""


@pytest.mark.parametrize("known", ["by the service", "by nobody"])
@pytest.mark.parametrize("width", [320, 800])
def test_nothing_moves_when_the_image_comes(page: Page, site: Origin, service: Origin, known: str, width: int) -> None:
    """Its place is kept by its size; when nobody knows that, the boxes wait for it, and the page keeps their place."""
    page.set_viewport_size({"width": width, "height": 600})
    page.add_init_script(WATCH_SHIFTS)
    slow = Slow(page, site.address + "/slow.png")
    service.context = context(prediction(input_url=slow.address))
    if known == "by the service":
        html = page_with(service, prediction_token="a.b.c")
    else:
        room = "<style>seeme-feedback { display: block; block-size: 30rem; overflow: auto }</style>"
        html = room + page_with(service, boxes=BOXES, labels="dog, cat", image_src=slow.address)
    page.goto(site.show(html + "<p>What stands below.</p>"), wait_until="commit")
    boxes = Editor(page, NAME)
    expect(boxes.boxes).to_have_count(3)
    expect(boxes.box(1)).to_be_visible(visible=known == "by the service")
    expect_no_shift(page, slow.come, COMPLETE)
    expect(boxes.box(1)).to_be_visible()
    expect(boxes.canvas).to_have_css("aspect-ratio", "2 / 1")


def test_nothing_moves_when_the_token_is_renewed_or_the_state_changes(show: Open, page: Page, service: Origin) -> None:
    """The image isn't loaded again, whose size nobody else knows, and a long list still ends where it did."""
    page.add_init_script(WATCH_SHIFTS)
    service.context = context(prediction(image_size=None))
    boxes = show(prediction_token="a.b.c")
    element = page.locator("seeme-feedback")
    page.wait_for_function(COMPLETE)  # what its first coming moves isn't meant
    last = page.locator("[part=list]").get_by_role("button", name="Send")
    place = last.bounding_box()
    expect_no_shift(page, lambda: element.evaluate("e => { e.predictionToken = 'd.e.f'; e.readOnly = true }"), COMPLETE)
    expect(boxes.box(1)).to_be_visible()
    assert last.bounding_box() == place


@pytest.mark.parametrize("code", ["en", "fr"])
def test_a_change_of_the_language_leaves_no_text_empty(show: Open, page: Page, service: Origin, code: str) -> None:
    """Back to English, or to a language whose texts don't come."""
    service.context = context(prediction())
    page.route("**/*.fr.json", lambda route: route.abort())
    boxes = show(prediction_token="a.b.c")
    element = page.locator("seeme-feedback")
    element.evaluate("e => { e.lang = 'de' }")
    expect(boxes.element.get_by_role("button", name="Übersehenes Objekt ergänzen")).to_be_visible()
    expect(page.get_by_role("button", name="Senden")).to_be_visible()
    element.evaluate("(e, code) => { e.lang = code }", code)
    for name in ("Add missed object", "Undo", "Zoom in", "Zoom out", "Send"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    expect(boxes.field(1, "Verdict").locator("option")).to_have_text(
        ["Not judged", "Correct", "Wrong label", "Wrong box", "No such object"]
    )
