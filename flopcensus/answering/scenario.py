"""An access scenario from the options of ``flopcensus scenario``, played on a census."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    from accounting.accounts.estimate import Request
    from accounting.planning.scenarios.access import Access
    from accounting.planning.scenarios.access_files import AccessSpec


def run_scenario(options: dict[str, Any], meter: MeterOf = Meter) -> tuple[AccessSpec, Access]:
    """Read census and scenario, and play it. Raises InputError and its kin."""
    from accounting.accounts.levels import LEVELS
    from accounting.census.sources import load_census
    from accounting.planning.scenarios.access import play
    from accounting.planning.scenarios.access_files import load_access
    from accounting.planning.scenarios.parts import MOVED
    from accounting.reference.facts import load_facts
    from flopcensus.answering.reading import calibration_for, listed, require_known, today

    facts = load_facts(overlays=options["overlays"])
    spec, scenario = load_access(options["scenario"], facts, today())
    scenario = replace(scenario, moves=_with_shares(scenario.moves, options["shares"]))
    levels = tuple(level.replace("-", "_") for level in listed(options["levels"]))
    require_known("level", levels, sorted({*LEVELS, *MOVED}))
    request = _request(options, spec)
    calibration = calibration_for(request.bases, options["calibrations"], facts)
    ledger = load_census(options["census"], facts)
    shown = meter("deployments valued")
    return spec, play(ledger, request, scenario, facts, calibration, levels, shown)


def _with_shares(moves: Any, texts: tuple[str, ...]) -> Any:
    from flopcensus.answering.reading import read_range, require_known

    given = {}
    known = [move.id for move, _ in moves]
    for text in texts:
        name, _, value = text.partition("=")
        require_known("move (write MOVE=SHARE)", (name,), known)
        given[name] = read_range(value, "fraction", f"--share {name}")
    return tuple((move, given.get(move.id, share)) for move, share in moves)


def _request(options: dict[str, Any], spec: AccessSpec) -> Request:
    from accounting.accounts.estimate import Request
    from accounting.census.selection import Selection
    from flopcensus.answering.reading import read_day, read_statuses, require_basis, require_precision

    require_basis(options["basis"])
    require_precision(options["precision"])
    statuses = read_statuses(options["status"] or spec.status)
    day = spec.as_of if spec.as_of and not options["as_of"] else read_day(options["as_of"], "--as-of")
    return Request(
        Selection(day, statuses),
        (options["basis"],),
        options["precision"],
        options["unit"],
        seed=options["seed"],
        draws=options["draws"],
    )
