"""Models, their versions and their numbers."""

from msgspec import UnsetType

from seeme.errors import Forbidden
from seeme.records.metrics import PeriodMetrics, Rebuilt
from seeme.records.models import Model, ModelPatch, NewModel, NewVersion, Version
from seeme.records.types import Id, Page
from seeme.service.services import Services
from seeme.web.guard import Caller
from seeme.web.params import ListParams, MetricsParams, RebuildRange, given, period_of
from seeme.web.signature import Made


async def create_model(services: Services, body: NewModel) -> Made[Model]:
    """Make a model."""
    return Made(*await services.models.create(body))


def list_models(services: Services, caller: Caller, query: ListParams) -> Page[Model]:
    """List models; a key that is for some sees only those."""
    return services.models.list(query.limit, given(query.cursor), caller.identity.models)


def read_model(services: Services, model_id: Id) -> Model:
    """Get a model."""
    return services.models.get(model_id)


async def patch_model(services: Services, caller: Caller, model_id: Id, body: ModelPatch) -> Model:
    """Change the named parts of a model; the others stay."""
    engine = body.data_engine
    if caller.identity.models and not isinstance(engine, UnsetType) and isinstance(engine.target_dataset_id, str):
        raise Forbidden("this key is for some models only, and datasets are for all")
    return await services.models.patch(model_id, body, caller.identity.holder)


async def delete_model(services: Services, model_id: Id) -> None:
    """Delete a model with all its data."""
    await services.models.delete(model_id)


async def create_version(services: Services, model_id: Id, body: NewVersion) -> Made[Version]:
    """Make a version of a model."""
    return Made(*await services.models.add_version(model_id, body))


async def list_versions(services: Services, model_id: Id) -> Page[Version]:
    """List a model's versions."""
    return await services.models.versions(model_id)


async def model_metrics(services: Services, model_id: Id, query: MetricsParams) -> Page[PeriodMetrics]:
    """Report performance by period, oldest first; empty periods are rows too."""
    return Page(items=await services.reports.metrics(model_id, query.query()))


async def rebuild_sums(services: Services, model_id: Id, body: RebuildRange) -> Rebuilt:
    """Make the sums of whole days again from rows, where all rows are still there."""
    start, end = period_of(body.start, body.end, ("start", "end"))
    return await services.reports.rebuild(model_id, start, end)
