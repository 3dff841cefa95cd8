"""The smaller parts of a study's results: inequality, sales, a walk from a published figure, plan, fleet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from accounting.accounts.account import Account
from accounting.accounts.bridge import Target, bridge, published
from accounting.accounts.nations.world import WORLD, world
from accounting.accounts.sales.sold import shipped_totals
from accounting.accounts.sales.unlocated import unlocated
from accounting.census.selection import Selection
from bench.errors import InputError
from flopcensus.documents.bridge import bridge_document
from flopcensus.documents.parts import quantiles
from flopcensus.documents.unlocated import unlocated_entry
from flopcensus.documents.world import world_document
from flopcensus.studies.countries import request_of
from flopcensus.studies.rounding import rounded

if TYPE_CHECKING:
    from accounting.planning.comparison import Comparison
    from flopcensus.report.fleet.heatmap import HeatMap
    from flopcensus.studies.study import Study

# with up to 30 figures each, as many as a chart can show
_MOST_NODES = 80
MOST_NATIONS = 20
PUBLISHED = "epoch-2025"
_OF_WORLD = (
    "as_of",
    "basis",
    "precision",
    "unit",
    "seed",
    "draws",
    "total",
    "provenance",
    "inequality",
    "concentration",
)
# how dependent a cluster is, by firm and by nation
_DEPENDENCE = ("vendor", "vendor_nation")


def world_entry(study: Study) -> dict[str, Any]:
    """Return inequality between nations, with its Lorenz curves, and concentration; capacity in FLOP/s."""
    found = world(study.ledger, request_of(study, WORLD), study.facts, study.calibration)
    whole = world_document(found, study.facts)
    return {name: rounded(whole[name]) for name in _OF_WORLD}


def sold_entry(study: Study) -> dict[str, Any]:
    """Return what was sold beside what the census locates, and what that leaves open of national shares.

    Raises:
        InputError: the census is not the shipped one, or its sales do not cover the date.
    """
    spec, totals = study.spec, shipped_totals(study.facts)
    if spec.census:
        raise InputError("the shipped sales are of the whole world, which a census of one's own need not be")
    if not totals.covered(spec.as_of):
        raise InputError(f"the shipped sales cover no complete period up to {spec.as_of}")
    draws = min(spec.view_draws, spec.draws)
    selection = Selection(as_of=spec.as_of)
    found = unlocated(study.ledger, totals, selection, study.facts, seed=spec.seed, draws=draws)
    whole = unlocated_entry(
        replace(found, territories=found.territories[:MOST_NATIONS], providers=found.providers[:MOST_NATIONS])
    )
    return dict(rounded(whole | {"seed": spec.seed, "draws": draws}))


def bridge_entry(study: Study) -> dict[str, Any] | None:
    """Return the walk from the published figure to ours in FLOP/s and H100e; None where none is asked for."""
    spec = study.spec
    if study.theirs is None:
        return None
    draws = min(spec.view_draws, spec.draws)
    target = Target(Selection(as_of=spec.as_of), spec.bases_in_order()[-1], ("territory",), spec.seed, draws)
    found = bridge(published(PUBLISHED), study.theirs, study.ledger, target, study.facts, study.calibration)
    documents = {"flops": bridge_document(found, "flops"), "h100e": bridge_document(found, "h100e")}
    return {
        unit: rounded(one | {"repairs": one["repairs"][:MOST_NATIONS]}) for unit, one in documents.items()
    }


def frontier_entry(study: Study, comparison: Comparison | None) -> dict[str, Any] | None:
    """Return capacity against dependence: the frontier of a plan, or the study's clusters as points.

    Raises:
        FlopcensusError: what plans the mix is not installed, or there is no such mix.
    """
    if study.plan is not None:
        return {"kind": "plan", "plan": rounded(_plan(study, study.plan))}
    if comparison is None:
        return None
    return {"kind": "clusters", "points": rounded(_points(comparison))}


def _plan(study: Study, source: str) -> dict[str, Any]:
    from flopcensus.answering.plan import run_plan
    from flopcensus.commands.plan import command
    from flopcensus.documents.plan import document

    spec = study.spec
    draws = min(spec.view_draws, spec.draws)
    given = ["--frontier", "vendor-nation", "--precision", spec.precision]
    given += ["--seed", str(spec.seed), "--draws", str(draws)]
    options = dict(command.make_context("plan", [source, *given]).params)
    whole = document(run_plan(options.pop("config"), options))
    return {name: value for name, value in whole.items() if name != "schema"}


def _points(comparison: Comparison) -> list[dict[str, Any]]:
    points = []
    for value in comparison.clusters:
        for basis, accounts in value.accounts.items():
            for account in accounts.accounts:
                if account.key in _DEPENDENCE and account.rows:
                    head = {"id": value.cluster.id, "name": value.cluster.name, "basis": basis}
                    points.append(head | {"capacity": quantiles(accounts.total)} | _largest(account))
    return points


def _largest(account: Account) -> dict[str, Any]:
    row = max(account.rows, key=lambda row: row.share)
    return {
        "level": account.key,
        "code": row.code,
        "name_of_code": row.name,
        "share": {"share": row.share, "p5": row.share_p5, "p95": row.share_p95},
    }


def fleet_entry(study: Study) -> dict[str, Any] | None:
    """Return the judgement of a folder of records; None where none is asked for."""
    if study.fleet is None:
        return None
    from bench.fleets.judging.judge import judge
    from flopcensus.answering.fleet import Fleet, read_fleet
    from flopcensus.documents.fleet import document, kinds_of
    from flopcensus.report.fleet.heatmap import heat_map

    gathered, reading = read_fleet(study.fleet)
    judgement = judge(gathered, reading.withdrawn)
    fleet = Fleet(gathered, reading, judgement)
    kinds = {fleet.name(node): kinds_of(found) for node, found in judgement.sick.items()}
    return dict(rounded(document(fleet) | {"heat": _heat(heat_map(fleet, kinds))}))


def _heat(found: HeatMap) -> dict[str, Any]:
    """Return the heat map as plain data: sick nodes first, as many rows as a chart can show."""
    ordered = sorted(found.rows, key=lambda row: not row.sick)
    return {
        "metrics": list(found.metrics),
        "rows": [
            {
                "name": row.name,
                "remark": row.remark,
                "sick": row.sick,
                "shares": [cell.share for cell in row.cells],
            }
            for row in ordered[:_MOST_NODES]
        ],
        "grouped": found.grouped,
        "rows_left_out": max(len(ordered) - _MOST_NODES, 0),
        "metrics_left_out": found.left_out,
    }
