"""The box editor by mouse, pen and touch: exact to the tenth of a pixel at every size of the image."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from editor import BOXES, Editor, open_editor
from outside import Origin
from playwright.sync_api import Browser, CDPSession, Page, expect

pytestmark = [pytest.mark.long, pytest.mark.timeout(60)]
Open = Callable[..., Editor]
CAT = {"feedback_type": "wrong_box", "detection_index": 2}


@pytest.fixture
def editor(page: Page, site: Origin, service: Origin) -> Open:
    """Open the editor."""
    return lambda **options: open_editor(page, site, service, **options)


@pytest.mark.parametrize("width", ["200px", "333px", "560px"])
def test_a_drag_moves_a_box_by_pixels_of_the_image(editor: Open, width: str) -> None:
    """However large the image is shown; the size of the box stays."""
    boxes = editor(width=width)
    boxes.drag((310, 90), (322, 95))
    assert boxes.value == [{**CAT, "box": [272, 45, 100, 100]}]
    boxes.drag((322, 95), (321.5, 85))
    assert boxes.value == [{**CAT, "box": [271.5, 35, 100, 100]}]


def test_a_short_slip_is_a_click(editor: Open) -> None:
    """A hand that shakes must not change a box."""
    boxes = editor()
    x, y = boxes.at(310, 90)
    boxes.page.mouse.move(x, y)
    boxes.page.mouse.down()
    boxes.page.mouse.move(x + 2, y + 2)
    boxes.page.mouse.up()
    assert boxes.value == []
    assert boxes.selected == [3]


@pytest.mark.parametrize("zoom", [0, 2])
@pytest.mark.parametrize(
    ("edge", "expected"),
    [
        ((260, 40), [270, 45, 90, 95]),
        ((360, 40), [260, 45, 110, 95]),
        ((360, 140), [260, 40, 110, 105]),
        ((260, 140), [270, 40, 90, 105]),
        ((310, 140), [260, 40, 100, 105]),
        ((360, 90), [260, 40, 110, 100]),
    ],
)
def test_edges_and_corners_resize_the_selected_box(
    editor: Open, edge: tuple[float, float], expected: list[float], zoom: int
) -> None:
    """Also when they are met eleven CSS pixels away, at every zoom."""
    boxes = editor(width="400px")
    boxes.click(310, 90)
    for _ in range(zoom):
        boxes.press("Zoom in")
    boxes.element.locator("[part=viewport]").evaluate(
        "(v, [x, y]) => v.scrollTo(x, y)", [4 * edge[0] - 200, 4 * edge[1] - 100]
    )
    place = boxes.canvas.bounding_box()
    assert place
    assert place["width"] == 400 * 2**zoom
    away = 11 * 400 / place["width"]
    x = edge[0] + (away if edge[0] == 360 else -away if edge[0] == 260 else 0)
    y = edge[1] + (away if edge[1] == 140 else -away if edge[1] == 40 else 0)
    boxes.drag((x, y), (x + 10, y + 5))
    assert boxes.value == [{**CAT, "box": expected}]


@pytest.mark.parametrize("end", [(150, 190), (80, 190), (80, 110), (150, 110)])
def test_a_missed_object_is_drawn_in_every_direction(editor: Open, end: tuple[float, float]) -> None:
    """The label is asked for, and without it nothing counts."""
    boxes = editor(labels=["dog", "cat"])
    boxes.press("Add missed object")
    expect(boxes.status).to_have_text("Drag over the image, or press again")
    boxes.drag((115, 150), end)
    assert boxes.value == []
    expect(boxes.status).to_contain_text("Choose the right label")
    expect(boxes.field(4, "Label")).to_be_focused()
    boxes.field(4, "Label").select_option("cat")
    box = [min(115, end[0]), min(150, end[1]), abs(end[0] - 115), abs(end[1] - 150)]
    assert boxes.value == [{"feedback_type": "missed_object", "correct_label": "cat", "box": box}]
    assert boxes.selected == [4]


def test_after_a_drawing_the_next_drag_moves_again(editor: Open) -> None:
    """One press of the button is one box."""
    boxes = editor()
    boxes.element.evaluate("e => e.draw()")
    boxes.drag((230, 150), (250, 190))
    boxes.drag((240, 170), (245, 175))
    assert boxes.boxes.count() == 4
    boxes.field(4, "Label").fill("bird")
    boxes.field(4, "Label").press("Enter")
    assert boxes.value == [{"feedback_type": "missed_object", "correct_label": "bird", "box": [235, 155, 20, 40]}]


def test_a_box_stays_within_the_image(editor: Open) -> None:
    """Moved against the edge it keeps its size; resized or drawn it is clipped; it never has no area."""
    boxes = editor()
    boxes.drag((310, 90), (2000, -500))
    assert boxes.value == [{**CAT, "box": [300, 0, 100, 100]}]
    boxes.drag((398, 100), (900, 900))
    assert boxes.value == [{**CAT, "box": [300, 0, 100, 200]}]
    boxes.drag((350, 199), (350, -300))
    assert boxes.value == [{**CAT, "box": [300, 0, 100, 1]}]
    boxes.press("Add missed object")
    boxes.drag((10, 190), (-50, 900))
    boxes.field(4, "Label").fill("a")
    boxes.field(4, "Label").press("Enter")
    assert boxes.value[1]["box"] == [0, 190, 10, 10]


def test_escape_cancels_a_drag_and_a_drawing(editor: Open) -> None:
    """Everything is as it was; there is nothing to undo, and the page's own Escape doesn't hear of it."""
    boxes = editor()
    boxes.page.evaluate("window.escapes = 0; addEventListener('keydown', () => escapes++)")
    boxes.drag((310, 90), (330, 95), drop=False)
    assert boxes.value != []
    boxes.page.keyboard.press("Escape")
    boxes.page.mouse.move(*boxes.at(200, 100))
    boxes.page.mouse.up()
    assert boxes.value == []
    boxes.press("Add missed object")
    boxes.drag((230, 150), (250, 190), drop=False)
    boxes.page.keyboard.press("Escape")
    boxes.page.mouse.up()
    boxes.press("Add missed object")
    boxes.page.keyboard.press("Escape")
    boxes.drag((310, 90), (322, 95))
    assert boxes.value == [{**CAT, "box": [272, 45, 100, 100]}]
    boxes.press("Undo")
    boxes.press("Undo")
    assert boxes.value == []
    assert boxes.boxes.count() == 3
    assert boxes.page.evaluate("escapes") == 0
    boxes.page.keyboard.press("Escape")
    assert boxes.page.evaluate("escapes") == 1


def test_the_smallest_box_is_taken_first_and_then_the_next_below(editor: Open) -> None:
    """A nose on a dog, and boxes on each other, can all be reached."""
    boxes = editor(boxes=[*BOXES, {"label": "head", "box": [50, 50, 90, 70]}])
    for expected in ([2], [4], [1], [2]):
        boxes.click(85, 80)
        assert boxes.selected == expected
    boxes.click(85, 80)
    boxes.drag((85, 80), (90, 80))
    assert boxes.value == [{"feedback_type": "wrong_box", "detection_index": 3, "box": [55, 50, 90, 70]}]
    boxes.click(390, 190)
    assert boxes.selected == []


def test_a_tiny_box_can_be_taken(editor: Open) -> None:
    """A box of two pixels is a target of 24, moves when its middle is dragged, and grows when its surroundings are."""
    boxes = editor(width="400px", boxes=[{"label": "ant", "box": [200, 100, 2, 2]}])
    boxes.click(211, 91)
    assert boxes.selected == [1]
    boxes.drag((201, 101), (211, 111))
    assert boxes.value[0]["box"] == [210, 110, 2, 2]
    boxes.drag((223, 111), (233, 111))
    assert boxes.value[0]["box"] == [210, 110, 12, 2]


def test_ctrl_and_wheel_zoom_the_image_alone(editor: Open) -> None:
    """Without ctrl the wheel is the page's."""
    boxes = editor(width="400px")
    svg = boxes.canvas
    boxes.page.mouse.move(*boxes.at(100, 100))
    boxes.page.mouse.wheel(0, -100)
    assert svg.bounding_box() == {"x": 0, "y": 0, "width": 400, "height": 200}
    boxes.page.keyboard.down("Control")
    boxes.page.mouse.wheel(0, -100)
    boxes.page.keyboard.up("Control")
    boxes.page.wait_for_function(
        "document.querySelector('seeme-boxes').shadowRoot.querySelector('[part=canvas]').clientWidth == 500"
    )
    viewport = boxes.element.locator("[part=viewport]").bounding_box()
    assert viewport == {"x": 0, "y": 0, "width": 400, "height": 200}
    boxes.drag((250, 100), (262, 105))
    for _ in range(9):
        boxes.press("Zoom out")
    assert svg.bounding_box() == {"x": 0, "y": 0, "width": 400, "height": 200}


