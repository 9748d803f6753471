"""The box editor in the pages of others: policies, frameworks, broken images, narrow screens, colours, directions."""

import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from axe import examine
from editor import BOXES, HEIGHT, WIDTH, Editor, html, open_editor, png
from outside import DIST, Origin
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


Open = Callable[..., Editor]
NOTE_VIOLATIONS = (
    "window.violated = []; addEventListener('securitypolicyviolation', (e) => violated.push(e.violatedDirective))"
)
LISTEN = (
    "window.changes = []; addEventListener('seeme-change', ({ detail, composed }) => changes.push([detail, composed]))"
)


@pytest.fixture
def editor(page: Page, site: Origin, service: Origin) -> Open:
    """Open the editor."""
    return lambda **options: open_editor(page, site, service, **options)


def test_the_strictest_policy_is_enough(page: Page, site: Origin, service: Origin) -> None:
    """No violation of CSP or Trusted Types from load to undo."""
    policy = (
        f"default-src 'none'; script-src {service.address}; connect-src {service.address}; img-src data:;"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )
    page.add_init_script(NOTE_VIOLATIONS)
    page.goto(site.show(html(service), **{"Content-Security-Policy": policy}))
    boxes = Editor(page)
    boxes.set(boxes=BOXES, labels=["dog", "cat"])
    boxes.drag((310, 90), (320, 90))
    boxes.press("Zoom in")
    boxes.press("Add missed object")
    boxes.press("Add missed object")
    boxes.field(4, "Label").select_option("cat")
    boxes.press("Undo")
    assert len(boxes.value) == 1
    assert page.evaluate("violated") == []
    assert boxes.field(1, "Label").evaluate("b => getComputedStyle(b.parentNode).boxSizing") == "border-box"


def test_changes_are_told_to_the_page(editor: Open) -> None:
    """With the complete value, across shadow trees; what the page sets is no change."""
    boxes = editor()
    boxes.page.evaluate(LISTEN)
    boxes.field(1, "Verdict").select_option(label="Correct")
    boxes.press("Undo")
    correct = {"feedback_type": "correct", "detection_index": 0}
    assert boxes.page.evaluate("changes") == [[{"value": [correct]}, True], [{"value": []}, True]]
    boxes.element.evaluate("e => e.reset()")
    boxes.set(boxes=BOXES[:1])
    assert len(boxes.page.evaluate("changes")) == 2


def test_reset_forgets_all_changes(editor: Open) -> None:
    """As if the page had just come."""
    boxes = editor()
    boxes.field(1, "Verdict").select_option(label="Correct")
    boxes.press("Add missed object")
    boxes.press("Add missed object")
    boxes.element.evaluate("e => e.reset()")
    assert boxes.value == []
    assert boxes.boxes.count() == 3
    boxes.press("Undo")
    assert boxes.value == []


def test_equal_properties_set_again_change_nothing(editor: Open) -> None:
    """Frameworks set all properties whenever anything changes; nobody's work may be lost by that."""
    boxes = editor(labels=["dog"])
    boxes.field(1, "Verdict").select_option(label="Correct")
    boxes.field(1, "Label").focus()
    boxes.set(boxes=BOXES, labels=["dog"], readOnly=False)
    assert len(boxes.value) == 1
    expect(boxes.field(1, "Label")).to_be_focused()
    boxes.set(labels=["dog", "wolf"])
    assert len(boxes.value) == 1
    boxes.set(boxes=BOXES[:2])
    assert boxes.value == []


def test_properties_set_before_the_script_came_are_kept(page: Page, site: Origin, service: Origin) -> None:
    """Frameworks set properties as soon as they have the element."""
    page.goto(site.show("<main></main>"))
    page.evaluate(
        """([boxes, image]) => {
      const element = document.createElement('seeme-boxes');
      Object.assign(element, { boxes, labels: ['dog', 'fox'], strings: { draw: 'Zeichnen' }, readOnly: true });
      element.setAttribute('image-src', image);
      document.querySelector('main').append(element);
    }""",
        [BOXES, png()],
    )
    page.add_script_tag(url=service.address + "/seeme-boxes.js", type="module")
    boxes = Editor(page)
    expect(boxes.element.get_by_role("button", name="Zeichnen")).to_be_disabled()
    expect(boxes.element.get_by_role("button", name="Undo")).to_be_visible()
    expect(boxes.field(2, "Label").locator("option")).to_have_text(["nose", "dog", "fox"])
    assert boxes.element.evaluate("e => [e.boxes.length, e.labels.length, e.readOnly, e.imageSrc.length > 99]") == [
        3, 2, True, True,
    ]  # fmt: skip


