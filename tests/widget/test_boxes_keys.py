"""The box editor without dragging: the list, the keys, undo, and what screen readers hear."""

from collections.abc import Callable

import pytest
from editor import Editor, open_editor
from outside import Origin
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.long, pytest.mark.timeout(60)]
Open = Callable[..., Editor]
MOVED = {"feedback_type": "wrong_box", "detection_index": 2}


@pytest.fixture
def editor(page: Page, site: Origin, service: Origin) -> Open:
    """Open the editor."""
    return lambda **options: open_editor(page, site, service, **options)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["ArrowRight"], [261, 40, 100, 100]),
        (["ArrowLeft", "ArrowUp", "ArrowUp"], [259, 38, 100, 100]),
        (["Shift+ArrowDown"], [260, 50, 100, 100]),
        (["Alt+ArrowRight", "Alt+ArrowUp"], [260, 40, 101, 99]),
        (["Shift+Alt+ArrowLeft"], [260, 40, 90, 100]),
        (["Shift+Alt+ArrowLeft"] * 12, [260, 40, 1, 100]),
        (["Shift+ArrowRight"] * 5, [300, 40, 100, 100]),
        (["Shift+Alt+ArrowRight"] * 5, [260, 40, 140, 100]),
    ],
)
def test_arrows_move_and_resize_the_focused_box(editor: Open, keys: list[str], expected: list[float]) -> None:
    """By one pixel, with Shift by ten, with Alt its size; never out of the image, never to nothing."""
    boxes = editor()
    boxes.box(3).focus()
    for key in keys:
        boxes.page.keyboard.press(key)
    assert boxes.value == [{**MOVED, "box": expected}]
    assert boxes.selected == [3]
    expect(boxes.box(3)).to_be_focused()
    expect(boxes.status).to_contain_text("Wrong box " + ",".join(map(str, expected)))
    boxes.press("Undo")
    assert len(boxes.value) == (1 if len(keys) > 1 else 0)


def test_a_key_held_down_is_one_step_for_undo(editor: Open) -> None:
    """Nobody presses Undo fifty times."""
    boxes = editor()
    boxes.box(3).focus()
    for _ in range(20):
        boxes.page.keyboard.down("ArrowRight")
    boxes.page.keyboard.up("ArrowRight")
    assert boxes.value == [{**MOVED, "box": [280, 40, 100, 100]}]
    boxes.page.keyboard.press("Control+z")
    assert boxes.value == []


def test_back_in_its_place_a_box_is_not_judged(editor: Open) -> None:
    """A change that was taken back by hand is none."""
    boxes = editor()
    boxes.box(2).focus()
    boxes.page.keyboard.press("ArrowRight")
    assert boxes.value == [{"feedback_type": "wrong_box", "detection_index": 1, "box": [61.3, 60, 50, 40]}]
    boxes.page.keyboard.press("ArrowLeft")
    assert boxes.value == []
    expect(boxes.field(2, "Verdict")).to_have_value("")


@pytest.mark.parametrize("key", ["Delete", "Backspace"])
def test_delete_is_a_false_positive(editor: Open, key: str) -> None:
    """What else was said of the box is gone."""
    boxes = editor()
    boxes.box(3).focus()
    boxes.page.keyboard.press("ArrowRight")
    boxes.page.keyboard.press(key)
    assert boxes.value == [{"feedback_type": "false_positive", "detection_index": 2}]
    expect(boxes.field(3, "x")).to_have_value("260")
    expect(boxes.box(3)).to_be_focused()


def test_what_has_the_focus_is_selected(editor: Open) -> None:
    """In the image and in the list; it shows in both, also when a screen reader presses the box."""
    boxes = editor()
    assert boxes.selected == []
    boxes.box(3).focus()
    assert boxes.selected == [3]
    boxes.field(1, "Label").focus()
    assert boxes.selected == [1]
    boxes.box(2).focus()
    boxes.page.keyboard.press("Enter")
    assert boxes.selected == [2]