def test_lines_and_labels_are_as_large_at_every_zoom(editor: Open) -> None:
    """A line is two CSS pixels, a label as large as the text of the page's controls."""
    boxes = editor(width="300px")
    measure = """box => {
      const range = document.createRange();
      range.selectNodeContents(box);
      return [range.getBoundingClientRect().height, getComputedStyle(box).borderTopWidth];
    }"""
    sizes = [boxes.box(1).evaluate(measure)]
    for _ in range(3):
        boxes.press("Zoom in")
        sizes.append(boxes.box(1).evaluate(measure))
    [(height, line)] = {tuple(size) for size in sizes}
    assert 10 <= height <= 24
    assert line == "2px"


def test_the_other_buttons_and_a_second_pointer_do_nothing(editor: Open) -> None:
    """The context menu is the page's."""
    boxes = editor()
    boxes.page.mouse.click(*boxes.at(310, 90), button="right")
    assert boxes.selected == []


@pytest.fixture
def fingers(browser: Browser, site: Origin, service: Origin) -> Iterator[tuple[Editor, CDPSession]]:
    """The editor on a small touch screen, on a page that can scroll."""
    context = browser.new_context(viewport={"width": 400, "height": 500}, has_touch=True)
    page = context.new_page()
    boxes = open_editor(page, site, service, width="400px")
    page.add_style_tag(content="body { min-block-size: 3000px }")
    yield boxes, context.new_cdp_session(page)
    context.close()


