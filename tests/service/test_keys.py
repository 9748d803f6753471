"""Keys, sign-in codes and sessions: shown once, stored as hashes, ended at once."""

import pytest

from seeme.clock import DAY, HOUR
from seeme.errors import Invalid, NotFound, Unauthorized
from seeme.records.keys import NewKey
from seeme.service.services import Services

READ = NewKey(kind="secret", holder="Ada", scopes=["read", "review"])
PAGE = NewKey(kind="publishable", holder="shop", models=["digits"], origins=["https://Shop.Example.com"])


async def test_a_key_opens_what_it_was_made_for(services):
    """Scopes, holder, models and origins come back with its identity."""
    made = await services.keys.create(READ)
    assert made.key.startswith("sk_")
    identity = services.keys.authenticate(made.key)
    assert (identity.kind, identity.holder, identity.scopes) == ("secret", "Ada", {"read", "review"})
    assert (identity.models, identity.origins) == (frozenset(), frozenset())
    page = services.keys.authenticate((await services.keys.create(PAGE)).key)
    assert (page.kind, page.scopes, page.models) == ("publishable", {"feedback"}, {"digits"})


async def test_origins_are_kept_as_browsers_send_them(services):
    """Browsers send lower case, whatever was typed."""
    assert (await services.keys.create(PAGE)).origins == ["https://shop.example.com"]


