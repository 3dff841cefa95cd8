"""The best mix within limits, from the options of ``flopcensus plan``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    import datetime

    from accounting.planning.known import Given
    from accounting.planning.optimise.plan import Plan
    from accounting.reference.facts import Facts


@dataclass(frozen=True)
class PlanAnswer:
    """A plan, the units that its candidates are bought in, and the day of its export rules."""

    plan: Plan
    units: tuple[Given, ...]
    facts: Facts
    precision: str
    day: datetime.date


def run_plan(config: str, options: dict[str, Any], meter: MeterOf = Meter) -> PlanAnswer:
    """Answer the question of the options. Raises InputError and its kin."""
    from accounting.capacity.calibration import load_calibration
    from accounting.planning.clusters import load_cluster
    from accounting.planning.export_rules import load_rules
    from accounting.planning.optimise.buying import load_buying, unit_of
    from accounting.planning.optimise.candidates import importable, last_day
    from accounting.planning.optimise.plan import plan
    from accounting.planning.outlook import planner
    from accounting.planning.parameters import with_counts
    from accounting.reference.facts import load_facts
    from flopcensus.answering.plan_question import candidates_of, read_frontier, read_question, read_units
    from flopcensus.answering.reading import read_day, require_precision, today

    facts = load_facts(overlays=options["overlays"])
    require_precision(options["precision"])
    by = planner(
        facts,
        load_calibration(facts, options["calibrations"]),
        precisions=(options["precision"],),
        size=options["draws"],
        seed=options["seed"],
    )
    stated = load_cluster(config, facts)
    question = read_question(options, stated, facts)
    cluster = with_counts(stated, facts, by.planning)
    rules, buying = load_rules(), load_buying(facts)
    day = read_day(options["on"], "--on") if options["on"] else last_day(cluster) or today()
    found = candidates_of(options, cluster, facts, buying, day)
    if options["importable"]:
        found = importable(found, facts, rules, day)
    units = [unit_of(d, read_units(options["units"], facts), buying, facts) for d in found.candidates]
    frontier = read_frontier(options["frontier"], facts)
    sizes = [unit.accelerators for unit in units]
    answer = plan(found, question, by, sizes, rules, frontier, meter("points of the frontier"))
    return PlanAnswer(answer, tuple(unit.given for unit in units), facts, options["precision"], day)