def swipe(cdp: CDPSession, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Put a finger down, move it and lift it."""

    def touch(kind: str, points: list[dict[str, Any]]) -> None:
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", [{"x": start[0], "y": start[1]}])
    for step in range(1, 11):
        x, y = (a + (b - a) * step / 10 for a, b in zip(start, end, strict=True))
        touch("touchMove", [{"x": x, "y": y}])
    touch("touchEnd", [])


def test_a_finger_selects_then_drags_and_elsewhere_scrolls(fingers: tuple[Editor, CDPSession]) -> None:
    """The page scrolls from the image and from boxes that aren't selected; a selected box follows the finger."""
    boxes, cdp = fingers
    swipe(cdp, (310, 150), (310, 50))
    boxes.page.wait_for_function("scrollY > 50")
    assert boxes.value == []
    assert boxes.selected == []
    boxes.page.wait_for_timeout(700)  # The page coasts.
    boxes.page.evaluate("scrollTo(0, 0)")
    boxes.page.touchscreen.tap(*boxes.at(310, 90))
    assert boxes.selected == [3]
    swipe(cdp, boxes.at(310, 90), boxes.at(322, 45))
    assert boxes.value == [{**CAT, "box": [272, 0, 100, 100]}]
    swipe(cdp, boxes.at(381, 50), boxes.at(391, 80))
    assert boxes.value == [{**CAT, "box": [272, 0, 110, 100]}]
    assert boxes.page.evaluate("scrollY") == 0
    swipe(cdp, boxes.at(240, 180), boxes.at(240, 80))
    boxes.page.wait_for_function("scrollY > 50")


def test_a_finger_draws(fingers: tuple[Editor, CDPSession]) -> None:
    """Then the page stays where it is."""
    boxes, cdp = fingers
    boxes.press("Add missed object")
    swipe(cdp, boxes.at(230, 100), boxes.at(250, 180))
    boxes.field(4, "Label").fill("bird")
    boxes.field(4, "Label").press("Enter")
    assert boxes.value == [{"feedback_type": "missed_object", "correct_label": "bird", "box": [230, 100, 20, 80]}]
