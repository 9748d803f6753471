"""Numbers by period through the services, and sums that are checked and made again."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from seeme.clock import DAY, HOUR, MINUTE, WEEK, from_micros, to_micros
from seeme.domain import sums
from seeme.errors import Invalid, NotFound
from seeme.records.feedback import Rating
from seeme.records.models import ConfigPatch, ModelPatch, NewModel, NewVersion
from seeme.records.predictions import NewLabel, NewPrediction
from seeme.records.queries import MetricsQuery
from seeme.service import recount
from seeme.service.care import check
from seeme.service.services import Services

NOON = 1_763_640_000_000_000  # Thursday 2025-11-20T12:00Z, in 2025-W47


def prediction(id, before=0, **fields):
    """Return a prediction that was made so many microseconds before noon."""
    new = {"model_id": "digits", "id": id, "label": "1", "created_at": from_micros(NOON - before)}
    return NewPrediction(**{**new, **fields})


async def metrics(services, period, **query):
    """Return the metrics of the model `digits`."""
    return await services.reports.metrics("digits", MetricsQuery(period=period, **query))


async def rebuild(services, start=None, end=None):
    """Make sums again."""
    return await services.reports.rebuild("digits", start, end)


async def corrupt(services, grain=sums.DAILY, lane=sums.PREDICTIONS):
    """Write a wrong number into a sum row, past the service."""
    rows = await services.database.all(
        "sums_between", model_id="digits", grain=grain, start=-(2**62), stop=2**62, version_id=None
    )
    vector = sums.unpack(rows[0]["vector"])
    vector[lane] += 5
    values = {"model_id": "digits", "grain": grain, "start": rows[0]["start"], "version_id": "", "arm": ""}
    async with services.database.transaction() as tx:
        await tx.run("put_sums", **values, writer=services.intake.sums.writer, layout=1, vector=sums.pack(vector))
    services.intake.forget()


async def faults(settings):
    """Return what a check of the data folder finds."""
    return [fault async for _, found in check(settings) for fault in found]


async def test_weeks_go_back_twelve_and_name_themselves(services, model, someone):
    """Empty weeks are rows with nulls and reasons, the running one is partial, oldest first."""
    await services.ingest.predictions([prediction("p1", confidence=0.5), prediction("p2", 2 * WEEK)], someone)
    weeks = await metrics(services, "week")
    assert [one.period for one in weeks] == [f"2025-W{week}" for week in range(36, 48)]
    assert [one.predictions for one in weeks] == [0] * 9 + [1, 0, 1]
    assert [one.partial for one in weeks] == [False] * 11 + [True]
    assert weeks[0].error_rate is weeks[0].avg_confidence is weeks[0].p50_latency_ms is None
    assert set(weeks[0].reasons) >= {"error_rate", "avg_confidence", "p50_latency_ms", "satisfaction", "accuracy"}
    assert (weeks[-1].avg_confidence, weeks[-1].start) == (0.5, datetime(2025, 11, 17, tzinfo=UTC))


@pytest.mark.parametrize(("period", "count"), [("hour", 168), ("day", 7), ("week", 1)])
async def test_every_grain_counts_the_same_events(services, model, someone, period, count):
    """Hours, days and the week of one week back show the same predictions, each once."""
    news = [prediction(f"p{n}", n * 7 * HOUR) for n in range(13)]  # back to Monday's first hour
    await services.ingest.predictions(news, someone)
    found = await metrics(services, period, lookback_weeks=1)
    assert len(found) == count
    assert sum(one.predictions for one in found) == 13
    assert found[-1].partial
    assert not any(one.partial for one in found[:-1])


async def test_both_ends_of_a_time_are_included(services, model, someone):
    """From a day to a day: both are in it, with all their hours, and nothing beside."""
    midnight = NOON - 12 * HOUR
    edges = [midnight - DAY - 1, midnight - DAY, midnight - 1, midnight]
    news = [prediction(f"p{n}", created_at=from_micros(at)) for n, at in enumerate(edges)]
    await services.ingest.predictions(news, someone)
    days = await metrics(services, "day", start=midnight - DAY, end=midnight - 1)
    assert [(one.period, one.predictions) for one in days] == [("2025-11-19", 2)]
    days = await metrics(services, "day", start=midnight - DAY, end=midnight)
    assert [(one.period, one.predictions) for one in days] == [("2025-11-19", 2), ("2025-11-20", 1)]
    hours = await metrics(services, "hour", start=midnight - DAY, end=midnight - 1)
    assert (len(hours), sum(one.predictions for one in hours)) == (24, 2)


async def test_the_total_of_a_range_is_one_period(services, model, someone):
    """Quantiles of a range come from its own sums; counts are those of its parts."""
    news = [prediction(f"p{n}", n * DAY, latency_ms=float(10**n)) for n in range(4)]
    await services.ingest.predictions(news, someone)
    query = MetricsQuery(period="day", start=NOON - 3 * DAY, end=NOON)
    whole = await services.reports.total("digits", query)
    assert (whole.period, whole.predictions, whole.partial) == ("2025-11-17/2025-11-20", 4, True)
    assert whole.p50_latency_ms == pytest.approx(10.0, rel=0.02)


async def test_one_version_can_be_asked_for(services, model, someone):
    """A version's numbers are its own; without one all are together."""
    for id in ("v1", "v2"):
        await services.models.add_version("digits", NewVersion(name=id, id=id))
    news = [prediction("p1", version_id="v1"), prediction("p2", version_id="v2"), prediction("p3", version_id="v2")]
    await services.ingest.predictions([*news, prediction("p4")], someone)
    counts = {
        version: (await metrics(services, "day", version_id=version))[-1].predictions
        for version in ("v1", "v2", "v3", None)
    }
    assert counts == {"v1": 1, "v2": 2, "v3": 0, None: 4}


