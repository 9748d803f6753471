"""Versions made and trainings asked for on pages, and the list of what was asked for."""

from typing import Any, TypeVar

import msgspec
from starlette.responses import Response

from seeme.errors import Invalid, NotFound
from seeme.records.datasets import DatasetVersion, NewDatasetVersion, NewTrainingJob, TrainingJob
from seeme.web.pages_datasets import check_all_models
from seeme.web.pages_sign_in import read_form
from seeme.web.pages_view import Visit

_JOBS = 50
_DATASETS = 1000
Wanted = TypeVar("Wanted", NewDatasetVersion, NewTrainingJob)


async def make_version(visit: Visit) -> Response:
    """Freeze the working set as the next version, and show it."""
    check_all_models(visit)
    dataset_id = visit.request.path_params["dataset_id"]
    form = await read_form(visit.request)
    new = _wanted(NewDatasetVersion, form, "name", "parent_version_id")
    made, _ = await visit.services.datasets.create_version(dataset_id, new, visit.who)
    return visit.redirect(visit.path("datasets", dataset_id, version=made.id, notice="made") + "#version")


async def ask_for_training(visit: Visit) -> Response:
    """Store that a training was asked for, and show it."""
    check_all_models(visit)
    path = visit.request.path_params
    form = await read_form(visit.request)
    form |= {"dataset_id": path["dataset_id"], "version_id": path["version_id"]}
    new = _wanted(NewTrainingJob, form, "name", "dataset_id", "version_id", "base_model_id")
    made, _ = await visit.services.training.create(new, visit.who)
    return visit.redirect(visit.path("training-jobs", made.id, notice="asked"))


async def training_jobs(visit: Visit) -> Response:
    """List the trainings that were asked for, the latest first."""
    check_all_models(visit)
    page = await visit.services.training.latest(_JOBS, visit.query().get("cursor"))
    names = {dataset.id: dataset.name for dataset in visit.services.datasets.list(_DATASETS).items}
    rows = [(job, names.get(job.dataset_id), await _version(visit, job)) for job in page.items]
    return visit.render("training_jobs.html", rows=rows, next_cursor=page.next_cursor)


async def training_job(visit: Visit) -> Response:
    """Show one training that was asked for."""
    check_all_models(visit)
    job = await visit.services.training.get(visit.request.path_params["job_id"])
    notice = "Asked for: it is stored, and nothing acts on it yet." if visit.query().get("notice") == "asked" else None
    return visit.render("training_job.html", job=job, made_of=await _version(visit, job), notice=notice)


async def _version(visit: Visit, job: TrainingJob) -> DatasetVersion | None:
    """Return the version that a job is about; None when its dataset was deleted."""
    try:
        return (await visit.services.datasets.stored_version(job.dataset_id, job.version_id)).version
    except NotFound:
        return None


def _wanted(kind: type[Wanted], form: dict[str, str], *names: str) -> Wanted:
    """Return what a form means; what is empty wasn't given. Raises Invalid."""
    given: dict[str, Any] = {name: form[name].strip() for name in names if form.get(name, "").strip()}
    if "name" not in given:
        raise Invalid("it needs a name")
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as problem:
        raise Invalid(str(problem)) from None
