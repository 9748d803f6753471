"""The main loop through the service floor: an event goes in, is answered after the commit, and can be asked for."""

import asyncio

from seeme.records.feedback import Correction, Rating
from seeme.records.predictions import NewLabel, NewPrediction
from seeme.records.queries import FeedbackQuery, MetricsQuery, PredictionQuery


async def day(services):
    """Return the metrics of the running day."""
    return (await services.reports.metrics("digits", MetricsQuery(period="day", lookback_weeks=1)))[-1]


async def test_a_prediction_is_stored_and_counted(services, model, someone):
    """One prediction gives one row and one count."""
    new = NewPrediction(model_id="digits", id="p1", label="1", confidence=0.75, latency_ms=12.0)
    (answer,) = await services.ingest.predictions([new], someone)
    assert answer.status == "created"
    page = await services.events.list_predictions(PredictionQuery(model_id="digits"))
    assert [(one.id, one.label, one.confidence) for one in page.items] == [("p1", "1", 0.75)]
    metrics = await day(services)
    assert (metrics.predictions, metrics.avg_confidence) == (1, 0.75)


async def test_feedback_and_labels_join_their_prediction_in_any_order(services, model, someone):
    """Votes and labels may come first; they count once their prediction is there."""
    (vote,) = await services.ingest.feedback([Rating(model_id="digits", prediction_id="p1", rating=1)], someone)
    (label,) = await services.ingest.labels([NewLabel(model_id="digits", prediction_id="p1", label="1")], someone)
    assert (vote.status, label.status) == ("orphan", "orphan")
    assert (await day(services)).thumbs_up == 0
    await services.ingest.predictions([NewPrediction(model_id="digits", id="p1", label="1")], someone)
    metrics = await day(services)
    assert (metrics.thumbs_up, metrics.rated, metrics.labelled, metrics.naive_accuracy) == (1, 1, 1, 1.0)
    page = await services.events.list_feedback(FeedbackQuery(model_id="digits"))
    assert page.items[0].status == "active"


async def test_a_correction_shows_what_was_predicted(services, model, someone):
    """Feedback comes back with the predicted label beside the correct one."""
    await services.ingest.predictions([NewPrediction(model_id="digits", id="p1", label="1")], someone)
    await services.ingest.feedback([Correction(prediction_id="p1", correct_label="7", notes="a seven")], someone)
    page = await services.events.list_feedback(FeedbackQuery(model_id="digits", feedback_type="correction"))
    assert (page.items[0].predicted_label, page.items[0].correct_label) == ("1", "7")


async def test_many_callers_share_few_commits(services, model, someone):
    """Callers that wait together are committed together."""
    commits = []
    services.commits.append(lambda seconds, events: commits.append(events))
    news = [NewPrediction(model_id="digits", id=f"p{n}", label="0") for n in range(200)]
    await asyncio.gather(*(services.ingest.predictions([new], someone) for new in news))
    assert sum(commits) == 200
    assert len(commits) < 20