async def test_votes_and_labels_count_at_their_predictions_time(services, model, someone):
    """A vote of today on last week's prediction is a number of last week."""
    await services.ingest.predictions([prediction("p1", WEEK)], someone)
    await services.ingest.feedback([Rating(prediction_id="p1", rating=1)], someone)
    await services.ingest.labels([NewLabel(prediction_id="p1", label="1")], someone)
    weeks = await metrics(services, "week", lookback_weeks=2)
    assert [(one.thumbs_up, one.rated, one.labelled) for one in weeks] == [(1, 1, 1), (0, 0, 0)]


async def test_accuracy_is_shown_once_the_feed_is_declared_complete(services, model, someone):
    """The model's config decides, for the past too."""
    await services.ingest.predictions([prediction("p1")], someone)
    await services.ingest.labels([NewLabel(prediction_id="p1", label="1")], someone)
    today = (await metrics(services, "day"))[-1]
    assert (today.accuracy, today.naive_accuracy) == (None, 1.0)
    await services.models.patch("digits", ModelPatch(config=ConfigPatch(labels_complete=True)))
    assert (await metrics(services, "day"))[-1].accuracy == 1.0


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"start": NOON, "end": NOON - 1}, "$.start_date"),
        ({"start": NOON + DAY}, "$.start_date"),
        ({"start": NOON - 2500 * DAY, "end": NOON}, "$.period"),
        ({"end": to_micros(datetime(9999, 12, 31, tzinfo=UTC))}, "$.end_date"),
        ({"end": to_micros(datetime(1, 1, 2, tzinfo=UTC))}, "$.start_date"),
    ],
)
async def test_a_time_that_makes_no_sense_is_refused(services, model, query, path):
    """The wrong end before the start, too many periods, or years that can't be written are named."""
    with pytest.raises(Invalid) as refused:
        await metrics(services, "day", **query)
    assert refused.value.errors[0].path == path


