"""The brief of one country, a group or the world, from the options of ``flopcensus brief``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounting.accounts.nations.brief import Brief
    from accounting.accounts.nations.request import BriefRequest
    from accounting.accounts.nations.world import World
    from accounting.reference.facts import Facts


def run_brief(options: dict[str, Any]) -> tuple[Brief | World, Facts]:
    """Return the brief, with the facts that name what is in it: a World where WORLD is asked for.

    Raises InputError and its kin.
    """
    from accounting.accounts.nations.brief import brief
    from accounting.accounts.nations.world import WORLD, world
    from accounting.census.sources import load_census
    from accounting.reference.facts import load_facts
    from flopcensus.answering.reading import calibration_for

    facts = load_facts(overlays=options["overlays"])
    request = _request(options, facts)
    calibration = calibration_for((request.basis,), options["calibrations"], facts)
    ledger = load_census(options["census"], facts)
    if request.code == WORLD:
        return world(ledger, request, facts, calibration), facts
    return brief(ledger, request, facts, calibration), facts


def _request(options: dict[str, Any], facts: Facts) -> BriefRequest:
    from accounting.accounts.nations.request import BriefRequest
    from accounting.accounts.nations.world import WORLD
    from accounting.census.selection import Selection
    from bench.errors import InputError
    from flopcensus.answering.reading import read_day, read_value, require_precision

    day, demand = read_day(options["as_of"], "--as-of"), options["demand"]
    require_precision(options["precision"])
    members = facts.groups_on(day).get(options["country"], ())
    table = facts.names.countries
    named = members or table is None or options["country"] == WORLD
    code = options["country"] if named or table is None else table.resolve(options["country"])
    if code == WORLD and demand is not None:
        raise InputError("--demand: a share of world demand is one country's or group's, not the WORLD's")
    return BriefRequest(
        code=code,
        selection=Selection(day),
        members=members,
        basis=options["basis"],
        precision=options["precision"],
        unit=options["unit"],
        demand=None if demand is None else read_value(demand, "fraction", "--demand"),
        seed=options["seed"],
        draws=options["draws"],
        joint=options["joint"],
    )
