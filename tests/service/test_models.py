"""Models and versions: made once, changed in parts, never promising what isn't done."""

import pytest

from seeme.errors import Conflict, Invalid, NotFound
from seeme.records.models import ConfigPatch, ModelPatch, NewModel, NewVersion
from seeme.service.services import Services


async def test_a_model_has_defaults(services):
    """Without a word it logs predictions for 30 days, and no inputs."""
    made, created = await services.models.create(NewModel(name="Cats"))
    assert created
    assert (made.task, made.labels) == ("classification", [])
    assert (made.config.log_predictions, made.config.log_inputs) == (True, False)
    assert (made.config.log_retention_days, made.config.labels_complete) == (30, False)
    assert services.models.get(made.id) == made


async def test_making_a_model_again_is_a_replay_or_a_conflict(services):
    """Same id and content: the stored one; other content: a conflict that names the way to change it."""
    new = NewModel(name="Cats", id="cats", labels=["a", "b"], config=ConfigPatch(log_inputs=True))
    first, _ = await services.models.create(new)
    await services.models.patch("cats", ModelPatch(name="Better cats"))
    again, created = await services.models.create(new)
    assert (created, again.name, again.created_at) == (False, "Better cats", first.created_at)
    with pytest.raises(Conflict, match="change it with PATCH"):
        await services.models.create(NewModel(name="Dogs", id="cats"))


async def test_models_without_an_id_are_each_new(services):
    """Two of the same name are two models."""
    made = [(await services.models.create(NewModel(name="Cats")))[0].id for _ in range(2)]
    assert made[0] != made[1]


async def test_a_patch_merges(services, clock):
    """Parts that aren't named stay, inside `config` too."""
    await services.models.create(NewModel(name="Cats", id="cats", labels=["a"], config=ConfigPatch(log_inputs=True)))
    clock.forward(1)
    await services.models.patch("cats", ModelPatch(config=ConfigPatch(log_retention_days=7)))
    changed = await services.models.patch("cats", ModelPatch(labels=["a", "b"]))
    assert (changed.name, changed.labels) == ("Cats", ["a", "b"])
    assert (changed.config.log_inputs, changed.config.log_retention_days) == (True, 7)
    assert changed.updated_at > changed.created_at


@pytest.mark.parametrize("part", ["auto_retrain", "privacy"])
async def test_settings_that_are_not_acted_on_are_refused(services, model, part):
    """No promise is taken that isn't kept; the sentence says what is missing, and nothing else of the patch is done."""
    with pytest.raises(Invalid, match=r"isn't built yet|aren't built yet") as refused:
        await services.models.patch("digits", ModelPatch(name="Other", **{part: {"enabled": True}}))
    assert refused.value.errors[0].path == f"$.{part}"
    assert "refused rather than promised" in str(refused.value)
    assert services.models.get("digits").name == "Digits"


async def test_versions_belong_to_a_model(services, model):
    """A version is made once; another content under its id is a conflict; an unknown model has none."""
    first, created = await services.models.add_version("digits", NewVersion(name="one", id="v1"))
    assert created
    assert await services.models.add_version("digits", NewVersion(name="one", id="v1")) == (first, False)
    with pytest.raises(Conflict):
        await services.models.add_version("digits", NewVersion(name="two", id="v1"))
    with pytest.raises(NotFound):
        await services.models.add_version("unknown", NewVersion(name="one"))
    await services.models.add_version("digits", NewVersion(name="one"))
    assert [one.name for one in (await services.models.versions("digits")).items] == ["one", "one"]


async def test_unknown_models_are_not_found(services):
    """Get, patch and delete say so."""
    with pytest.raises(NotFound, match="there is no model nothing"):
        services.models.get("nothing")
    with pytest.raises(NotFound):
        await services.models.patch("nothing", ModelPatch(name="x"))
    with pytest.raises(NotFound):
        await services.models.delete("nothing")


async def test_the_list_goes_on_page_by_page(services):
    """Each page begins after the last; a cursor that is none of ours is refused."""
    for n in range(5):
        await services.models.create(NewModel(name="M", id=f"m{n}"))
    seen, cursor = [], None
    while True:
        page = services.models.list(2, cursor)
        seen += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["m0", "m1", "m2", "m3", "m4"]
    with pytest.raises(Invalid):
        services.models.list(2, "nonsense")


async def test_a_list_goes_on_when_the_model_it_stood_at_is_deleted(services):
    """A page that ended at a model deleted since goes on after its place."""
    for n in range(4):
        await services.models.create(NewModel(name="M", id=f"m{n}"))
    cursor = services.models.list(2).next_cursor
    await services.models.delete("m1")
    await services.removal.retain()
    assert [one.id for one in services.models.list(2, cursor).items] == ["m2", "m3"]


async def test_everything_is_there_after_a_restart(settings, clock):
    """Models, their changes and versions are read again as they were."""
    async with Services.open(settings, clock) as services:
        await services.models.create(NewModel(name="Cats", id="cats", task="regression"))
        before = await services.models.patch("cats", ModelPatch(config=ConfigPatch(log_inputs=True)))
        version, _ = await services.models.add_version("cats", NewVersion(name="one", id="v1"))
    async with Services.open(settings, clock) as services:
        assert services.models.get("cats") == before
        assert (await services.models.versions("cats")).items == [version]
        assert await services.models.add_version("cats", NewVersion(name="one", id="v1")) == (version, False)
