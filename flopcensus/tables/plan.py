"""A plan for people: the mix, what it comes to, what binds it, and what caution costs."""

from __future__ import annotations

from accounting.accounts.account import Quantiles
from accounting.planning.comparison import ClusterValue, Comparison
from accounting.planning.optimise.asked import label, unit
from accounting.planning.optimise.build import SOMETHING
from accounting.planning.optimise.plan import Bound, Mix, Plan
from accounting.planning.outlook import METRICS
from accounting.reference.export_control import NOT_LEGAL_ADVICE
from flopcensus.answering.plan import PlanAnswer
from flopcensus.documents.plan import mix_rows
from flopcensus.output import percent, print_table, say
from flopcensus.tables.compare import cell, figure, print_assumptions

# what people compare plans by; the rest stands in the JSON and in `compare`
_SHOWN = (
    *("bytes_per_s", "facility_full_load_w", "facility_power_w", "energy_j_per_year", "capital_usd"),
    *("cost_usd_per_year", "levelised_usd_per_1e21_flop", "carbon_kg_per_year", "run_flop"),
)
# one more of a limit, in the steps that people think in
_STEPS = {"W": (1e6, "MW"), "USD": (1e6, "M$"), "share": (0.01, "point of share"), "kg": (1e6, "1,000 t")}


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


def print_plan(found: PlanAnswer, *, assumptions: bool = False) -> None:
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


def _print_mix(found: PlanAnswer, mix: Mix) -> None:
    rows = [
        (
            row["name"],
            f"{row['count']:,}",
            "as stated" if row["stays"] else f"{row['count'] // row['unit']:,} × {row['unit']}",
            "–" if row["share"] is None else percent(row["share"]),
        )
        for row in mix_rows(found.plan, mix, found.facts)
    ]
    what = label(found.plan.asked.goal)
    print_table("", ("accelerator", "count", "in units", f"share of {what}"), rows)


def _print_figures(found: PlanAnswer, mix: Mix, value: ClusterValue) -> None:
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


def _print_regret(plan: Plan, found: PlanAnswer) -> None:
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
        f"{row['count']:,} × {row['name']}" for row in mix_rows(plan, regret.median_mix, found.facts)
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


def _print_frontier(plan: Plan, found: PlanAnswer) -> None:
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
            f"{row['count']:,} × {row['accelerator']}" for row in mix_rows(plan, point.mix, found.facts)
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


def _print_notes(found: PlanAnswer, value: ClusterValue) -> None:
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


def _as_comparison(found: PlanAnswer, value: ClusterValue) -> Comparison:
    bases = tuple(value.accounts)
    return Comparison((value,), (), (found.precision,), bases, found.plan.seed, found.plan.draws)
