"""Comparing versions of a model on a dataset; datasets are about no one model, so it is for keys of all models."""

from seeme.errors import Forbidden
from seeme.records.comparing import CompareRequest, Disagreement, ModelComparison
from seeme.records.types import Id, Page
from seeme.service.services import Services
from seeme.web.guard import Caller
from seeme.web.params import DisagreementParams, given


async def compare_versions(services: Services, caller: Caller, model_id: Id, body: CompareRequest) -> ModelComparison:
    """Compare versions on the items that each of them has a prediction for, with the dataset's truth."""
    _check_all_models(caller)
    return await services.comparing.compare(model_id, body)


async def list_disagreements(
    services: Services, caller: Caller, model_id: Id, query: DisagreementParams
) -> Page[Disagreement]:
    """List items that just one of two versions has right, by id; a page may be short before the last one.

    Of numbers, those where one version is nearer by most, in one page.
    """
    _check_all_models(caller)
    return await services.comparing.disagreements(model_id, query.request(), query.limit, given(query.cursor))


def _check_all_models(caller: Caller) -> None:
    if caller.identity.models:
        raise Forbidden("this key is for some models only, and a dataset may hold items of any model")
