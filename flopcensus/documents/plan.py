"""A plan as JSON and CSV."""

from __future__ import annotations

from typing import Any

from accounting.planning.optimise.asked import unit
from accounting.planning.optimise.plan import Bound, Mix, Plan
from accounting.reference.export_control import NOT_LEGAL_ADVICE
from accounting.reference.facts import Facts
from flopcensus import __version__
from flopcensus.answering.plan import PlanAnswer
from flopcensus.documents.compare import assumption_entry, cluster_entry
from flopcensus.documents.parts import quantiles
from flopcensus.output import to_csv

SCHEMA = "flopcensus/plan/1"
COLUMNS = ("deployment", "accelerator", "count", "unit", "stays", "share")


def document(found: PlanAnswer) -> dict[str, Any]:
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
        "deployments": mix_rows(plan, mix, facts),
        "goal": quantiles(mix.goal),
        "best_at_percentile": mix.value,
        "gap": mix.gap,
    }


def mix_rows(plan: Plan, mix: Mix, facts: Facts) -> list[dict[str, Any]]:
    """Return a row for each deployment of a mix: how many, in which units, and its share of the goal."""
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


def csv(found: PlanAnswer) -> str:
    """Return the counts as CSV, nothing but the header where there is no plan."""
    plan = found.plan
    return to_csv(COLUMNS, mix_rows(plan, plan.mix, found.facts) if plan.mix else [])
