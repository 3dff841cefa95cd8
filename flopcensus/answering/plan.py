"""The best mix within limits, from the options of ``flopcensus plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    from flopcensus.documents.plan import Planned


def run_plan(config: str, options: dict[str, Any], meter: MeterOf = Meter) -> Planned:
    """Answer the question of the options. Raises InputError and its kin."""
    import datetime

    from accounting.capacity.calibration import load_calibration
    from accounting.planning.clusters import load_cluster
    from accounting.planning.export_rules import load_rules
    from accounting.planning.optimise.buying import load_buying, unit_of
    from accounting.planning.optimise.candidates import importable, last_day
    from accounting.planning.optimise.plan import plan
    from accounting.planning.outlook import planner
    from accounting.planning.parameters import with_counts
    from accounting.reference.facts import load_facts
    from flopcensus.answering.dates import read_day
    from flopcensus.answering.plan_question import asked, frontier_of, of_options, units_stated
    from flopcensus.documents.plan import Planned

    facts = load_facts(overlays=options["overlays"])
    _check_precision(options["precision"])
    by = planner(
        facts,
        load_calibration(facts, options["calibrations"]),
        precisions=(options["precision"],),
        size=options["draws"],
        seed=options["seed"],
    )
    stated = load_cluster(config, facts)
    question = asked(options, stated, facts)
    cluster = with_counts(stated, facts, by.planning)
    rules, buying = load_rules(), load_buying(facts)
    today = datetime.datetime.now().date()
    day = read_day(options["on"], "--on") if options["on"] else last_day(cluster) or today
    found = of_options(options, cluster, facts, buying, day)
    if options["importable"]:
        found = importable(found, facts, rules, day)
    units = [unit_of(d, units_stated(options["units"], facts), buying, facts) for d in found.candidates]
    frontier = frontier_of(options["frontier"], facts)
    sizes = [unit.accelerators for unit in units]
    answer = plan(found, question, by, sizes, rules, frontier, meter("points of the frontier"))
    return Planned(answer, tuple(unit.given for unit in units), facts, options["precision"], day)


def _check_precision(name: str) -> None:
    from accounting.errors import UnknownNameError
    from accounting.reference.accelerators import PRECISIONS

    if name not in PRECISIONS:
        raise UnknownNameError("precision", name, PRECISIONS)
