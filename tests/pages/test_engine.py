"""The form of the data engine's settings: what it shows and stores, and what is wrong is said at the field."""

import pytest
from playwright.async_api import Browser
from tests.pages.conftest import Visitor, signed_in
from tests.pages.reviewing import fill, make_model, sit_down

from seeme.clock import HOUR
from seeme.records.datasets import NewDataset
from seeme.records.engine import Quota, Thinning
from seeme.records.models import NewModel
from seeme.records.predictions import Detection
from seeme.service.keys import Identity
from seeme.service.services import Services

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

LINK = "/models/pets/data-engine"
FORM = {
    "enabled": "on",
    "auto_queue_for_review": "on",
    "low_confidence.enabled": "on",
    "low_confidence.threshold": "62.5",
    "low_confidence.sample_rate": "10",
    "edge_cases.sample_rate": "100",
    "margin.threshold": "10",
    "margin.sample_rate": "100",
    "new_class.sample_rate": "100",
    "random_sample.enabled": "on",
    "random_sample.rate": "0,5",
    "second_review.share": "20",
}


async def test_settings_are_stored_with_who_set_them(services: Services, admin: Visitor) -> None:
    """Per cent in the form, shares in the service; what wasn't ticked is off."""
    await make_model(services, engine={})
    answer = await admin.post(LINK, FORM)
    assert answer.headers["location"] == LINK + "?notice=saved"
    engine = services.models.get("pets").data_engine
    assert engine.enabled
    assert (engine.low_confidence.threshold, engine.low_confidence.sample_rate) == (0.625, 0.1)
    assert (engine.random_sample.rate, engine.second_review.share) == (0.005, 0.2)
    assert not engine.negative_feedback.enabled
    sets = (await services.models.rule_sets(services.database, "pets")).items
    assert sets[-1].made_by == "Ada <Lovelace>"
    page = (await admin.get(LINK + "?notice=saved")).text
    assert 'value="62.5"' in page
    assert "It holds for what is logged from now on" in page.replace("Saved: it", "It")
    await admin.post(LINK, FORM)
    assert services.models.get("pets").data_engine.version == engine.version


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"low_confidence.threshold": "high"}, "low_confidence.threshold", "Give a number from 0 to 100."),
        ({"random_sample.rate": "101"}, "random_sample.rate", "Give a number from 0 to 100."),
        ({"second_review.share": "nan"}, "second_review.share", "Give a number from 0 to 100."),
        ({"quota.items": "0"}, "quota.items", "Give a whole number from 1 to 1,000,000, or nothing"),
        ({"quota.items": "9" * 19}, "quota.items", "Give a whole number"),
        ({"new_class.enabled": "on"}, "new_class.enabled", "Needs the model&#39;s labels"),
    ],
)
async def test_what_is_wrong_stands_at_its_field(
    services: Services, admin: Visitor, change: dict[str, str], field: str, words: str
) -> None:
    """With what was typed still there, and nothing stored."""
    await make_model(services, engine={}, labels=[])
    answer = await admin.post(LINK, FORM | change)
    assert answer.status == 422
    assert f'id="wrong-{field}">{words}' in answer.text
    assert f'aria-describedby="wrong-{field}"' in answer.text
    assert 'value="62.5"' in answer.text or field == "low_confidence.threshold"
    assert not services.models.get("pets").data_engine.enabled


async def test_settings_are_tried_before_they_are_saved(services: Services, someone: Identity, admin: Visitor) -> None:
    """What they would queue is told; nothing is stored, and the form stays as it was typed."""
    await make_model(services, engine={})
    tried = {name: value for name, value in FORM.items() if name != "enabled"} | {"try": "1"}
    assert "No prediction is stored to try" in (await admin.post(LINK, tried)).text
    await fill(services, someone, 20)
    page = (await admin.post(LINK, tried)).text
    assert "Of the last 20 predictions these settings would have queued about <strong>2.1</strong>" in page
    assert "Low confidence</th>" in page
    assert 'value="62.5"' in page
    assert services.models.get("pets").data_engine.version == 0
    assert (await admin.post(LINK, {**tried, "random_sample.rate": "x"})).status == 422