def test_everything_can_be_done_with_tab_and_keys_alone(editor: Open) -> None:
    """All five verdicts, without a pointer."""
    boxes = editor(labels=["dog", "cat"])
    page, keyboard = boxes.page, boxes.page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(40):
            keyboard.press("Tab")
            focused = page.evaluate("""() => {
              const node = document.activeElement.shadowRoot?.activeElement;
              const named = (place) => place && (place.ariaLabel ?? place.textContent);
              return node && [named(node.closest('[part~=box], [part=row]'))?.trim(),
                node.labels?.[0]?.firstChild.data ?? node.textContent.trim()].join('/');
            }""")
            if focused == name:
                return
        raise AssertionError(name)

    tab_to("3 cat 40%/3 cat 40%")
    keyboard.press("Alt+ArrowDown")
    tab_to("/Add missed object")
    keyboard.press("Enter")
    keyboard.press("Enter")
    keyboard.type("dog")
    expect(boxes.field(4, "Label")).to_have_value("dog")
    page.evaluate("document.activeElement.blur()")
    tab_to("1 dog 97%/Verdict")
    keyboard.press("ArrowDown")
    tab_to("2 nose/Label")
    keyboard.press("ArrowDown")
    tab_to("4 dog Missed object/Width")
    keyboard.press("Control+a")
    keyboard.type("50")
    keyboard.press("Enter")
    assert boxes.value == [
        {"feedback_type": "correct", "detection_index": 0},
        {"feedback_type": "wrong_label", "detection_index": 1, "correct_label": "dog"},
        {"feedback_type": "wrong_box", "detection_index": 2, "box": [260, 40, 100, 101]},
        {"feedback_type": "missed_object", "correct_label": "dog", "box": [100, 50, 50, 100]},
    ]


def test_a_long_list_that_takes_nothing_is_read_by_keyboard_too(editor: Open) -> None:
    """Nothing in it can have the focus, so it has it itself; else it is no stop of its own."""
    boxes = editor()
    keyboard = boxes.page.keyboard
    scroller = boxes.element.locator("section:has(> fieldset)")
    boxes.box(3).focus()
    for _ in range(3):  # Zoom out, Zoom in
        keyboard.press("Tab")
    expect(boxes.element.get_by_role("button", name="Add missed object")).to_be_focused()
    boxes.set(readOnly=True)
    boxes.box(3).focus()
    for _ in range(3):
        keyboard.press("Tab")
    expect(scroller).to_be_focused()
    keyboard.press("End")
    boxes.page.wait_for_function("scroller => scroller.scrollTop > 50", arg=scroller.element_handle())


def test_a_verdict_that_lacks_something_asks_for_it(editor: Open) -> None:
    """And doesn't count until it has it; both wrong is a wrong box with its right label."""
    boxes = editor()
    boxes.field(1, "Verdict").select_option(label="Wrong label")
    expect(boxes.status).to_contain_text("Choose the right label")
    assert boxes.value == []
    boxes.field(1, "Label").fill("wolf")
    boxes.field(1, "Label").press("Enter")
    wrong = {"feedback_type": "wrong_label", "detection_index": 0, "correct_label": "wolf"}
    assert boxes.value == [wrong]
    boxes.field(1, "Verdict").select_option(label="Wrong box")
    expect(boxes.status).to_contain_text("Move or resize the box")
    assert boxes.value == []
    boxes.field(1, "Height").fill("120")
    boxes.field(1, "Height").press("Enter")
    assert boxes.value == [{**wrong, "feedback_type": "wrong_box", "box": [20, 30, 200, 120]}]
    boxes.field(1, "Verdict").select_option(label="Wrong label")
    assert boxes.value == [wrong]
    boxes.field(1, "Verdict").select_option(label="Correct")
    assert boxes.value == [{"feedback_type": "correct", "detection_index": 0}]
    expect(boxes.field(1, "Label")).to_have_value("dog")
    boxes.field(1, "Verdict").select_option(label="Not judged")
    assert boxes.value == []


@pytest.mark.parametrize(
    ("field", "typed", "expected"),
    [
        ("x", "250.25", [250.3, 40, 100, 100]),
        ("y", "-7", [260, 0, 100, 93]),
        ("x", "1000", [399, 40, 1, 100]),
        ("Width", "0", [260, 40, 1, 100]),
        ("Height", "1e6", [260, 40, 100, 160]),
    ],
)
def test_numbers_are_clipped_to_the_image(editor: Open, field: str, typed: str, expected: list[float]) -> None:
    """Whatever is typed; tenths of a pixel are kept."""
    boxes = editor()
    number = boxes.field(3, field)
    number.fill(typed)
    number.press("Enter")
    assert boxes.value == [{**MOVED, "box": expected}]