def test_a_move_in_the_page_keeps_the_state(editor: Open) -> None:
    """Lists are sorted and dialogs are opened."""
    boxes = editor()
    boxes.field(1, "Verdict").select_option(label="Correct")
    boxes.page.evaluate("document.body.append(document.querySelector('seeme-boxes'))")
    assert len(boxes.value) == 1
    boxes.drag((310, 90), (320, 90))
    assert len(boxes.value) == 2
    boxes.press("Undo")
    boxes.press("Undo")
    assert boxes.value == []


def test_a_second_definition_does_nothing(page: Page, site: Origin, service: Origin) -> None:
    """The first script wins."""
    other = f'<script type="module" src="{site.address}/seeme-boxes.js"></script>'
    page.goto(site.show(html(service) + other))
    Editor(page).set(boxes=BOXES)
    assert page.evaluate("customElements.get('seeme-boxes').name") != ""
    expect(Editor(page).boxes).to_have_count(3)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node, which only building the widget takes")
def test_a_server_can_import_it() -> None:
    """Where there is no page, it does nothing."""
    program = f"import({str(DIST / 'seeme-boxes.js')!r}).then((m) => console.log(typeof m.SeemeBoxes))"
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("function", "")


def test_a_broken_image_says_so_and_the_boxes_stay_usable(page: Page, site: Origin, service: Origin) -> None:
    """With the size that the page names, else with what the boxes take up."""
    page.goto(site.show(html(service, image=site.address + "/none.png")))
    boxes = Editor(page)
    boxes.set(boxes=BOXES, imageSize=[WIDTH, HEIGHT])
    expect(page.get_by_role("img", name="The image could not be loaded")).to_be_visible()
    boxes.drag((310, 90), (320, 90))
    assert boxes.value == [{"feedback_type": "wrong_box", "detection_index": 2, "box": [270, 40, 100, 100]}]
    boxes.set(imageSize=None)
    assert boxes.box(3).evaluate("b => b.style.left") == "75%"
    boxes.element.evaluate("(e, image) => e.setAttribute('image-src', image)", png())
    expect(boxes.box(3)).to_have_attribute("style", re.compile("left: 67.5%"))
    expect(page.get_by_role("img")).to_have_count(0)


def test_without_detections_a_missed_object_can_still_be_drawn(editor: Open) -> None:
    """And the element says that there are none."""
    boxes = editor(boxes=[])
    boxes.set(boxes=BOXES)
    boxes.set(boxes=[])
    expect(boxes.status).to_have_text("Nothing was detected")
    boxes.press("Add missed object")
    boxes.drag((10, 10), (50, 60))
    boxes.field(1, "Label").fill("dog")
    boxes.field(1, "Label").press("Enter")
    assert boxes.value == [{"feedback_type": "missed_object", "correct_label": "dog", "box": [10, 10, 40, 50]}]


@pytest.mark.parametrize("state", ["readOnly", "disabled"])
def test_read_only_and_disabled_boxes_cannot_be_changed(editor: Open, state: str) -> None:
    """By no way; they can be looked at."""
    boxes = editor()
    boxes.field(1, "Verdict").select_option(label="Correct")
    boxes.set(**{state: True})
    boxes.drag((310, 90), (320, 90))
    assert boxes.selected == [3]
    boxes.box(3).focus()
    for key in ("ArrowLeft", "Delete", "Control+z"):
        boxes.page.keyboard.press(key)
    boxes.element.evaluate("e => { e.undo(); e.draw() }")
    boxes.drag((230, 10), (250, 30))
    boxes.press("Zoom in")
    for control in boxes.element.locator("select, input, [part~=draw], [part~=undo]").all():
        expect(control).to_be_disabled()
    assert boxes.value == [{"feedback_type": "correct", "detection_index": 0}]
    boxes.set(**{state: False})
    boxes.press("Undo")
    assert boxes.value == []