async def test_a_quota_is_set_shown_and_taken_away(services: Services, someone: Identity, admin: Visitor) -> None:
    """With what it would do, what it does, and who made which version."""
    await make_model(services, engine={})
    quota = {"quota.items": "1,000", "quota.per": "per_hour"}
    await admin.post(LINK, FORM | quota)
    assert services.models.get("pets").data_engine.quota == Quota(per_hour=1000)
    page = (await admin.get(LINK)).text
    assert 'value="1000"' in page
    assert 'value="per_hour" selected' in page
    assert "random sample 0.5 %" in page
    tight = FORM | {"quota.items": "24", "quota.per": "per_day", "random_sample.rate": "100"}
    await admin.post(LINK, tight)
    await services.quotas.keep()
    await fill(services, someone, 1000)
    services.clock.forward(HOUR)  # type: ignore[attr-defined]
    await services.quotas.keep()
    page = (await admin.get(LINK)).text
    assert "In force now, for the quota" in page
    assert ">quota</td>" in page
    assert "thinned by the quota from 100 %" in (await admin.get("/models/pets")).text
    assert (
        "The quota would thin that to about <strong>24</strong> a day"
        in (await admin.post(LINK, tight | {"try": "1"})).text
    )
    await admin.post(LINK, tight | {"quota.items": ""})
    engine = services.models.get("pets").data_engine
    assert (engine.quota, engine.thinning) == (None, Thinning())


async def test_what_is_usual_is_learned_by_a_button(services: Services, someone: Identity, admin: Visitor) -> None:
    """With its date, its number of images and its ranges; too little is said; it can be dropped."""
    await make_model(services, "detection", engine={}, labels=[])
    link = LINK + "/reference"
    answer = await admin.post(link, {})
    assert answer.status == 422
    assert "here are 0" in answer.text
    found = [Detection(label="<cat>", box=(0, 0, 64, 48), confidence=0.9)]
    await fill(services, someone, 500, label=None, scores=None, detections=found, image_size=(640, 480))
    answer = await admin.post(link, {})
    assert answer.headers["location"] == LINK + "?notice=learned"
    page = (await admin.get(LINK)).text
    assert "from 500 images" in page
    assert "&lt;cat&gt;" in page
    assert "1 %</td>" in page
    assert "99 of 100 images have 1 box at most" in page
    await admin.post(link, {"drop": "1"})
    assert services.models.get("pets").data_engine.reference is None
    assert "Nothing is learned yet" in (await admin.get(LINK)).text
    reader = await signed_in(services, "read", "review")
    assert "Learn from" not in (await reader.get(LINK)).text
    assert (await reader.post(link, {})).status == 403


async def test_an_engine_without_a_rule_is_refused(services: Services, admin: Visitor) -> None:
    """It would do nothing."""
    await make_model(services, engine={})
    rules = ("low_confidence.enabled", "random_sample.enabled")
    answer = await admin.post(LINK, {name: value for name, value in FORM.items() if name not in rules})
    assert "There is no rule: enable one" in answer.text


async def test_conditions_are_chosen_one_by_one(services: Services, admin: Visitor) -> None:
    """All ticked means all that fit the task, none is refused at the rule."""
    await make_model(services, "detection", engine={})
    rule = {**FORM, "edge_cases.enabled": "on"}
    answer = await admin.post(LINK, rule)
    assert (answer.status, 'id="wrong-edge_cases.enabled">Choose at least one' in answer.text) == (422, True)
    names = ("no_detections", "high_density", "unusual_size")
    all_of_them = {f"edge_cases.conditions.{name}": "on" for name in names}
    await admin.post(LINK, {**rule, "edge_cases.conditions.high_density": "on"})
    assert services.models.get("pets").data_engine.edge_cases.conditions == ["high_density"]
    page = (await admin.get(LINK)).text
    assert [name for name in names if f'conditions.{name}" checked' in page] == ["high_density"]
    await admin.post(LINK, {**rule, **all_of_them})
    assert services.models.get("pets").data_engine.edge_cases.conditions == []
    page = (await admin.get(LINK)).text
    assert all(f'conditions.{name}" checked' in page for name in names)


