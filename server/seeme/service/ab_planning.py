"""How many units and days an A/B test needs, before there is one."""

from seeme.domain.experiments import METRICS, Metric
from seeme.domain.planning import Design, days_needed, detectable_effect, units_needed
from seeme.errors import invalid
from seeme.records.ab_results import Plan, PlannedMetric
from seeme.records.queries import PlanQuery

# How the domain's messages begin, by the name of the parameter that is meant.
_NAMES = {"share": "traffic_split"}


def plan(query: PlanQuery) -> Plan:
    """Return units and days for a wanted effect, or the effect that a duration can show.

    Raises:
        Invalid: naming what is missing or doesn't fit.
    """
    if (query.effect is None) == (query.duration_days is None):
        raise invalid("$.effect", "name either the `effect` to find, or `duration_days` and `units_per_day`")
    if query.duration_days is not None and query.units_per_day is None:
        raise invalid("$.units_per_day", "is needed to say what a duration can show")
    return Plan(
        metric=query.metric,
        traffic_split=query.traffic_split,
        alpha=query.alpha,
        comparisons=query.comparisons,
        power=query.power,
        effect=query.effect,
        units_per_day=query.units_per_day,
        duration_days=query.duration_days,
        always_valid=_planned(query, always_valid=True),
        fixed_horizon=_planned(query, always_valid=False),
    )


def _planned(query: PlanQuery, *, always_valid: bool) -> PlannedMetric:
    metric = METRICS[query.metric]
    design = Design(query.traffic_split, query.alpha, query.comparisons, query.power, always_valid)
    try:
        return _needed(query, metric, design) if query.effect is not None else _shown(query, metric, design)
    except ArithmeticError:
        path = "$.sd" if query.sd is not None else "$.value"
        raise invalid(path, "is too extreme to plan with; of latency `sd` is that of its logarithm, as 0.5") from None
    except ValueError as error:
        message = str(error)
        name = message.split()[0]
        raise invalid(f"$.{_NAMES.get(name, name)}", message.removeprefix(name).strip()) from None


def _needed(query: PlanQuery, metric: Metric, design: Design) -> PlannedMetric:
    needed = units_needed(metric, query.effect or 0.0, value=query.value, sd=query.sd, design=design)
    days = None if query.units_per_day is None else days_needed(needed.units, query.units_per_day)
    reason = "name `units_per_day` for the days" if days is None else None
    return PlannedMetric(
        always_valid=design.always_valid, units=needed.units, days=days, detectable_effect=None, reason=reason
    )


def _shown(query: PlanQuery, metric: Metric, design: Design) -> PlannedMetric:
    units = (query.units_per_day or 0.0) * (query.duration_days or 0.0)
    effect = detectable_effect(metric, units, value=query.value, sd=query.sd, design=design)
    reason = None if effect is not None else "so few units show no effect at all"
    return PlannedMetric(
        always_valid=design.always_valid, units=round(units), days=None, detectable_effect=effect, reason=reason
    )
