"""From the options of an estimate to estimates, a series, and what is sold and not located."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flopcensus.asked import request_of, years_of

if TYPE_CHECKING:
    from accounting.accounts.estimate import Estimate, Request
    from accounting.accounts.origins import Origins
    from accounting.accounts.sold import Unlocated
    from accounting.capacity.calibration import Calibration
    from accounting.census.ledger import Ledger
    from accounting.reference.facts import Facts

# what --sold takes besides files: no sales at all, or the shipped totals in full
SOLD_WORDS = ("none", "shipped")


@dataclass(frozen=True)
class Answer:
    """Estimates, what is sold and not located where that was asked for, and what stands behind each row."""

    estimates: tuple[Estimate, ...]
    sales: Unlocated | None
    origins: Origins | None
    sales_in_full: bool = False


def run_estimate(options: dict[str, Any], *, traced: bool = False) -> Answer:
    """Read the census, estimate it and hold it against sales; ``traced`` says what stands behind each row.

    Raises InputError and its kin.
    """
    from accounting.accounts.estimate import estimate
    from accounting.accounts.origins import trace
    from accounting.capacity.calibration import Calibration, load_calibration
    from accounting.capacity.sums import Work
    from accounting.census.sources import load_census
    from accounting.reference.facts import load_facts
    from flopcensus.output import Meter

    facts = load_facts(overlays=options["overlays"])
    request = request_of(options, facts)
    ledger = _with_unrecorded(load_census(options["census"], facts), options["unrecorded"], facts)
    # a peak needs no measurement
    needed = request.bases != ("peak",) or options["calibrations"]
    calibration = load_calibration(facts, options["calibrations"]) if needed else Calibration.of((), facts)
    work = Work(progress=Meter("deployments valued"))
    if options.get("years") or options.get("project"):
        estimates = over_time(ledger, request, facts, calibration, options)
    else:
        estimates = tuple(_unprojected(e) for e in estimate(ledger, request, facts, calibration, work=work))
    origins = trace(ledger, request, facts, calibration) if traced else None
    sales = _unlocated(options, ledger, request, facts)
    return Answer(estimates, sales, origins, bool(options["sold"]))


def _unprojected(found: Estimate) -> Estimate:
    import datetime
    from dataclasses import replace

    day = found.request.selection.as_of
    if day <= datetime.datetime.now().date():
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
    import datetime
    from dataclasses import replace

    from accounting.accounts.estimate import estimate
    from accounting.accounts.series import (
        dates_of,
        projected_selection,
        projection_of,
        series,
        warnings_of,
    )
    from accounting.capacity.stock.projection import ProjectedValuer
    from accounting.capacity.stock.rates import load_stock_rates
    from bench.errors import InputError

    if request.unit == "flop_per_year":
        raise InputError(
            "what is used is a flow of what stands on one day: leave --years and --project out, or use "
            "--unit flops"
        )
    day = request.selection.as_of
    dates = dates_of(*years_of(options["years"]), day) if options["years"] else (day,)
    projection = projection_of(ledger, request, load_stock_rates(), datetime.datetime.now().date())
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
    from accounting.accounts.sized import stated
    from accounting.accounts.sold import shipped_totals
    from accounting.accounts.unlocated import unlocated
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
