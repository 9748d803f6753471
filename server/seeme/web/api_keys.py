"""Keys and sign-in codes."""

from seeme.records.keys import IssuedKey, Key, NewKey, SignInCode
from seeme.records.types import Id, Page
from seeme.service.services import Services
from seeme.web.guard import Caller
from seeme.web.params import SignInParams, given
from seeme.web.signature import Made


async def create_key(services: Services, body: NewKey) -> Made[IssuedKey]:
    """Make a key."""
    return Made(await services.keys.create(body), True)


def list_keys(services: Services) -> Page[Key]:
    """List keys."""
    return services.keys.list()


async def revoke_key(services: Services, key_id: Id) -> None:
    """Revoke a key: it and the sessions made with it end at once."""
    await services.keys.revoke(key_id)


async def create_sign_in_code(services: Services, caller: Caller, query: SignInParams) -> Made[SignInCode]:
    """Make a one-time code with which this key's holder signs in to the pages, or who is named."""
    return Made(await services.keys.new_sign_in(caller.identity.key_id, given(query.holder)), True)
