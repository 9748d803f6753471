"""Reviewing on the page with a real browser: by keyboard alone, labels, values and boxes, undo, two at once."""

import asyncio
import re

import pytest
from playwright.async_api import Browser, expect
from tests.pages.reviewing import (
    Desk,
    fill,
    fill_detections,
    listed,
    make_model,
    sit_down,
)

from seeme.service.keys import Identity
from seeme.service.services import Services


@pytest.fixture
async def desk(chromium: Browser, services: Services, address: str) -> Desk:
    """Ada's window; nothing in it may go wrong unseen."""
    return await sit_down(chromium, services, address)


async def decisions(services: Services) -> dict[str, tuple[str | None, str | None]]:
    """Return what was decided of each prediction."""
    return {item.prediction_id: (item.decision, item.label) for item in await listed(services) if item.decision}


async def test_a_run_by_keyboard_alone(services: Services, someone: Identity, desk: Desk) -> None:
    """Correct, another label, unusable, a skip and a note, without a pointer."""
    await make_model(services)
    await fill(services, someone, 6)
    await desk.open()
    ids = [await desk.item()]
    await desk.press("a")
    ids.append(await desk.item())
    for key in "2xs":
        await desk.press(key)
        ids.append(await desk.item())
    await desk.press("n")
    await desk.page.keyboard.type("a hare, 1 of 2")
    await desk.press("Escape", "4")
    await desk.saved(4)
    kept = {item.id: item for item in await listed(services)}
    assert kept[ids[0]].decision == "correct"
    assert (kept[ids[1]].decision, kept[ids[1]].label) == ("corrected", "dog")
    found = sorted((item.decision or item.status, item.label, item.note) for item in kept.values())
    assert ("corrected", "hare", "a hare, 1 of 2") in found
    assert ("unusable", None, None) in found
    assert sum(item.status == "needs_review" for item in kept.values()) == 1
    assert {item.decided_by for item in kept.values()} == {"Ada", None}
    assert desk.mistakes == []


async def test_labels_that_are_digits_are_their_own_keys(services: Services, someone: Identity, desk: Desk) -> None:
    """All ten of them: who presses 0 means 0."""
    await make_model(services, labels=list("0123456789"))
    await fill(services, someone, 3, label="7", scores=None)
    await desk.open()
    for key in "059":
        await desk.item()
        await desk.press(key)
    await desk.saved(3)
    assert sorted(label or "" for _, label in (await decisions(services)).values()) == ["0", "5", "9"]
    assert desk.mistakes == []


async def test_the_predicted_label_chosen_by_its_key_is_correct(
    services: Services, someone: Identity, desk: Desk
) -> None:
    """A correction to what was predicted is none."""
    await make_model(services)
    await fill(services, someone, 1)
    await desk.open()
    await desk.item()
    await desk.press("1")
    await desk.saved(1)
    assert await decisions(services) == {"p0": ("correct", None)}


async def test_labels_are_walked_with_arrows(services: Services, someone: Identity, desk: Desk) -> None:
    """From the predicted one on, and Enter takes where one is."""
    await make_model(services)
    await fill(services, someone, 1)
    await desk.open()
    await desk.item()
    await desk.press("ArrowRight", "ArrowRight", "ArrowDown", "Enter")
    await desk.saved(1)
    assert await decisions(services) == {"p0": ("corrected", "fox")}


async def test_more_than_nine_labels_are_found_by_typing(services: Services, someone: Identity, desk: Desk) -> None:
    """The field is a combobox: typed into, walked, chosen; letters in it decide nothing."""
    await make_model(services, labels=[f"kind {n}" for n in range(30)] + ["axolotl"])
    await fill(services, someone, 2, label="kind 3", scores=None)
    await desk.open()
    await desk.item()
    await desk.press("/")
    other = desk.page.get_by_role("combobox", name=re.compile("Another label"))
    await expect(other).to_be_focused()
    await desk.page.keyboard.type("ax")
    await expect(desk.page.get_by_role("option")).to_have_text(["axolotl"])
    await expect(other).to_have_attribute("aria-activedescendant", "option-0")
    await desk.press("Enter")
    await desk.saved(1)
    await desk.press("/")
    await desk.page.keyboard.type("kind 2")
    await desk.press("ArrowDown", "Enter")
    await desk.saved(2)
    assert sorted(label or "" for _, label in (await decisions(services)).values()) == ["axolotl", "kind 20"]
    assert desk.mistakes == []


async def test_a_model_without_labels_takes_any(services: Services, someone: Identity, desk: Desk) -> None:
    """What is typed is a new label."""
    await make_model(services, labels=[])
    await fill(services, someone, 1)
    await desk.open()
    await desk.item()
    await desk.press("/")
    await desk.page.keyboard.type("lynx")
    await expect(desk.page.get_by_role("option").first).to_have_text("New label: lynx")
    await desk.press("Enter")
    await desk.saved(1)
    assert await decisions(services) == {"p0": ("corrected", "lynx")}


async def test_numbers_are_corrected_by_numbers(services: Services, someone: Identity, desk: Desk) -> None:
    """A regression has a value, and Enter in its field saves it."""
    await make_model(services, "regression")
    await fill(services, someone, 1, label=None, confidence=None, scores=None, value=12.0)
    await desk.open()
    await desk.item()
    await desk.press("/")
    await desk.page.keyboard.type("14.5")
    await desk.press("Enter")
    await desk.saved(1)
    assert (await listed(services))[0].value == 14.5


