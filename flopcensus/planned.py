"""A plan as JSON, as CSV and for people."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from accounting.accounts.account import Quantiles
from accounting.planning.comparison import ClusterValue, Comparison
from accounting.planning.known import Given
from accounting.planning.optimise.asked import label, unit
from accounting.planning.optimise.build import SOMETHING
from accounting.planning.optimise.plan import Bound, Mix, Plan
from accounting.planning.outlook import METRICS
from accounting.reference.export_control import NOT_LEGAL_ADVICE
from accounting.reference.facts import Facts
from flopcensus import __version__
from flopcensus.compared import assumption_entry, cluster_entry
from flopcensus.compared_words import cell, figure, print_assumptions
from flopcensus.output import percent, print_table, say, to_csv
from flopcensus.plain import quantiles

SCHEMA = "flopcensus/plan/1"
_COLUMNS = ("deployment", "accelerator", "count", "unit", "stays", "share")
# what people compare plans by; the rest stands in the JSON and in `compare`
_SHOWN = (
    *("bytes_per_s", "facility_full_load_w", "facility_power_w", "energy_j_per_year", "capital_usd"),
    *("cost_usd_per_year", "levelised_usd_per_1e21_flop", "carbon_kg_per_year", "run_flop"),
)
# one more of a limit, in the steps that people think in
_STEPS = {"W": (1e6, "MW"), "USD": (1e6, "M$"), "share": (0.01, "point of share"), "kg": (1e6, "1,000 t")}


@dataclass(frozen=True)
class Planned:
    """A plan, the units of its candidates, and the day of its export rules."""

    plan: Plan
    units: tuple[Given, ...]
    facts: Facts
    precision: str
    day: datetime.date


def document(found: Planned) -> dict[str, Any]:
    """Return the plan as plain data."""
    plan = found.plan
    asked = plan.asked
    return {
        "schema": SCHEMA,
        "flopcensus_version": __version__,
        "cluster": plan.built.cluster.id,
        "goal": {
            "quantity": asked.goal,
            "maximise": asked.maximise,
            "unit": unit(asked.goal),
            "precision": found.precision,
            "percentile": plan.built.problem.goal.at,
        },
        "limits_kept_with": asked.sure,
        "feasible": plan.mix is not None,
        "clash": [_bound_entry(one) for one in plan.clash],
        "mix": _mix_entry(plan, plan.mix, found.facts) if plan.mix else None,
        "limits": [_bound_entry(one) for one in plan.bounds],
        "regret": _regret_entry(plan, found.facts),
        "frontier": [
            {"share": p.share, "mix": _mix_entry(plan, p.mix, found.facts) if p.mix else None}
            for p in plan.frontier
        ],
        "frontier_of": {"level": plan.frontier_of.level, "code": plan.frontier_of.code}
        if plan.frontier_of
        else None,
        "left_out": [{"id": name, "reason": why} for name, why in plan.built.left_out],
        "notes": [plan.built.note] if plan.built.note else [],
        "export_rules_on": found.day.isoformat(),
        "value": cluster_entry(plan.value) if plan.value else None,
        "assumptions": [assumption_entry(one) for one in found.units],
        "seed": plan.seed,
        "draws": plan.draws,
        "notice": NOT_LEGAL_ADVICE,
    }


def _bound_entry(one: Bound) -> dict[str, Any]:
    return {
        "limit": one.text,
        "sense": one.sense,
        "value": one.value,
        "unit": one.unit,
        "held": one.held,
        "binds": bool(one.gains),
        "goal_per_unit": one.gains,
    }


def _mix_entry(plan: Plan, mix: Mix, facts: Facts) -> dict[str, Any]:
    return {
        "deployments": _rows(plan, mix, facts),
        "goal": quantiles(mix.goal),
        "best_at_percentile": mix.value,
        "gap": mix.gap,
    }


def _rows(plan: Plan, mix: Mix, facts: Facts) -> list[dict[str, Any]]:
    rates = plan.built.problem.goal.rates.means
    whole = float(plan.built.problem.goal.rates.base.mean() + rates @ list(mix.counts))
    places = {d.id: i for i, d in enumerate(plan.built.candidates)}
    rows = []
    for one in mix.chosen:
        share = rates[places[one.deployment.id]] * one.count / whole if not one.stays and whole else None
        rows.append(
            {
                "deployment": one.deployment.id,
                "accelerator": one.deployment.accelerator,
                "name": facts.label(one.deployment.accelerator),
                "count": int(one.count),
                "unit": one.unit,
                "stays": one.stays,
                "share": None if share is None else float(share),
            }
        )
    return rows


def _regret_entry(plan: Plan, facts: Facts) -> dict[str, Any] | None:
    found = plan.regret
    if found is None:
        return None
    return {
        "median_mix": _mix_entry(plan, found.median_mix, facts),
        "median_given_up": found.given_up,
        "gained_at_percentile": found.gained,
        "probability_robust_better": found.probability,
    }


def csv(found: Planned) -> str:
    """Return the counts as CSV, nothing but the header where there is no plan."""
    plan = found.plan
    return to_csv(_COLUMNS, _rows(plan, plan.mix, found.facts) if plan.mix else [])


def verdict(plan: Plan) -> str:
    """Say in one line what clashes, or what was found.

    The limits named cannot be kept together; without any one of them the others can.
    """
    cluster = plan.built.cluster.id
    if plan.mix is None:
        words = [_limit_words(one) for one in plan.clash]
        both = "these limits clash" if len(words) > 1 else "this limit cannot be kept"
        return f"{cluster}: no mix keeps all limits; {both}: {'; '.join(words)}"
    goal = plan.asked.goal
    what = "most" if plan.asked.maximise else "least"
    return f"{cluster}: the mix with the {what} {label(goal)}"


def _limit_words(one: Bound) -> str:
    if one.name == SOMETHING:
        return "at least one unit is bought"
    return f"{one.text} {one.sense} {_written(one.value, one.unit)}"


def _written(value: float, its_unit: str) -> str:
    return percent(value) if its_unit == "share" else figure(value, its_unit)


def print_plan(found: Planned, *, assumptions: bool = False) -> None:
    """Print the mix, its figures, what binds it, the regret and the frontier."""
    plan = found.plan
    say(verdict(plan))
    if plan.built.note:
        say(plan.built.note)
    if plan.mix is None or plan.value is None:
        _print_left_out(plan)
        return
    _print_mix(found, plan.mix)
    _print_figures(found, plan.mix, plan.value)
    columns = ("limit", "allowed", "planned", "one more gives")
    print_table("limits", columns, [_limit_row(plan, one) for one in plan.bounds if one.name != SOMETHING])
    _print_regret(plan, found)
    _print_frontier(plan, found)
    _print_notes(found, plan.value)
    if assumptions:
        print_assumptions(_as_comparison(found, plan.value))


def _print_mix(found: Planned, mix: Mix) -> None:
    rows = [
        (
            row["name"],
            f"{row['count']:,}",
            "as stated" if row["stays"] else f"{row['count'] // row['unit']:,} × {row['unit']}",
            "–" if row["share"] is None else percent(row["share"]),
        )
        for row in _rows(found.plan, mix, found.facts)
    ]
    what = label(found.plan.asked.goal)
    print_table("", ("accelerator", "count", "in units", f"share of {what}"), rows)


def _print_figures(found: Planned, mix: Mix, value: ClusterValue) -> None:
    goal = found.plan.asked.goal
    title = f"{goal} {found.precision}" if goal not in METRICS else label(goal)
    rows = [(title, cell(mix.goal, unit(goal)))]
    if goal != "delivered":
        rows.append((f"delivered {found.precision}", cell(_delivered(value), "FLOP/s")))
    rows += [(METRICS[n][1], cell(value.quantiles(n), METRICS[n][0])) for n in _SHOWN if n != goal]
    for account in list(value.accounts.values())[-1].accounts:
        if account.key in {"vendor", "vendor_nation", "foundry_nation", "memory_nation"}:
            shares = ", ".join(f"{row.name} {percent(row.share)}" for row in account.rows)
            rows.append((account.key.replace("_", " "), shares))
    reached = [f"{one.rule.id}: {one.text}" for one in value.exports if one.in_force and one.reached]
    rows.append(("export rules in force", "; ".join(reached) or "destination not reached"))
    print_table("", ("", "median (5 to 95 %)"), rows)


def _delivered(value: ClusterValue) -> Quantiles | None:
    found = next((one for one in value.capacities if one.basis == "delivered"), None)
    return found.flop_per_s if found else None


def _limit_row(plan: Plan, one: Bound) -> tuple[str, ...]:
    held = "–" if one.held is None else _written(one.held, one.unit)
    return (f"{one.text}, {one.sense}", _written(one.value, one.unit), held, _gain(plan, one))


def _gain(plan: Plan, one: Bound) -> str:
    if one.gains is None:
        return "not known"
    if not one.gains:
        return "nothing: it does not bind"
    step, name = _STEPS.get(one.unit, (1.0, one.unit or "accelerator"))
    goal = unit(plan.asked.goal)
    if one.unit == "FLOP/s":
        step, name = 1e15, "PFLOP/s"
    change = one.gains * step
    sign = "+" if change > 0 else "−"
    return f"{sign}{figure(abs(change), goal)} for one more {name}"


def _print_regret(plan: Plan, found: Planned) -> None:
    regret = plan.regret
    if regret is None:
        return
    goal, at = unit(plan.asked.goal), plan.built.problem.goal.at
    rows = [
        ("this plan", figure(plan.mix.value, goal), cell(plan.mix.goal, goal)) if plan.mix else ("", "", ""),
        ("best median", figure(_at(plan, regret.median_mix), goal), cell(regret.median_mix.goal, goal)),
    ]
    print_table("robust beside the best median", ("", f"at {100 * at:g} %", "median (5 to 95 %)"), rows)
    counts = ", ".join(
        f"{row['count']:,} × {row['name']}" for row in _rows(plan, regret.median_mix, found.facts)
    )
    say(f"best median: {counts}")
    say(
        f"caution costs {figure(max(regret.given_up, 0.0), goal)} of the median and gains "
        f"{figure(max(regret.gained, 0.0), goal)} at {100 * at:g} %; chance that it turns out better: "
        f"{percent(regret.probability)}"
    )
    say("")


def _at(plan: Plan, mix: Mix) -> float:
    import numpy as np

    return plan.built.problem.goal.value(np.array(mix.counts))


def _print_frontier(plan: Plan, found: Planned) -> None:
    of = plan.frontier_of
    if of is None:
        return
    goal = unit(plan.asked.goal)
    rows = []
    for point in plan.frontier:
        if point.mix is None:
            rows.append((percent(point.share), "no mix keeps all limits", ""))
            continue
        counts = ", ".join(
            f"{row['count']:,} × {row['accelerator']}" for row in _rows(plan, point.mix, found.facts)
        )
        rows.append((percent(point.share), cell(point.mix.goal, goal), counts))
    whose = found.facts.label(of.code) if of.code else "any one"
    title = (
        f"frontier: {label(plan.asked.goal)} by the largest share of {whose} ({of.level.replace('_', ' ')})"
    )
    print_table(title, ("share", "median (5 to 95 %)", "mix"), rows)


def _print_left_out(plan: Plan) -> None:
    for name, why in plan.built.left_out:
        say(f"left out: {name}: {why}")


def _print_notes(found: Planned, value: ClusterValue) -> None:
    plan = found.plan
    if plan.mix and plan.mix.gap > 0:
        say(f"The bound of the last programme is {100 * plan.mix.gap:.2g} % better.")
    say(f"Each limit is kept with a probability of {percent(plan.asked.sure)} or more.")
    shown = "; ".join(f"{name}: {why}" for name, why in plan.built.left_out[:3])
    if more := len(plan.built.left_out) - 3:
        shown += f"; and {more} more (--format json)" if more > 0 else ""
    if plan.built.left_out:
        say(f"left out: {shown}")
    units = [f"{one.name} {one.value.best:g}" for one in found.units if one.default]
    defaults = [one.name for one in value.given if one.default]
    say(f"by default: {', '.join([*units[:6], *defaults])}")
    say("Defaults and their sources: --assumptions, or assumptions in --format json.")
    say(NOT_LEGAL_ADVICE)


def _as_comparison(found: Planned, value: ClusterValue) -> Comparison:
    bases = tuple(value.accounts)
    return Comparison((value,), (), (found.precision,), bases, found.plan.seed, found.plan.draws)
