"""The review queue: listing it, claiming items, deciding them."""

from seeme.records.accuracy import AccuracyReport
from seeme.records.engine import DryRun, DryRunRequest, Reference, RuleSetVersion
from seeme.records.review import (
    Claim,
    Claimed,
    NewDecision,
    QueueState,
    Release,
    Released,
    Renewal,
    ReviewItem,
    ReviewTask,
    Skip,
)
from seeme.records.types import Id, Page
from seeme.service.services import Services
from seeme.web.api_events import model_of
from seeme.web.guard import Caller
from seeme.web.params import AccuracyParams, InModelParams, ReferenceRange, ReviewParams, given, period_of


async def list_review(services: Services, query: ReviewParams) -> Page[ReviewItem]:
    """List items of a model or a dataset, the longest in the queue first."""
    return await services.flagged.page(query.query())


async def read_review(services: Services, caller: Caller, review_id: Id, query: InModelParams) -> ReviewTask:
    """Get an item with its prediction, what users said of it, and who did what."""
    home = await model_of(services, caller, "review", review_id, query)
    return await services.flagged.item(review_id, home)


async def claim_review(services: Services, caller: Caller, body: Claim) -> Claimed:
    """Claim open items: they are the caller's alone until their leases end."""
    rows = await services.queue.claim(body, caller.identity)
    return Claimed(items=await services.flagged.tasks(rows))


async def renew_review(
    services: Services, caller: Caller, review_id: Id, query: InModelParams, body: Renewal
) -> ReviewTask:
    """Hold a claimed item for longer."""
    home = await _home(services, caller, review_id, query)
    await services.queue.renew(home, review_id, body.lease_seconds, caller.identity)
    return await services.flagged.item(review_id, home)


async def skip_review(
    services: Services, caller: Caller, review_id: Id, query: InModelParams, body: Skip
) -> ReviewTask:
    """Give a claimed item back to the queue, for others."""
    home = await _home(services, caller, review_id, query)
    await services.queue.skip(home, review_id, body.note, caller.identity)
    return await services.flagged.item(review_id, home)


async def release_review(services: Services, caller: Caller, body: Release) -> Released:
    """Give claimed items back undecided; unlike skipped ones they may be claimed again by the same reviewer."""
    return Released(ids=await services.queue.release(body, caller.identity))


async def decide_review(
    services: Services, caller: Caller, review_id: Id, query: InModelParams, body: NewDecision
) -> ReviewTask:
    """Decide a claimed item."""
    home = await _home(services, caller, review_id, query)
    await services.queue.decide(home, review_id, body, caller.identity)
    return await services.flagged.item(review_id, home)


async def undo_review(services: Services, caller: Caller, review_id: Id, query: InModelParams) -> ReviewTask:
    """Take one's own decision back; the item is in review again."""
    home = await _home(services, caller, review_id, query)
    await services.queue.undo(home, review_id, caller.identity)
    return await services.flagged.item(review_id, home)


async def review_state(services: Services, model_id: Id) -> QueueState:
    """Say how many items of a model are in each state, and how well two reviewers of the same items agree."""
    return await services.flagged.state(model_id)


async def model_accuracy(services: Services, model_id: Id, query: AccuracyParams) -> AccuracyReport:
    """Estimate the accuracy of all predictions of some days from those that were reviewed."""
    start, end = period_of(query.start_date, query.end_date)
    return await services.accuracy.report(model_id, start, end, given(query.version_id))


async def try_rules(services: Services, model_id: Id, body: DryRunRequest) -> DryRun:
    """Say what settings would queue, tried on the last predictions; nothing is changed."""
    return await services.dry_runs.run(model_id, body)


async def make_reference(services: Services, caller: Caller, model_id: Id, body: ReferenceRange) -> Reference:
    """Learn from the last predictions what is usual for a model; rules go by it from now on, as a new version."""
    start, end = period_of(body.start, body.end, ("start", "end"))
    return await services.references.make(model_id, start, end, body.last, caller.identity.holder)


async def list_rule_sets(services: Services, model_id: Id) -> Page[RuleSetVersion]:
    """List the data engine's settings that were in force, oldest first."""
    return await services.models.rule_sets(services.database, model_id)


async def _home(services: Services, caller: Caller, review_id: Id, query: InModelParams) -> str:
    """Return the model of an item, found among those that the key is for."""
    named = await model_of(services, caller, "review", review_id, query)
    return await services.events.home("review", review_id, named)
