"""The Python client: `from seeme import Client`, one method per route of the service."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from seeme import outgoing, signing
from seeme.ab_calls import AbCalls
from seeme.batching import Batch, BatchFailed, Failure, current, deliver_all
from seeme.calls import feedback_path, model_path, prediction_path, record, to_json
from seeme.comparing import Comparisons
from seeme.dataset_calls import DatasetCalls
from seeme.errors import invalid
from seeme.ids import short_id
from seeme.outgoing import Input, PredictionFields, When, input_bytes, plain, query, segment
from seeme.records.feedback import Feedback
from seeme.records.keys import Erased, IssuedKey, Key, SignInCode
from seeme.records.metrics import Health, PeriodMetrics, Rebuilt
from seeme.records.models import Model, Version
from seeme.records.predictions import Prediction, StoredInput
from seeme.records.quarantine import DecidedAll
from seeme.records.tokens import IssuedSigningSecret, SigningSecret
from seeme.records.widget import WidgetContext
from seeme.results import Record, Records
from seeme.reviewing import Reviewing
from seeme.transport import BYTES, Request

__all__ = ["Batch", "BatchFailed", "Client", "Failure", "Record", "Records"]


class Client(Reviewing, DatasetCalls, Comparisons, AbCalls):
    """A connection to one SeeMe service, to be made once and shared, by threads too.

    `base_url` and `api_key` fall back to `SEEME_BASE_URL` (then http://127.0.0.1:8765) and `SEEME_API_KEY`. A call
    takes at most `timeout` seconds with all its retries. Results are records: `r.label` and `r["label"]` are the same.
    Every call raises the classes of `seeme.errors`: `Invalid` (with `.errors`), `NotFound`, `ConnectionFailed` ...
    """

    # --- models

    def create_model(
        self,
        name: str,
        task: str = "classification",
        labels: Sequence[str] | None = None,
        id: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Record:
        """Create a model for the task `classification`, `detection` or `regression`, and return it.

        With an `id` of your own, doing it again returns the same model; other content for that id raises `Conflict`.
        """
        body = {"id": id or short_id("m"), "name": name, "task": task, "labels": labels, "config": config}
        return self._do("POST", "/v1/models", Model, body=body)

    def get_model(self, model_id: str) -> Record:
        """Return one model."""
        return self._do("GET", model_path(model_id), Model)

    def list_models(self, limit: int | None = None) -> Records:
        """Return the models."""
        return self._list("/v1/models", Model, limit)

    def update_model(
        self,
        model_id: str,
        name: str | None = None,
        labels: Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
        data_engine: Mapping[str, Any] | None = None,
        auto_retrain: Mapping[str, Any] | None = None,
        privacy: Mapping[str, Any] | None = None,
    ) -> Record:
        """Change what is named, also inside `config` and the other parts, leave the rest, and return the model.

        A setting that the service doesn't act on yet raises `Invalid` with a sentence about it.
        """
        settings = {"config": config, "data_engine": data_engine, "auto_retrain": auto_retrain, "privacy": privacy}
        return self._do("PATCH", model_path(model_id), Model, body={"name": name, "labels": labels, **settings})

    def delete_model(self, model_id: str) -> None:
        """Delete a model with everything that was logged for it."""
        self._do("DELETE", model_path(model_id))

    def create_model_version(self, model_id: str, name: str, id: str | None = None) -> Record:
        """Create a version of a model, and return it."""
        return self._do(
            "POST", model_path(model_id, "versions"), Version, body={"id": id or short_id("v"), "name": name}
        )

    def list_model_versions(self, model_id: str) -> Records:
        """Return the versions of a model."""
        return self._whole(model_path(model_id, "versions"), Version)

    def create_signing_secret(self, model_id: str) -> Record:
        """Make a signing secret of a model, and return its `kid` and its `secret`, which is shown this once.

        Two may be live, so that servers can be given the new one before the old one is retired; a third is `Conflict`.
        """
        return self._do("POST", model_path(model_id, "signing-secrets"), IssuedSigningSecret, repeatable=False)

    def list_signing_secrets(self, model_id: str) -> Records:
        """Return the live signing secrets of a model, without their texts."""
        return self._whole(model_path(model_id, "signing-secrets"), SigningSecret)

    def retire_signing_secret(self, model_id: str, kid: str) -> None:
        """Retire a signing secret: tokens signed with it are worth nothing from then on."""
        self._do("DELETE", model_path(model_id, "signing-secrets", segment(kid, "kid")))

    sign = staticmethod(signing.sign)

    # --- predictions

    def log_prediction(
        self, model_id: str, *, input: Input | None = None, **fields: Unpack[PredictionFields]
    ) -> Record:
        """Log one prediction, and return its `id`, `model_id` and `status`.

        Args:
            model_id: the model that made it.
            input: what it was made from, as path, bytes or binary file; uploaded when the prediction is stored.
            **fields: the fields of `PredictionFields`. Confidence and scores are 0 to 1, `latency_ms` milliseconds, a
                detection is `{"label", "confidence", "box": [x, y, width, height]}` in pixels of `image_size` (width,
                height), `subject` an opaque id of the end user, `ab_test_id` and `unit` the A/B test and what was
                assigned in it. numpy numbers and arrays may be passed as they are.
        """
        return self._log("predictions", {"model_id": model_id, **fields, "input": input})

    def log_predictions(self, predictions: Iterable[Mapping[str, Any]], model_id: str | None = None) -> list[Record]:
        """Log many predictions, each a dict of `log_prediction`'s arguments, and return the answers in their order.

        `model_id` is for those that name none. They are sent 1,000 at a time.

        Raises:
            BatchFailed: when some could not be stored: `.failures` has their indices, ids, errors and contents.
        """
        items = [{"model_id": model_id, **item} for item in predictions]
        if current(self._transport):
            return [self._log("predictions", item) for item in items]
        events = [outgoing.event("predictions", item, path=f"$[{at}]") for at, item in enumerate(items)]
        return deliver_all(self._transport, events)

    def get_prediction(self, prediction_id: str, model_id: str | None = None) -> Record:
        """Return one stored prediction, with its `truth` when that is known."""
        return self._do("GET", prediction_path(prediction_id), Prediction, query(model_id=model_id))

    def get_predictions(
        self,
        model_id: str,
        limit: int | None = 100,
        start_date: When | None = None,
        end_date: When | None = None,
        version_id: str | None = None,
        label: str | None = None,
        min_confidence: float | None = None,
        max_confidence: float | None = None,
        order: str | None = None,
    ) -> Records:
        """Return the predictions that fit, newest first (`order="asc"`: oldest first); `limit=None` is all of them.

        Dates are days or moments, UTC, both ends inclusive.
        """
        fits = {"version_id": version_id, "label": label, "start_date": start_date, "end_date": end_date}
        range_ = {"min_confidence": min_confidence, "max_confidence": max_confidence, "order": order}
        return self._list("/v1/predictions", Prediction, limit, model_id=model_id, **fits, **range_)

    def upload_input(self, prediction_id: str, input: Input, model_id: str | None = None) -> Record:
        """Store what a prediction was made from (path, bytes or binary file), and return its hash, size and type."""
        data = input_bytes(input)
        path, where = prediction_path(prediction_id, "input"), query(model_id=model_id)
        return record(self._transport.call(Request("PUT", path, where, data, BYTES)).json(), StoredInput)

    def get_input(self, prediction_id: str, model_id: str | None = None) -> bytes:
        """Return the bytes of a prediction's input, as they were uploaded."""
        return self._transport.call(
            Request("GET", prediction_path(prediction_id, "input"), query(model_id=model_id))
        ).body

    def log_label(
        self,
        prediction_id: str,
        label: str | None = None,
        value: float | None = None,
        boxes: Sequence[Mapping[str, Any]] | None = None,
        model_id: str | None = None,
        id: str | None = None,
        created_at: When | None = None,
    ) -> Record:
        """Log what was true of a prediction: exactly one of its label, its value, and its boxes (`{label, box}`)."""
        truth = {"label": label, "value": value, "boxes": boxes}
        names = {"prediction_id": prediction_id, "model_id": model_id, "id": id, "created_at": created_at}
        return self._log("labels", {**names, **truth})

    # --- feedback

    def log_feedback(self, prediction_id: str, feedback_type: str, **fields: Any) -> Record:
        """Log what someone said of a prediction, and return its `id`, `model_id` and `status`.

        Args:
            prediction_id: the prediction; when it isn't stored yet, name its `model_id` too.
            feedback_type: `rating` (with `rating` 1, 0 or -1), `correction` (`correct_label` or `correct_value`),
                `comment` (`notes`), and for detections `correct`, `wrong_label`, `wrong_box`, `false_positive`,
                `missed_object` (with `detection_index`, `correct_label`, `box`).
            **fields: those, and `model_id`, `id`, `created_at`, `subject`, `supersedes`, `notes`, `prediction_token`.
        """
        return self._log("feedback", {"prediction_id": prediction_id, "feedback_type": feedback_type, **fields})

    def get_feedback(
        self,
        model_id: str,
        feedback_type: str | None = None,
        status: str | None = None,
        review: str | None = None,
        updated_since: When | None = None,
        limit: int | None = 100,
        prediction_id: str | None = None,
        start_date: When | None = None,
        end_date: When | None = None,
    ) -> Records:
        """Return the feedback that fits, newest first; with `updated_since` what changed since, oldest change first.

        `status` is `active`, `superseded`, `quarantined` or `orphan`; `review` is `pending`, `approved` or `rejected`.
        """
        kind = {"feedback_type": feedback_type, "status": status, "review": review, "prediction_id": prediction_id}
        time = {"updated_since": updated_since, "start_date": start_date, "end_date": end_date}
        return self._list("/v1/feedback", Feedback, limit, model_id=model_id, **kind, **time)

    def get_feedback_item(self, feedback_id: str, model_id: str | None = None) -> Record:
        """Return one feedback."""
        return self._do("GET", feedback_path(feedback_id), Feedback, query(model_id=model_id))

    def approve_feedback(self, feedback_id: str, model_id: str | None = None) -> Record:
        """Approve a feedback, signed with the holder of the key, and return it."""
        return self._do("POST", feedback_path(feedback_id, "approve"), Feedback, query(model_id=model_id))

    def reject_feedback(self, feedback_id: str, model_id: str | None = None) -> Record:
        """Reject a feedback, signed with the holder of the key, and return it."""
        return self._do("POST", feedback_path(feedback_id, "reject"), Feedback, query(model_id=model_id))

    def release_feedback(self, feedback_id: str, model_id: str | None = None) -> Record:
        """Let a quarantined feedback count, and return it."""
        return self._do("POST", feedback_path(feedback_id, "release"), Feedback, query(model_id=model_id))

    def delete_feedback(self, feedback_id: str, model_id: str | None = None) -> None:
        """Delete a feedback."""
        self._do("DELETE", feedback_path(feedback_id), where=query(model_id=model_id))

    def release_quarantined(self, model_id: str, ids: Sequence[str] | None = None, reason: str | None = None) -> Record:
        """Let quarantined feedback of a model count, and return how many were `done` and how many are `left`.

        Name up to 1,000 `ids` (`items` then has one result for each, in order), or a `reason`: `burst`, `duplicate` or
        `token`, of which the oldest 1,000 are released. Call it again until none are left.
        """
        body = {"ids": ids, "reason": reason}
        return self._do("POST", model_path(model_id, "quarantine/release"), DecidedAll, body=body, repeatable=False)

    def delete_quarantined(self, model_id: str, ids: Sequence[str] | None = None, reason: str | None = None) -> Record:
        """Delete quarantined feedback of a model, chosen as for `release_quarantined`, also that of `misfit`."""
        body = {"ids": ids, "reason": reason}
        return self._do("POST", model_path(model_id, "quarantine/delete"), DecidedAll, body=body, repeatable=False)

    def widget_context(
        self, model_id: str, prediction_id: str | None = None, prediction_token: str | None = None
    ) -> Record:
        """Return what the widget may know of a model, and with a token of its prediction and its subject's vote."""
        where = query(model_id=model_id, prediction_id=prediction_id)
        if prediction_token is not None and not (prediction_token.isascii() and prediction_token.isprintable()):
            raise invalid("$.prediction_token", "expected a token as `sign` makes it")
        headers = query(**{"Prediction-Token": prediction_token})
        answer = self._transport.call(Request("GET", "/v1/widget-context", where, headers=headers)).json()
        return record(answer, WidgetContext)

    # --- metrics

    def get_performance_metrics(
        self,
        model_id: str,
        period: str = "week",
        lookback_weeks: int | None = None,
        start_date: When | None = None,
        end_date: When | None = None,
        version_id: str | None = None,
    ) -> Records:
        """Return one record per `hour`, `day` or ISO `week`, oldest first: the last 12 weeks, or between two dates.

        What isn't known is NaN; its `reasons` say why, field by field.
        """
        if lookback_weeks is None and start_date is None and end_date is None:
            lookback_weeks = 12
        span = {"lookback_weeks": lookback_weeks, "start_date": start_date, "end_date": end_date}
        where = query(period=period, version_id=version_id, **span)
        return self._whole(model_path(model_id, "metrics"), PeriodMetrics, where)

    def rebuild_sums(self, model_id: str, start: When | None = None, end: When | None = None) -> Record:
        """Make a model's sums again from its rows, day by day, and return which days changed and which were refused."""
        body = plain({name: day for name, day in (("start", start), ("end", end)) if day is not None})
        request = Request("POST", model_path(model_id, "rebuild"), body=to_json(body), repeatable=False)
        return record(self._transport.call(request, max(600.0, self._transport.timeout)).json(), Rebuilt)

    def erase(self, subject: str) -> Record:
        """Delete all predictions and feedback of a person, in every model, and return how many there were."""
        request = Request("POST", "/v1/erasures", body=to_json({"subject": subject}))
        return record(self._transport.call(request, max(600.0, self._transport.timeout)).json(), Erased)

    # --- keys and service

    def create_key(
        self,
        kind: str,
        holder: str,
        scopes: Sequence[str] = (),
        models: Sequence[str] = (),
        origins: Sequence[str] = (),
    ) -> Record:
        """Create a `publishable` or `secret` key, and return it with its `key` text, which is shown this once.

        A secret key has `scopes` of `ingest`, `read`, `review`, `admin`; a publishable one has `origins`, the pages
        that may use it. `models` names the models it is for (none: all).
        """
        body = {"kind": kind, "holder": holder, "scopes": scopes, "models": models, "origins": origins}
        return self._do("POST", "/v1/keys", IssuedKey, body=body, repeatable=False)

    def list_keys(self) -> Records:
        """Return the keys, without their texts."""
        return self._whole("/v1/keys", Key)

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key, at once and for ever."""
        self._do("DELETE", f"/v1/keys/{segment(key_id, 'key_id')}")

    def create_sign_in_code(self, holder: str | None = None) -> Record:
        """Return a one-time link (`url`) that signs its user in to the service's pages with this key's rights.

        `holder` is who that is: the name that decisions are signed with (default: that of the key).
        """
        return self._do("POST", "/v1/sign-in-codes", SignInCode, query(holder=holder), repeatable=False)

    def health(self) -> Record:
        """Return whether the service can take events, its version, and how many wait to be stored."""
        return self._do("GET", "/healthz", Health)

    # --- many at once

    def batch(self, patience: float = 60.0, max_events: int = 10_000, max_bytes: int = 64 * 1024 * 1024) -> Batch:
        """Group what is logged inside `with client.batch():`, in this thread or task, and send it in the background.

        Ids are known at once; a wrong field raises at its line. When `max_events` or `max_bytes` wait, logging waits
        too. Leaving the block sends the rest.

        Raises:
            BatchFailed: when the block is left, with what could not be stored; an outage may last `patience` seconds.
        """
        return Batch(self._transport, patience, max_events, max_bytes)