async def test_the_target_is_chosen_or_made(services: Services, someone: Identity, admin: Visitor) -> None:
    """Among the datasets of the task; a new one isn't made where the settings can't be taken."""
    await make_model(services, engine={}, labels=[])
    for id, task in (("animals", "classification"), ("streets", "detection"), ("any", None)):
        await services.datasets.create(NewDataset(name=id.title(), id=id, task=task), someone)
    page = (await admin.get(LINK)).text
    assert [id for id in ("animals", "streets", "any") if f'<option value="{id}"' in page] == ["animals", "any"]
    await admin.post(LINK, {**FORM, "target_dataset_id": "animals"})
    assert services.models.get("pets").data_engine.target_dataset_id == "animals"
    answer = await admin.post(LINK, {**FORM, "target_dataset_id": "streets"})
    assert (answer.status, "is for detection" in answer.text) == (422, True)
    wrong = {**FORM, "new_class.enabled": "on", "new_dataset": "Pets"}
    assert (await admin.post(LINK, wrong)).status == 422
    assert len(services.datasets.list().items) == 3
    await admin.post(LINK, {**FORM, "target_dataset_id": "animals", "new_dataset": " Pets "})
    (made,) = [one for one in services.datasets.list().items if one.name == "Pets"]
    assert services.models.get("pets").data_engine.target_dataset_id == made.id
    assert made.task == "classification"
    await admin.post(LINK, {**FORM, "target_dataset_id": ""})
    assert services.models.get("pets").data_engine.target_dataset_id is None


async def test_a_key_for_some_models_chooses_no_dataset(services: Services, someone: Identity) -> None:
    """What is sent all the same changes nothing."""
    await make_model(services, engine={})
    await services.datasets.create(NewDataset(name="Animals", id="animals"), someone)
    visitor = await signed_in(services, "read", "admin", models=("pets",))
    assert "needs a key for all models" in (await visitor.get(LINK)).text
    await visitor.post(LINK, {**FORM, "target_dataset_id": "animals", "new_dataset": "More"})
    engine = services.models.get("pets").data_engine
    assert (engine.enabled, engine.target_dataset_id) == (True, None)
    assert len(services.datasets.list().items) == 1


async def test_a_task_is_offered_what_fits_it(services: Services, admin: Visitor) -> None:
    """A regression has no confidence."""
    await services.models.create(NewModel(name="Prices", id="prices", task="regression"))
    page = (await admin.get("/models/prices/data-engine")).text
    assert "random_sample.rate" in page
    assert "low_confidence" not in page


async def test_who_may_not_change_them_sees_them(services: Services) -> None:
    """Without a button, and a form that is sent all the same is refused."""
    await make_model(services)
    reader = await signed_in(services, "read", "review")
    page = (await reader.get(LINK)).text
    assert "needs the scope" in page
    assert '<button class="primary">Save' not in page
    assert (await reader.post(LINK, FORM)).status == 403


async def test_the_form_fits_people_and_windows(
    services: Services, someone: Identity, chromium: Browser, address: str
) -> None:
    """Axe finds nothing, also with errors shown; nothing is wider than a narrow window."""
    await make_model(services, engine={})
    await fill(services, someone, 500)
    await services.references.make("pets", None, None, 500, "Ada")
    desk = await sit_down(chromium, services, address, "Ada", "read", "review", "admin")
    await desk.open(LINK)
    assert await desk.violations() == []
    await desk.page.set_viewport_size({"width": 320, "height": 640})
    await desk.page.emulate_media(color_scheme="dark")
    await desk.page.get_by_label("Low confidence: Threshold").fill("much")
    await desk.page.get_by_role("button", name="Save").click()
    await desk.page.locator(".wrong").wait_for()
    assert await desk.violations() == []
    assert await desk.overflow() == 0
    desk.mistakes = [text for text in desk.mistakes if "422" not in text]
    assert desk.mistakes == []