@pytest.mark.parametrize("period", ["hour", "day", "week"])
async def test_the_first_and_last_times_can_be_asked_for(services, model, period):
    """Years 2 and 9998 work for every period."""
    for year in (2, 9998):
        end = to_micros(datetime(year, 12, 31, 23, tzinfo=UTC))
        assert await metrics(services, period, start=end - DAY, end=end)


async def test_an_unknown_model_has_no_numbers(services):
    """NotFound, for metrics and rebuild alike."""
    with pytest.raises(NotFound):
        await metrics(services, "day")
    with pytest.raises(NotFound):
        await rebuild(services)


@pytest.mark.parametrize("grain", [sums.HOURLY, sums.DAILY])
@pytest.mark.parametrize("lane", [sums.PREDICTIONS, sums.THUMBS_UP, sums.CONFIDENCE_SUM, sums.FIRST_LABEL])
async def test_a_wrong_sum_is_found_and_mended(services, settings, model, someone, grain, lane):
    """A number changed past the service is found by check, mended by rebuild, and then right in the metrics."""
    await services.ingest.predictions([prediction("p1", confidence=0.5)], someone)
    await services.ingest.feedback([Rating(prediction_id="p1", rating=1)], someone)
    before = await metrics(services, "hour", lookback_weeks=1), await metrics(services, "day")
    assert await faults(settings) == []
    await corrupt(services, grain, lane)
    (fault,) = await faults(settings)
    assert f"first lane {lane}" in fault
    mended = await rebuild(services)
    assert (mended.days, mended.changed, mended.refused) == (["2025-11-20"], ["2025-11-20"], {})
    assert await faults(settings) == []
    assert (await metrics(services, "hour", lookback_weeks=1), await metrics(services, "day")) == before
    await services.ingest.predictions([prediction("p2")], someone)
    assert await faults(settings) == []


async def test_lost_sums_are_found_and_made_again(services, settings, model, someone):
    """Days that have rows but no sums at all are days too, first and last ones included."""
    await services.ingest.predictions([prediction(f"p{n}", n * DAY) for n in range(3)], someone)
    async with services.database.transaction() as tx:
        await tx.run("delete_sums_of_model", model_id="digits")
    services.intake.forget()
    assert len(await faults(settings)) == 6
    assert (await rebuild(services)).changed == ["2025-11-18", "2025-11-19", "2025-11-20"]
    assert [one.predictions for one in (await metrics(services, "day"))[-4:]] == [0, 1, 1, 1]


async def test_sums_without_rows_are_taken_away(services, settings, model, someone):
    """A sum that no row stands for is wrong too."""
    await services.ingest.predictions([prediction("p1", 3 * DAY)], someone)
    async with services.database.transaction() as tx:
        await tx.run("delete_prediction", model_id="digits", id="p1")
    assert len(await faults(settings)) == 2
    assert (await rebuild(services)).changed == ["2025-11-17"]
    assert all(one.predictions == 0 for one in await metrics(services, "day"))


async def test_only_the_days_asked_for_are_made_again(services, model, someone):
    """Start and end are whole days, both included."""
    await services.ingest.predictions([prediction(f"p{n}", n * DAY) for n in range(5)], someone)
    assert (await rebuild(services, NOON - 2 * DAY, NOON - DAY)).days == ["2025-11-18", "2025-11-19"]
    assert (await rebuild(services, NOON + DAY)).days == []
    assert (await rebuild(services, None, NOON - 30 * DAY)).days == []


async def test_a_day_that_has_lost_rows_is_not_made_again(services, settings, model, someone, clock):
    """Its sums are all that is left of it: rebuild refuses the day with the reason, and check leaves it out."""
    await services.ingest.predictions([prediction("p1", 10 * DAY)], someone)
    clock.forward(29 * DAY)
    await services.ingest.predictions([prediction("p2", 10 * DAY), prediction("p3")], someone)
    clock.forward(2 * DAY)
    await services.removal.retain()
    rebuilt = await rebuild(services)
    assert list(rebuilt.refused) == ["2025-11-10"]
    assert "deleted by retention" in rebuilt.refused["2025-11-10"]
    assert rebuilt.changed == []
    weeks = await metrics(services, "week")
    assert sum(one.predictions for one in weeks) == 3
    assert await faults(settings) == []