def test_a_label_is_never_markup(editor: Open) -> None:
    """Labels come from models and people."""
    evil = "<img src=x onerror=alert(1)>"
    boxes = editor(boxes=[{"label": evil, "box": [0, 0, 50, 50]}], labels=[evil])
    expect(boxes.box(1)).to_contain_text(evil)
    assert boxes.element.locator("img").count() == 1


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("width", [320, 640])
def test_320_pixels_are_enough(editor: Open, direction: str, width: int) -> None:
    """Nothing overflows and every target has 24 pixels; right to left the list is mirrored, the image is not."""
    boxes = editor(width="100%", boxes=[{**BOXES[0], "label": "long" * 30}, *BOXES[1:]])
    boxes.page.set_viewport_size({"width": width, "height": 600})
    boxes.page.evaluate("(direction) => { document.documentElement.dir = direction }", direction)
    assert boxes.page.evaluate("document.documentElement.scrollWidth") <= width
    controls = [control.bounding_box() for control in boxes.element.locator("button, select, input").all()]
    assert len(controls) == 22
    assert all(one and one["width"] >= 24 and one["height"] >= 24 and one["x"] >= 0 for one in controls)
    assert all(one and one["x"] + one["width"] <= width for one in controls)
    verdict, label = (boxes.field(3, name).bounding_box() for name in ("Verdict", "Label"))
    assert verdict
    assert label
    assert (verdict["x"] < label["x"]) is (direction == "ltr")
    boxes.drag((310, 90), (320, 90))
    assert boxes.value == [{"feedback_type": "wrong_box", "detection_index": 2, "box": [270, 40, 100, 100]}]


def test_nothing_moves_while_it_is_used(editor: Open) -> None:
    """Neither words nor zoom nor verdicts push what stands below the image."""
    boxes = editor(width="320px")
    below = boxes.element.locator("[part=list]").bounding_box()
    for act in (
        lambda: boxes.press("Zoom in"),
        lambda: boxes.field(1, "Verdict").select_option(label="Wrong label"),
        lambda: boxes.press("Add missed object"),
        lambda: boxes.page.keyboard.press("Escape"),
    ):
        act()
        assert boxes.element.locator("[part=list]").bounding_box() == below


def test_parts_can_be_styled_from_outside(editor: Open) -> None:
    """Every control is a part."""
    boxes = editor()
    parts = ["viewport", "image", "zoom_out", "zoom_in", "draw", "undo", "status", "list", "row", "name"]
    parts += ["verdict", "label", "x", "y", "width", "height", "box"]
    rules = "".join(f"seeme-boxes::part({part}) {{ --seen: {part} }}" for part in parts)
    boxes.page.add_style_tag(content=rules)
    seen = boxes.element.evaluate(
        "e => Array.from(e.shadowRoot.querySelectorAll('[part]'), n => getComputedStyle(n).getPropertyValue('--seen'))"
    )
    assert set(parts) <= set(seen)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("forced", ["none", "active"])
def test_axe_finds_nothing(page: Page, site: Origin, service: Origin, scheme: Any, forced: Any) -> None:
    """In light, dark and forced colours, with all verdicts, right to left, at 320 pixels."""
    style = "<style>:root { color-scheme: light dark; color: CanvasText; background: Canvas }</style>"
    page.goto(site.show(f'<html lang="en" dir="rtl">{style}' + html(service, before="<h1>Objects</h1>")))
    page.emulate_media(color_scheme=scheme, forced_colors=forced)
    page.set_viewport_size({"width": 320, "height": 900})
    boxes = Editor(page)
    boxes.set(boxes=BOXES)
    boxes.drag((310, 90), (320, 90))
    boxes.field(1, "Verdict").select_option(label="Correct")
    boxes.field(2, "Verdict").select_option(label="Wrong label")
    boxes.press("Add missed object")
    boxes.press("Add missed object")
    for prepare in ({}, {"readOnly": True}, {"boxes": []}, {"imageSrc": site.address + "/none.png", "readOnly": False}):
        boxes.set(**prepare)
        findings = examine(page)
        assert findings.violations == []
        assert {rule for rule, *_ in findings.undecided} <= {"color-contrast"}
