"""Signing secrets: made, listed, retired, two at most, and forgotten with their model."""

import pytest

from seeme.clock import SECOND
from seeme.errors import Conflict, NotFound
from seeme.records.models import NewModel
from seeme.service.services import Services
from seeme.service.tokens import TokenRefused
from seeme.signing import sign


def token(issued, model_id="digits", **fields):
    """Return a token on p1."""
    return sign(secret=issued.secret, kid=issued.kid, **{"model_id": model_id, "prediction_id": "p1", **fields})


def check(services, text, model_id="digits"):
    """Return the claims of a token on p1; the tokens are signed with the real time."""
    return services.signing.check(text, model_id, "p1", services.clock())


async def test_a_secret_is_shown_once_and_listed_without_its_text(services, model):
    """A model begins without one; lists have `kid` and time alone."""
    assert services.signing.list("digits").items == []
    issued = await services.signing.create("digits")
    (listed,) = services.signing.list("digits").items
    assert (listed.kid, listed.created_at) == (issued.kid, issued.created_at)
    assert not hasattr(listed, "secret")
    assert check(services, token(issued)).model == "digits"


async def test_two_are_live_at_most_and_the_remedy_is_named(services, model, clock):
    """Rotation: make the second, give it to the servers, retire the first, which is worth nothing from then on."""
    first = await services.signing.create("digits")
    clock.forward(SECOND)
    second = await services.signing.create("digits")
    with pytest.raises(Conflict, match=f"retire one first: {first.kid} or {second.kid}"):
        await services.signing.create("digits")
    old, new = token(first), token(second)
    assert check(services, old)
    assert check(services, new)
    await services.signing.retire("digits", first.kid)
    with pytest.raises(TokenRefused, match="no live signing secret"):
        check(services, old)
    assert check(services, new)
    assert [one.kid for one in services.signing.list("digits").items] == [second.kid]
    await services.signing.create("digits")


async def test_what_is_not_live_cannot_be_retired(services, model):
    """Nor what belongs to another model."""
    await services.models.create(NewModel(name="Other", id="other"))
    issued = await services.signing.create("other")
    for model_id, kid in (("digits", "k_none"), ("digits", issued.kid), ("none", issued.kid)):
        with pytest.raises(NotFound):
            await services.signing.retire(model_id, kid)
    await services.signing.retire("other", issued.kid)
    with pytest.raises(NotFound):
        await services.signing.retire("other", issued.kid)
    with pytest.raises(NotFound):
        await services.signing.create("none")


async def test_secrets_outlive_a_restart_and_retired_ones_leave_no_text(settings, clock):
    """What is retired is deleted in the database too."""
    async with Services.open(settings, clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        kept, gone = [await services.signing.create("digits") for _ in range(2)]
        await services.signing.retire("digits", gone.kid)
    async with Services.open(settings, clock) as services:
        assert check(services, token(kept)).prediction == "p1"
        with pytest.raises(TokenRefused):
            check(services, token(gone))
        rows = await services.database.all("all_signing_secrets")
        assert {row["kid"]: row["secret"] for row in rows} == {kept.kid: kept.secret, gone.kid: ""}


async def test_a_new_model_with_the_id_of_a_deleted_one_has_other_secrets(services, model):
    """A token for the old one is worth nothing."""
    issued = await services.signing.create("digits")
    await services.models.delete("digits")
    await services.removal.retain()
    await services.models.create(NewModel(name="Digits", id="digits"))
    with pytest.raises(TokenRefused):
        check(services, token(issued))


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_what_one_node_makes_and_retires_the_other_knows_after_a_refresh(nodes):
    """Also while the other one's writer waits: a retired secret ends at once."""
    a, b = nodes
    issued, other = [await a.signing.create("digits") for _ in range(2)]
    with pytest.raises(TokenRefused):
        check(b, token(issued))
    await b.cluster.refresh()
    assert check(b, token(issued))
    assert check(b, token(other))
    with pytest.raises(Conflict):
        await b.signing.create("digits")
    await a.signing.retire("digits", issued.kid)
    await b.cluster.refresh()
    with pytest.raises(TokenRefused):
        check(b, token(issued))
    assert check(b, token(other))