def test_undo_takes_back_every_change_one_by_one(editor: Open) -> None:
    """By button or keys; drawn and removed boxes too."""
    boxes = editor()
    values = [boxes.value]

    def note() -> None:
        assert boxes.value != values[-1]
        values.append(boxes.value)

    boxes.field(1, "Verdict").select_option(label="Correct")
    note()
    boxes.drag((310, 90), (320, 90))
    note()
    boxes.press("Add missed object")
    boxes.press("Add missed object")
    boxes.field(4, "Label").fill("bird")
    boxes.field(4, "Label").press("Enter")
    note()
    boxes.box(4).focus()
    boxes.page.keyboard.press("Delete")
    note()
    assert boxes.boxes.count() == 3
    boxes.box(3).focus()
    boxes.page.keyboard.press("Control+z")
    assert boxes.value == values[-2]
    boxes.press("Undo")
    boxes.press("Undo")
    boxes.page.keyboard.press("Control+z")
    assert boxes.value == values[1]
    expect(boxes.status).to_have_text("Undo")
    boxes.press("Undo")
    boxes.press("Undo")
    assert boxes.value == []


def test_the_focus_is_never_lost_when_a_row_goes(editor: Open) -> None:
    """It goes to the button that makes new ones."""
    boxes = editor()
    for way in ("Verdict", "Undo"):
        boxes.press("Add missed object")
        boxes.press("Add missed object")
        expect(boxes.field(4, "Label")).to_be_focused()
        if way == "Verdict":
            boxes.field(4, "Verdict").focus()
            boxes.field(4, "Verdict").select_option(label="No such object")
        else:
            boxes.element.evaluate("e => e.undo()")
        assert boxes.boxes.count() == 3
        expect(boxes.element.get_by_role("button", name="Add missed object")).to_be_focused()


def test_screen_readers_hear_names_and_states(editor: Open) -> None:
    """The tree that assistive technology reads, and what is announced."""
    boxes = editor(labels=["dog", "cat"])
    boxes.field(3, "Verdict").select_option(label="No such object")
    expect(boxes.status).to_have_text("3 cat No such object 260,40,100,100")
    boxes.field(3, "Verdict").focus()
    lines = [line.strip(" -") for line in boxes.element.aria_snapshot().splitlines()]
    assert [line for line in lines if line.startswith(("group", "button", "status"))] == [
        'group "Objects in the image":',
        'button "1 dog 97%"',
        'button "2 nose"',
        'button "3 cat No such object"',
        'button "Zoom out"',
        'button "Zoom in"',
        "status: 3 cat No such object 260,40,100,100",
        'group "Objects in the image":',
        'button "Add missed object"',
        'button "Undo"',
        'group "1 dog 97%":',
        'group "2 nose":',
        'group "3 cat No such object":',
    ]
    for role, names in {"combobox": ["Verdict", "Label"], "spinbutton": ["x", "y", "Width", "Height"]}.items():
        for name in names:
            expect(boxes.row(2).get_by_role(role, name=name, exact=True)).to_have_count(1)
    assert boxes.selected == [3]


def test_other_keys_are_the_pages(editor: Open) -> None:
    """Typing in a field moves nothing and undoes nothing but the text, and shortcuts with other keys get through."""
    boxes = editor()
    boxes.page.evaluate("window.keys = []; addEventListener('keydown', ({ key }) => keys.push(key))")
    boxes.field(1, "Verdict").select_option(label="Correct")
    boxes.field(1, "Label").focus()
    for key in ("ArrowLeft", "Enter", "Control+z"):
        boxes.page.keyboard.press(key)
    boxes.box(1).focus()
    boxes.page.keyboard.press("k")
    assert boxes.page.evaluate("keys") == ["ArrowLeft", "Enter", "Control", "z", "k"]
    assert boxes.value == [{"feedback_type": "correct", "detection_index": 0}]
