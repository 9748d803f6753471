"""The client's methods about the data engine and the review queue."""

from collections.abc import Mapping, Sequence
from typing import Any

from seeme.calls import Calls, model_path, review_path
from seeme.outgoing import When, query, when
from seeme.records.accuracy import AccuracyReport
from seeme.records.engine import DryRun, Reference, RuleSetVersion
from seeme.records.models import Model
from seeme.records.review import Claimed, QueueState, Released, ReviewItem, ReviewTask
from seeme.results import Record, Records


class Reviewing(Calls):
    """Calls about what a person should look at."""

    def configure_data_engine(
        self, model_id: str, config: Mapping[str, Any] | None = None, target_dataset_id: str | None = None
    ) -> Record:
        """Switch on a model's data engine, change the named parts of its `config`, and return its settings.

        Parts are `low_confidence` (`threshold`, `sample_rate`), `edge_cases` (`conditions`, `sample_rate`), `margin`,
        `new_class`, `random_sample` (`rate`), `negative_feedback`, each with `enabled`, `second_review` (`share`) and
        `quota` (`per_day` or `per_hour`; None ends it). What people decide goes to the dataset `target_dataset_id`.
        """
        settings = {"enabled": True, **(config or {})}
        if target_dataset_id is not None:
            settings["target_dataset_id"] = target_dataset_id
        return self._do("PATCH", model_path(model_id), Model, body={"data_engine": settings}).data_engine  # type: ignore[no-any-return]

    def try_data_engine(self, model_id: str, config: Mapping[str, Any], last: int = 1000) -> Record:
        """Return what settings would queue, tried on the `last` predictions: items a day, in all and by rule."""
        body = {"data_engine": {"enabled": True, **config}, "last": last}
        return self._do("POST", model_path(model_id, "data-engine/dry-run"), DryRun, body=body)

    def make_reference(
        self, model_id: str, start_date: When | None = None, end_date: When | None = None, last: int = 10_000
    ) -> Record:
        """Learn from the `last` predictions (of some days) what is usual for a model, and return it.

        The rules `unusual_size`, `high_density` and `new_class` go by it from now on.
        """
        body = {"last": last, **dict(query(start=start_date, end=end_date))}
        return self._do("POST", model_path(model_id, "data-engine/reference"), Reference, body=body, repeatable=False)

    def get_rule_sets(self, model_id: str) -> Records:
        """Return the data engine's settings that were in force, oldest first, with who set them and the `rates`."""
        return self._whole(model_path(model_id, "rule-sets"), RuleSetVersion)

    def get_flagged_items(
        self,
        dataset_id: str | None = None,
        status: str | None = None,
        limit: int | None = 100,
        model_id: str | None = None,
        reason: str | None = None,
        label: str | None = None,
    ) -> Records:
        """Return items of the review queue, the longest waiting first: those for a dataset, or those of a model.

        `status` is `needs_review`, `in_review`, `approved` or `rejected`, `label` the predicted one.
        """
        where = {"dataset_id": dataset_id, "model_id": model_id, "status": status, "reason": reason, "label": label}
        return self._list("/v1/review", ReviewItem, limit, **where)

    def get_review_item(self, review_id: str, model_id: str | None = None) -> Record:
        """Return one item with its `prediction`, the `feedback` on it, `why` it is there and its `log`."""
        return self._do("GET", review_path(review_id), ReviewTask, query(model_id=model_id))

    def claim_review(self, model_id: str, limit: int = 1, lease_seconds: int = 600, **filters: Any) -> list[Record]:
        """Claim open items, which are then this key's alone for `lease_seconds`; return none when all is done.

        `filters` are `dataset_id`, `reason`, `label` or `ids`. All but the first take items out of the order that
        keeps accuracy unbiased, and mark them so.
        """
        body = {"model_id": model_id, "limit": limit, "lease_seconds": lease_seconds, **filters}
        found: list[Record] = self._do("POST", "/v1/review/claim", Claimed, body=body, repeatable=False)["items"]
        return found

    def renew_review(self, review_id: str, lease_seconds: int = 600, model_id: str | None = None) -> Record:
        """Hold a claimed item for longer, from now on, and return it."""
        body = {"lease_seconds": lease_seconds}
        return self._do("POST", review_path(review_id, "renew"), ReviewTask, query(model_id=model_id), body=body)

    def release_review(self, tasks: Sequence[Record]) -> list[str]:
        """Give claimed items of one model back, undecided, and return the ids of those that are open again.

        They may be claimed again by the same key; an item whose lease was renewed since stays as it is.
        """
        if not tasks:
            return []
        items = [{"id": task.item.id, "lease_until": when(task.item.lease_until, "lease_until")} for task in tasks]
        body = {"model_id": tasks[0].item.model_id, "items": items}
        found: list[str] = self._do("POST", "/v1/review/release", Released, body=body)["ids"]
        return found

    def skip_review(self, review_id: str, note: str | None = None, model_id: str | None = None) -> Record:
        """Give a claimed item back to the queue, for others, and return it."""
        return self._do(
            "POST",
            review_path(review_id, "skip"),
            ReviewTask,
            query(model_id=model_id),
            body={"note": note},
            repeatable=False,
        )

    def decide_review(
        self,
        review_id: str,
        decision: str,
        label: str | None = None,
        value: float | None = None,
        boxes: Sequence[Mapping[str, Any]] | None = None,
        note: str | None = None,
        model_id: str | None = None,
    ) -> Record:
        """Decide a claimed item: `correct`, `corrected` (with `label`, `value` or `boxes`) or `unusable`."""
        body = {"decision": decision, "label": label, "value": value, "boxes": boxes, "note": note}
        return self._do("POST", review_path(review_id, "decide"), ReviewTask, query(model_id=model_id), body=body)

    def undo_review(self, review_id: str, model_id: str | None = None) -> Record:
        """Take one's own decision back, and return the item, which is in review again."""
        return self._do("POST", review_path(review_id, "undo"), ReviewTask, query(model_id=model_id), repeatable=False)

    def get_review_state(self, model_id: str) -> Record:
        """Return how many items of a model are in each state, and how well two reviewers of the same items agree."""
        return self._do("GET", model_path(model_id, "review"), QueueState)

    def get_accuracy(
        self,
        model_id: str,
        start_date: When | None = None,
        end_date: When | None = None,
        version_id: str | None = None,
    ) -> Record:
        """Return the accuracy of all predictions of some days, estimated from those that were reviewed.

        `accuracy` has the value with its interval, how much it covers, the naive number beside it and the strata;
        `classes` precision, recall and F1 by label with the confused pairs, weighted alike. Unknown numbers are NaN,
        and the `reasons` say why.
        """
        where = query(start_date=start_date, end_date=end_date, version_id=version_id)
        return self._do("GET", model_path(model_id, "accuracy"), AccuracyReport, where)