async def test_boxes_are_corrected_by_keyboard(services: Services, someone: Identity, desk: Desk) -> None:
    """Moved, relabelled, taken away, drawn: the decision holds the boxes that are right."""
    await make_model(services, "detection")
    await fill_detections(services, someone, 3)
    await desk.open()
    first = await desk.item()
    await desk.press("b", "Shift+ArrowRight", "b", "3", "Enter")
    await desk.saved(1)
    await desk.item()
    await desk.press("b", "Delete")
    await expect(desk.page.locator("#changes")).to_have_text("With your changes 1 object is right.")
    await desk.press("a")
    await desk.told("You have changed boxes")
    await desk.press("r", "a")
    await desk.saved(2)
    await desk.press("d", "d")
    await expect(desk.page.locator("#changes")).to_contain_text("1 box still without")
    await desk.press("Escape")
    await desk.page.locator("#item-title").focus()
    await desk.press("Enter")
    await desk.told("A box isn't complete")
    await desk.page.locator("seeme-boxes [part=row]").last.locator("[part=label]").select_option("hare")
    await desk.page.locator("#item-title").focus()
    await desk.press("Enter")
    await desk.saved(3)
    kept = {item.id: item for item in await listed(services)}
    moved = kept[first].boxes
    assert moved is not None
    assert [(box.label, box.box) for box in moved] == [("cat", (90, 60, 160, 120)), ("fox", (20, 30, 60, 40))]
    assert sorted((item.decision or "", len(item.boxes or ())) for item in kept.values()) == [
        ("correct", 0), ("corrected", 2), ("corrected", 3),
    ]  # fmt: skip
    assert desk.mistakes == []


async def test_undo_brings_corrected_boxes_back(services: Services, someone: Identity, desk: Desk) -> None:
    """As they were corrected, to go on from there; R still means what the model had found."""
    await make_model(services, "detection")
    await fill_detections(services, someone, 2)
    await desk.open()
    first = await desk.item()
    await expect(desk.page.locator("seeme-boxes [part=verdict]").first).to_contain_text("Unchanged")
    await desk.press("b", "Shift+ArrowRight", "b", "3", "Enter")
    await desk.saved(1)
    await desk.press("u")
    await desk.told("Taken back")
    assert await desk.item() == first
    await expect(desk.page.locator("#changes")).to_have_text("With your changes 2 objects are right.")
    await desk.press("l")
    await expect(desk.page.locator("#box-labels")).not_to_be_checked()
    await desk.page.locator("#item-title").focus()
    await desk.press("b", "Delete", "Enter")
    await desk.saved(1)
    (kept,) = [item for item in await listed(services) if item.id == first]
    assert [(box.label, box.box) for box in kept.boxes or ()] == [("fox", (20, 30, 60, 40))]
    await desk.press("u")
    await expect(desk.page.locator("#changes")).to_have_text("With your changes 1 object is right.")
    await desk.press("r")
    await expect(desk.page.locator("#changes")).to_have_text("Nothing is changed.")
    await desk.press("a")
    await desk.saved(1)
    (kept,) = [item for item in await listed(services) if item.id == first]
    assert kept.decision == "correct"
    assert desk.mistakes == []


async def test_undo_brings_the_item_back_with_its_note(services: Services, someone: Identity, desk: Desk) -> None:
    """The decision is gone from the service too; a skipped item can be had back as well."""
    await make_model(services)
    await fill(services, someone, 5)
    await desk.open()
    first = await desk.item()
    await desk.page.fill("#note", "blurred")
    await desk.press("Escape", "x")
    await desk.saved(1)
    await desk.press("u")
    await desk.told("Taken back: cat: unusable.")
    await desk.saved(0)
    assert await desk.item() == first
    await expect(desk.page.locator("#note")).to_have_value("blurred")
    assert await decisions(services) == {}
    await desk.press("Escape", "s")
    await expect(desk.page.locator("#history-list li").first).to_contain_text("given back")
    await desk.press("u")
    await desk.told("Taken back")
    assert await desk.item() == first
    assert desk.mistakes == []


async def test_two_reviewers_never_have_the_same_item(
    services: Services, someone: Identity, chromium: Browser, address: str
) -> None:
    """They work at the same time until nothing is left, and each item has one decision."""
    await make_model(services)
    await fill(services, someone, 20)
    desks = [await sit_down(chromium, services, address, who) for who in ("Ada", "Ben")]
    seen: list[list[str]] = [[], []]

    async def work(at: int) -> None:
        page = desks[at].page
        await desks[at].open()
        while await page.locator("#item, #nothing").locator("visible=true").first.get_attribute("id") == "item":
            seen[at].append(await desks[at].item())
            await desks[at].press("a")
            await desks[at].saved(len(seen[at]))

    await asyncio.wait_for(asyncio.gather(work(0), work(1)), 60)
    assert not set(seen[0]) & set(seen[1])
    assert len(await decisions(services)) == 20
    assert {item.decided_by for item in await listed(services)} == {"Ada", "Ben"}
    assert desks[0].mistakes + desks[1].mistakes == []