@pytest.mark.parametrize(
    ("new", "path"),
    [
        (NewKey(kind="publishable", holder="x", models=["m"], scopes=["read"]), "$.scopes"),
        (NewKey(kind="publishable", holder="x"), "$.models"),
        (NewKey(kind="secret", holder="x"), "$.scopes"),
        (NewKey(kind="secret", holder="x", scopes=["read"], origins=["*"]), "$.origins"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(services, new, path):
    """A publishable key has models and no scopes, a secret one scopes and no origins."""
    with pytest.raises(Invalid) as refused:
        await services.keys.create(new)
    assert refused.value.errors[0].path == path
    assert services.keys.list().items == []


async def test_any_other_text_is_unauthorized(services):
    """Close ones too, and texts that are no text."""
    made = await services.keys.create(READ)
    others = ["", "sk_", "sk_local", "sk_local_", "_", "__", made.id, made.id + "_", made.key[:-1], made.key + "x"]
    others += [
        made.key.upper(),
        made.key.replace("sk_", "pk_"),
        f" {made.key}",
        made.id + "_\ud800",
        "\x00",
        "x" * 10**5,
    ]
    for text in others:
        with pytest.raises(Unauthorized):
            services.keys.authenticate(text)


@pytest.mark.sqlite
async def test_secrets_are_in_no_file(settings, services):
    """Neither keys nor codes nor session tokens can be read from the data folder, only their hashes."""
    made = [await services.keys.create(new) for new in (READ, PAGE)]
    code = await services.keys.new_sign_in(made[0].id)
    unused = await services.keys.new_sign_in(made[0].id)
    token, _ = await services.keys.redeem(code.code)
    secrets = [key.key.rpartition("_")[2] if key.key.count("_") == 2 else key.key[15:] for key in made]
    secrets += [code.code, unused.code, token]
    content = b"".join(path.read_bytes() for path in settings.data.rglob("seeme.db*"))
    assert made[0].id.encode() in content
    for text in secrets:
        assert len(text) > 30
        assert text.encode() not in content


async def test_a_revoked_key_is_dead_at_once_and_for_ever(settings, clock):
    """Also after a restart; revoking again changes nothing."""
    async with Services.open(settings, clock) as services:
        made = await services.keys.create(READ)
        await services.keys.revoke(made.id)
        first = services.keys.list().items[0].revoked_at
        clock.forward(HOUR)
        await services.keys.revoke(made.id)
        assert services.keys.list().items[0].revoked_at == first
        with pytest.raises(Unauthorized):
            services.keys.authenticate(made.key)
    async with Services.open(settings, clock) as services:
        assert services.keys.list().items[0].revoked_at == first
        with pytest.raises(Unauthorized):
            services.keys.authenticate(made.key)
        with pytest.raises(NotFound):
            await services.keys.revoke("sk_unknown")


async def test_revoking_a_key_ends_its_sessions_and_codes(services):
    """Whoever signed in with it is out, and its unused codes are worth nothing."""
    made = await services.keys.create(READ)
    code = await services.keys.new_sign_in(made.id)
    token, _ = await services.keys.redeem(made.key)
    assert (await services.keys.session(token)).holder == "Ada"
    await services.keys.revoke(made.id)
    assert await services.keys.session(token) is None
    with pytest.raises(Unauthorized):
        await services.keys.redeem(code.code)


async def test_a_code_signs_in_once(services):
    """The second use is refused, at the same time too."""
    made = await services.keys.create(READ)
    code = await services.keys.new_sign_in(made.id)
    token, identity = await services.keys.redeem(code.code)
    assert (identity.kind, identity.holder, identity.scopes) == ("session", "Ada", {"read", "review"})
    assert await services.keys.session(token) == identity
    with pytest.raises(Unauthorized, match="unknown, was used, or has expired"):
        await services.keys.redeem(code.code)


async def test_a_code_is_good_for_an_hour(services, clock):
    """Later it is worth nothing."""
    made = await services.keys.create(READ)
    codes = [await services.keys.new_sign_in(made.id) for _ in range(2)]
    assert codes[0].url.endswith(f"/sign-in?code={codes[0].code}")
    clock.forward(HOUR)
    await services.keys.redeem(codes[0].code)
    clock.forward(1)
    with pytest.raises(Unauthorized):
        await services.keys.redeem(codes[1].code)


async def test_a_session_lasts_two_weeks_or_until_signing_out(services, clock):
    """Then its token is nobody's."""
    made = await services.keys.create(READ)
    first, second = [(await services.keys.redeem(made.key))[0] for _ in range(2)]
    await services.keys.sign_out(first)
    assert await services.keys.session(first) is None
    clock.forward(14 * DAY)
    assert await services.keys.session(second) is not None
    clock.forward(1)
    assert await services.keys.session(second) is None


@pytest.mark.parametrize("text", ["", "nonsense", "sk_nonsense", "pk_nonsense"])
async def test_nonsense_signs_nobody_in(services, text):
    """Neither an unknown code nor an unknown key."""
    with pytest.raises(Unauthorized):
        await services.keys.redeem(text)


async def test_a_publishable_key_signs_nobody_in(services):
    """It is public: whoever reads a page's source would be in."""
    made = await services.keys.create(PAGE)
    with pytest.raises(Unauthorized):
        await services.keys.redeem(made.key)


async def test_the_local_key_ends_with_the_process(settings, clock):
    """It is never stored or listed, doesn't count as a first key, and is another one after a restart."""
    async with Services.open(settings, clock) as services:
        local = services.keys.make_local()
        assert services.keys.authenticate(local).scopes == {"ingest", "read", "review", "admin"}
        assert services.keys.list().items == []
        assert services.keys.none_yet
        await services.keys.create(READ)
        assert not services.keys.none_yet
    async with Services.open(settings, clock) as services:
        services.keys.make_local()
        with pytest.raises(Unauthorized):
            services.keys.authenticate(local)


async def test_a_session_of_the_local_key_ends_with_its_process(settings, clock):
    """The next process makes a local key of another id, so that an old cookie finds none."""
    async with Services.open(settings, clock) as first:
        token, _ = await first.keys.redeem(first.keys.make_local())
        assert await first.keys.session(token) is not None
    async with Services.open(settings, clock) as second:
        second.keys.make_local()
        assert await second.keys.session(token) is None


async def test_a_link_names_who_signs_in_by_it(services):
    """The name signs what is decided; the same name is the same reviewer at the next sign-in, another one isn't."""
    made = await services.keys.create(READ)

    async def signed_in(holder):
        token, identity = await services.keys.redeem((await services.keys.new_sign_in(made.id, holder)).code)
        assert await services.keys.session(token) == identity
        return identity

    ada, again, grace, nobody = [await signed_in(name) for name in ("Ada L.", "Ada L.", "Grace", None)]
    assert (ada.holder, grace.holder, nobody.holder) == ("Ada L.", "Grace", "Ada")
    assert ada.scopes == {"read", "review"}
    assert ada.reviewer == again.reviewer != grace.reviewer
    assert nobody.reviewer == nobody.key_id == made.id
    await services.keys.revoke(made.id)
    with pytest.raises(Unauthorized):
        await signed_in("Grace")
