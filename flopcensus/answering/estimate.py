"""From the options of an estimate to estimates, a series, and what is sold and not located."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.answering.request import request_of, years_of
from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    from accounting.accounts.estimate import Estimate, Request
    from accounting.accounts.release.origins import Origins
    from accounting.accounts.sales.result import Unlocated
    from accounting.capacity.calibration import Calibration
    from accounting.census.ledger import Ledger
    from accounting.reference.facts import Facts

# what --sold takes besides files: no sales at all, or the shipped totals in full
SOLD_WORDS = ("none", "shipped")


@dataclass(frozen=True)
class EstimateAnswer:
    """Estimates with what they were made from; ``sales`` where chips sold were held against the census."""

    estimates: tuple[Estimate, ...]
    sales: Unlocated | None
    ledger: Ledger
    request: Request
    facts: Facts
    calibration: Calibration
    sales_in_full: bool = False

    @cached_property
    def origins(self) -> Origins:
        """What stands behind each row; worked out when first asked for."""
        from accounting.accounts.release.origins import trace

        return trace(self.ledger, self.request, self.facts, self.calibration)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures should know, each once."""
        said = [w for one in self.estimates for w in one.warnings]
        return tuple(dict.fromkeys([*said, *(self.sales.warnings if self.sales else ())]))

    def document(self) -> dict[str, Any]:
        """Return what ``--format json`` prints."""
        from flopcensus.documents.estimate import estimate_document

        found = estimate_document(self.estimates, self.origins)
        if self.sales is not None:
            from flopcensus.documents.unlocated import unlocated_entry

            found["unlocated"] = unlocated_entry(self.sales)
        return found


def run_estimate(
    options: dict[str, Any], meter: MeterOf = Meter, ledger: tuple[Ledger, Facts] | None = None
) -> EstimateAnswer:
    """Read the census, estimate it and hold it against sales; a ledger read already comes with its facts.

    Raises InputError and its kin.
    """
    from accounting.accounts.estimate import estimate
    from accounting.capacity.sums import Work
    from bench.errors import InputError
    from flopcensus.answering.reading import calibration_for

    if options["reconcile"] != "none" and not options["sold"]:
        raise InputError("--reconcile needs --sold")
    census, facts = ledger or read_census(options["census"], options["overlays"])
    request = request_of(options, facts)
    census = _with_unrecorded(census, options["unrecorded"], facts)
    calibration = calibration_for(request.bases, options["calibrations"], facts)
    work = Work(progress=meter("deployments valued"))
    if options.get("years") or options.get("project"):
        estimates = over_time(census, request, facts, calibration, options)
    else:
        estimates = tuple(_unprojected(e) for e in estimate(census, request, facts, calibration, work=work))
    sales = _unlocated(options, census, request, facts)
    return EstimateAnswer(estimates, sales, census, request, facts, calibration, bool(options["sold"]))


def read_census(sources: Sequence[str], overlays: Sequence[Path]) -> tuple[Ledger, Facts]:
    """Return a census and the facts it was read with. Raises InputError and its kin."""
    from accounting.census.sources import load_census
    from accounting.reference.facts import load_facts

    facts = load_facts(overlays=overlays)
    return load_census(sources, facts), facts


def _unprojected(found: Estimate) -> Estimate:
    from dataclasses import replace

    from flopcensus.answering.reading import today

    day = found.request.selection.as_of
    if day <= today():
        return found
    text = (
        f"{day} is yet to come: what operates today is counted as if none of it left service; see --project"
    )
    return replace(found, warnings=(*found.warnings, text))


def over_time(
    ledger: Ledger, request: Request, facts: Facts, calibration: Calibration, options: dict[str, Any]
) -> tuple[Estimate, ...]:
    """Estimate at the date asked for, projected where it lies ahead, with the series of the years.

    Raises InputError where what is used is asked for: it is stated for one day's stock alone.
    """
    from dataclasses import replace

    from accounting.accounts.estimate import estimate
    from accounting.accounts.over_time.series import (
        dates_of,
        projection_of,
        series,
        warnings_of,
    )
    from accounting.accounts.over_time.totals import projected_selection
    from accounting.capacity.stock.projection import ProjectedValuer
    from accounting.capacity.stock.rates import load_stock_rates
    from bench.errors import InputError
    from flopcensus.answering.reading import today

    if request.unit == "flop_per_year":
        raise InputError(
            "what is used is a flow of what stands on one day: leave --years and --project out, or use "
            "--unit flops"
        )
    day = request.selection.as_of
    dates = dates_of(*years_of(options["years"]), day) if options["years"] else (day,)
    projection = projection_of(ledger, request, load_stock_rates(), today())
    levels = request.levels if options["levels"] else ()
    found = series(ledger, request, dates, facts, calibration, projection, levels)
    if day > projection.snapshot:
        ahead = replace(request, selection=projected_selection(request.selection, day))
        estimates = estimate(
            ledger, ahead, facts, calibration, lambda valuer: ProjectedValuer.on(day, valuer, projection)
        )
    else:
        estimates = estimate(ledger, request, facts, calibration)
    return tuple(
        replace(
            e, series=found[e.basis], warnings=(*e.warnings, *warnings_of(found[e.basis], projection.rates))
        )
        for e in estimates
    )


def _with_unrecorded(ledger: Ledger, ids: tuple[str, ...], facts: Facts) -> Ledger:
    from accounting.census.unrecorded import load_unrecorded, with_unrecorded
    from accounting.errors import UnknownNameError
    from accounting.reference.shipped import configs_root

    if not ids:
        return ledger
    known = {one.id: one for one in load_unrecorded(configs_root() / "unrecorded", facts)}
    for name in ids:
        if name not in known:
            raise UnknownNameError("estimate of unrecorded accelerators", name, known)
    return with_unrecorded(ledger, [known[name] for name in dict.fromkeys(ids)], facts)


def _unlocated(options: dict[str, Any], ledger: Ledger, request: Request, facts: Facts) -> Unlocated | None:
    from accounting.accounts.sales.sold import shipped_totals
    from accounting.accounts.sales.unlocated import unlocated
    from accounting.accounts.sized import stated
    from accounting.census.readers.epoch_chips import control_totals

    given = [path for path in options["sold"] if str(path) not in SOLD_WORDS]
    words = {str(path) for path in options["sold"]} - set(map(str, given))
    if not options["sold"] and not _of_the_world(options, ledger):
        return None
    if "none" in words:
        return None
    totals = control_totals(given, facts) if given else shipped_totals(facts)
    if not options["sold"] and not totals.covered(request.selection.as_of):
        return None
    return unlocated(
        stated(ledger) if options["sized"] == "drop" else ledger,
        totals,
        request.selection,
        facts,
        seed=request.seed,
        draws=request.draws,
        reconcile=options["reconcile"],
    )


def _of_the_world(options: dict[str, Any], ledger: Ledger) -> bool:
    """Whether chip sales of the world measure a census: the shipped one, or a list of the world."""
    if ledger.valued_by == "file" or options.get("years") or options.get("project"):
        return False
    return not options["census"] or "shipped" in options["census"] or ledger.readout is not None
