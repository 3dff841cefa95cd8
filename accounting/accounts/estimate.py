"""The main question: how much, by whom, on which basis, at which date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from accounting.accounts.account import Accounts, account
from accounting.accounts.drivers import Drivers, drivers
from accounting.accounts.joint import Joint
from accounting.accounts.levels import Levels
from accounting.accounts.sized import SizedEntries, Sizing, on_chip_share, resize
from accounting.accounts.sized import warnings as sizing_warnings
from accounting.capacity.bases import BASES, MEMORY, MEMORY_BASES, Basis
from accounting.capacity.calibration import Calibration
from accounting.capacity.efficiency.occupancy import Occupancy
from accounting.capacity.h100e import constant, load_h100e
from accounting.capacity.sums import ONE_THREAD, Work
from accounting.capacity.used import UsedValuer, shipped_occupancy
from accounting.capacity.valuation import Valuer
from accounting.census.ledger import Entry, Ledger
from accounting.census.selection import Selection, select
from accounting.errors import UnknownNameError
from accounting.reference.accelerators import PRECISIONS
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError

if TYPE_CHECKING:
    from accounting.accounts.over_time.series import Series

DEFAULT_BASES: tuple[Basis, ...] = ("peak", "delivered")
# units that fix what stands for the precision
UNIT_PRECISION = {"bytes_per_s": MEMORY}
# a flow of what is delivered
FLOW = "flop_per_year"
DEFAULT_LEVELS: tuple[Levels, ...] = (("territory",), ("provider",), ("vendor",))


@dataclass(frozen=True)
class Request:
    """What to estimate.

    ``precision`` is one of ours, the name of a foreign file's column (``max``, ``h100e``), or ``memory``.
    ``unit`` is ``flops``, ``h100e``, ``bytes_per_s`` (with precision ``memory`` and no other) or
    ``flop_per_year``: what is used, a flow of what is delivered.
    ``countries`` keeps those territories only (ISO alpha-2); empty keeps all. ``sized`` says whether
    deployments known by power, cost or a bare number of chips are valued (``keep``) or left out. ``joint``
    says whose a joint venture is counted as; ``drivers`` asks what drives the spread of each total.
    """

    selection: Selection
    bases: tuple[Basis, ...] = DEFAULT_BASES
    precision: str = "bf16"
    unit: str = "flops"
    levels: tuple[Levels, ...] = DEFAULT_LEVELS
    countries: frozenset[str] = frozenset()
    seed: int = 0
    draws: int = 10_000
    recipe: str | None = None
    sized: Sizing = "keep"
    drivers: bool = False
    joint: Joint = "owner"


@dataclass(frozen=True)
class Estimate:
    """The answer on one basis, with all it takes to reproduce it."""

    request: Request
    basis: Basis
    census: str
    rows: int
    accounts: Accounts
    warnings: tuple[str, ...] = field(default=())
    series: Series | None = None
    sized: SizedEntries | None = None
    drivers: Drivers | None = None


def estimate(
    ledger: Ledger,
    request: Request,
    facts: Facts,
    calibration: Calibration,
    project: Callable[[Valuer], Valuer] | None = None,
    work: Work = ONE_THREAD,
) -> tuple[Estimate, ...]:
    """Value a ledger and group it, on every basis asked for.

    Args:
        ledger: the census.
        request: what to estimate.
        facts: the reference facts.
        calibration: the efficiencies.
        project: turns the valuer of the request into one of a later date (:class:`.ProjectedValuer`).
        work: threads, memory and whom to tell of progress; the result depends on none of them.

    Raises:
        InputError: a precision, column or unit that the census cannot be stated in.
    """
    check_request(ledger, request)
    if project is not None and request.unit == FLOW:
        raise InputError(f"what is used is not projected (found unit {request.unit}); use --unit flops")
    entries, skipped, sized = chosen_entries(ledger, request, facts)
    notes = _notes(entries, sized, request, facts)
    valuer = valuer_of(ledger, request, facts, calibration)
    valuer = valuer if project is None else project(valuer)
    results = account(
        entries,
        valuer,
        request.levels,
        as_of=request.selection.as_of,
        h100e_flop_per_s=h100e_constants(request),
        skipped=skipped,
        work=work,
        joint=request.joint,
    )
    return tuple(
        Estimate(
            request,
            basis,
            ledger.name,
            ledger.rows,
            result,
            (*_warnings(ledger, result, project is not None), *notes),
            sized=sized,
            drivers=_drivers(entries, valuer, basis, request) if request.drivers else None,
        )
        for basis, result in results.items()
    )


def _drivers(entries: Sequence[Entry], valuer: Valuer, basis: Basis, request: Request) -> Drivers:
    unit = (h100e_constants(request) or {}).get(basis, 1.0)
    return drivers(entries, replace(valuer, bases=(basis,)), valuer.facts, unit=unit)


def with_drivers(
    found: Estimate, ledger: Ledger, facts: Facts, calibration: Calibration, draws: int | None = None
) -> Estimate:
    """Return an estimate, of what is in service at its date, with what drives its spread.

    ``draws`` are those of its own where left out.
    """
    entries, _, _ = chosen_entries(ledger, found.request, facts)
    valuer = valuer_of(ledger, found.request, facts, calibration)
    valuer = valuer if draws is None else replace(valuer, size=draws)
    return replace(found, drivers=_drivers(entries, valuer, found.basis, found.request))


def valuer_of(ledger: Ledger, request: Request, facts: Facts, calibration: Calibration) -> Valuer:
    """Return what values a ledger as requested."""
    asked = (
        facts, calibration, request.precision, request.bases, request.seed, request.draws, ledger.valued_by
    )  # fmt: skip
    if request.unit == FLOW:
        return UsedValuer(*asked, fleets=shipped_occupancy(facts))
    return Valuer(*asked)


def chosen_entries(
    ledger: Ledger, request: Request, facts: Facts
) -> tuple[list[Entry], dict[str, int], SizedEntries | None]:
    """Return the entries to value, how many were left out for each reason, and what was sized of them."""
    chosen = select(ledger, request.selection)
    entries, skipped = list(chosen.entries), dict(chosen.skipped)
    if request.countries:
        inside = [e for e in entries if e.territory in request.countries]
        skipped["in another territory"] = len(entries) - len(inside)
        entries = inside
    # a file's own figures need no count
    if request.sized == "drop" or ledger.valued_by != "chips":
        return entries, skipped, None
    resized = resize(entries, facts, request.precision)
    return list(resized.entries), {**skipped, **resized.skipped}, resized.summary


def h100e_constants(request: Request) -> dict[Basis, float] | None:
    """Return the constants by basis that a request in H100e divides by, else None."""
    if request.unit != "h100e" or request.precision == "h100e":
        return None
    table = load_h100e(configs_root() / "h100e.yaml")
    return {basis: constant(table, basis, request.precision) for basis in request.bases}


def check_request(ledger: Ledger, request: Request) -> None:
    """Raise InputError for a precision, column, unit or basis that the census cannot be stated in."""
    if MEMORY in (request.precision, UNIT_PRECISION.get(request.unit)):
        _refuse_of_memory(ledger, request)
        return
    known = ledger.columns if ledger.valued_by == "file" else PRECISIONS
    if request.precision not in known:
        what = "column" if request.precision not in PRECISIONS else "precision"
        raise UnknownNameError(
            f"{what} for {ledger.name} (it has {', '.join(known)})", request.precision, known
        )
    if request.precision not in PRECISIONS and tuple(request.bases) != ("peak",):
        raise InputError(
            f"the column '{request.precision}' states peaks of mixed precision (found basis "
            f"{', '.join(request.bases)}); use --basis peak"
        )
    if not set(request.bases) <= set(BASES):
        raise InputError(f"unknown basis in {', '.join(request.bases)}")


def _refuse_of_memory(ledger: Ledger, request: Request) -> None:
    if request.unit != "bytes_per_s" or request.precision != MEMORY:
        raise InputError(
            "memory bandwidth is stated in bytes per second and has no precision "
            f"(found unit {request.unit}, precision {request.precision}); "
            f"ask for unit bytes_per_s with precision {MEMORY}"
        )
    if ledger.valued_by == "file":
        raise InputError(
            f"{ledger.name} is valued by its own columns, and none states memory bandwidth "
            f"(it has {', '.join(ledger.columns)})"
        )
    beyond = [basis for basis in request.bases if basis not in MEMORY_BASES]
    if beyond:
        raise InputError(
            f"memory bandwidth has no basis {', '.join(beyond)}: nothing is published of what it sustains "
            "at scale, and training steps and availability say nothing of it; use --basis peak or achievable"
        )


def _notes(
    entries: Sequence[Entry], sized: SizedEntries | None, request: Request, facts: Facts
) -> tuple[str, ...]:
    """Return what a reader must know of the entries on every basis."""
    notes = list(sizing_warnings(sized)) if sized is not None else []
    notes += _note_on_chip_memory(entries, request, facts)
    if request.unit == FLOW:
        notes += _note_fleets(shipped_occupancy(facts))
    return tuple(notes)


def _note_on_chip_memory(entries: Sequence[Entry], request: Request, facts: Facts) -> list[str]:
    share = on_chip_share(entries, facts) if request.precision == MEMORY else 0.0
    if share < 0.01:
        return []
    return [
        f"{share:.1%} of the peak bandwidth is of accelerators whose memory is on the chip (SRAM): fast and "
        "small, so that they hold a model only together, and no stream on them was measured"
    ]


def _note_fleets(fleets: Sequence[Occupancy]) -> list[str]:
    where = "; ".join(f"{fleet.where} ({fleet.occupancy.best:.0%})" for fleet in fleets)
    return [
        f"occupancy is that of {len(fleets)} fleet{'s' * (len(fleets) > 1)}: {where}; others may be far off"
    ]


def _what_is_assumed(result: Accounts, projected: bool) -> str:
    if projected:
        return "what is still, or by then, in service"
    counts = "counts that are estimates, often from power"
    if result.denomination.basis == "peak":
        return counts
    return f"efficiencies of accelerators without a published measurement of their own, or {counts}"


def _warnings(ledger: Ledger, result: Accounts, projected: bool) -> tuple[str, ...]:
    warnings = list(ledger.warnings)
    if not result.deployments:
        warnings.append("no deployment is left after the selection: see 'skipped' for the reasons")
    assumed = result.provenance.get("assumed", 0.0)
    if assumed >= 0.2:
        basis, what = result.denomination.basis, _what_is_assumed(result, projected)
        warnings.append(f"{assumed:.0%} of the {basis} total rests on what is assumed: {what}")
    return tuple(warnings)