async def test_five_minute_sums_are_kept_for_two_days(services, model, someone, clock):
    """Fine sums go after 48 hours, hours and days stay."""
    await services.ingest.predictions([prediction("p1", MINUTE)], someone)

    async def starts(grain):
        rows = await services.database.all(
            "sums_between", model_id="digits", grain=grain, start=0, stop=2**62, version_id=None
        )
        return len(rows)

    assert [await starts(grain) for grain in (1, 2, 3)] == [1, 1, 1]
    clock.forward(2 * DAY)
    await services.removal.retain()
    assert [await starts(grain) for grain in (1, 2, 3)] == [0, 1, 1]


async def test_sums_outlive_a_restart(settings, clock, someone):
    """A new process goes on where the last one ended."""
    for n in range(3):
        async with Services.open(settings, clock) as services:
            await services.models.create(NewModel(name="Digits", id="digits"))
            await services.ingest.predictions([prediction(f"p{n}")], someone)
    async with Services.open(settings, clock) as services:
        assert (await metrics(services, "day"))[-1].predictions == 3


async def test_a_regression_model_is_measured_by_its_errors(services, someone):
    """MAE, RMSE and bias through the services, taken back and replaced by a later truth."""
    await services.models.create(NewModel(name="Prices", id="digits", task="regression"))
    news = [prediction(f"p{n}", label=None, value=float(n)) for n in range(4)]
    await services.ingest.predictions(news, someone)
    truths = [NewLabel(id=f"l{n}", prediction_id=f"p{n}", value=0.0) for n in range(4)]
    await services.ingest.labels(truths, someone)
    today = (await metrics(services, "day"))[-1]
    assert (today.labelled, today.mae, today.rmse, today.bias) == (4, 1.5, pytest.approx((14 / 4) ** 0.5), 1.5)
    later = [replace(one, id=f"later-{one.id}", value=float(n)) for n, one in enumerate(truths)]
    await services.ingest.labels(later, someone)
    today = (await metrics(services, "day"))[-1]
    assert (today.labelled, today.mae, today.rmse, today.bias) == (4, 0.0, 0.0, 0.0)


async def test_days_without_rows_and_sums_are_not_looked_at(services, model, someone, settings):
    """One row of long ago costs a rebuild and a check one day, not all days since."""
    old = NewPrediction(model_id="digits", id="old", label="1", created_at=datetime(1970, 1, 2, tzinfo=UTC))
    taken = await services.ingest.predictions([prediction("p1", HOUR), prediction("p2", 3 * DAY), old], someone)
    assert [getattr(one, "status", one) for one in taken] == ["created"] * 3
    assert await recount.days(services.database, "digits") == [
        (to_micros(datetime(1970, 1, 2, tzinfo=UTC)), False),
        (NOON // DAY * DAY - 3 * DAY, False),
        (NOON // DAY * DAY, False),
    ]
    assert (await rebuild(services)).days == ["1970-01-02", "2025-11-17", "2025-11-20"]
    assert (await rebuild(services, NOON - DAY, NOON)).days == ["2025-11-20"]
    assert await faults(settings) == []


async def test_a_day_whose_sums_are_lost_is_found_by_its_rows(services, model, someone):
    """A day counts when it has either."""
    await services.ingest.predictions([prediction("p1"), prediction("p2", 3 * DAY)], someone)
    async with services.database.transaction() as tx:
        await tx.run("delete_sums_between", model_id="digits", start=0, stop=NOON)
    services.intake.forget()
    assert (await rebuild(services)).changed == ["2025-11-17", "2025-11-20"]
