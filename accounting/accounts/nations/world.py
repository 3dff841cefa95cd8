"""The page of the world: how unequal, how concentrated, and who holds what of whom, in whole matrices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounting.accounts.account import Quantiles
from accounting.accounts.crossing import KIND, crossings
from accounting.accounts.crosstabs import Crosstab, fold, whole
from accounting.accounts.nations.concentration import Concentration, concentration
from accounting.accounts.nations.facility_lines import FacilityLine, kinds_of, lines_of
from accounting.accounts.nations.inequality import Inequality, inequality, weights
from accounting.accounts.nations.national import Bilateral, bilateral, imbalance, world_accounts
from accounting.accounts.nations.request import BriefRequest, valuer_and_unit
from accounting.accounts.sized import resize
from accounting.accounts.sized import warnings as sizing_warnings
from accounting.capacity.calibration import Calibration
from accounting.census.ledger import Ledger
from accounting.census.selection import select
from accounting.reference.country_figures import load_country_figures
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from bench.errors import InputError

WORLD = "WORLD"
# what each is a matrix of: who hosts or uses, and whose it is
MATRICES: Mapping[str, tuple[str, str]] = {
    "host_by_controller": ("territory", "provider"),
    "host_by_vendor": ("territory", "vendor_nation"),
    "user_by_vendor": ("user_nation", "vendor_nation"),
}
# levels whose concentration is stated
HELD = ("territory", "provider", "owner", "vendor", "foundry", "memory", "packaging")
# of whom inequality is stated, and by what
SIDES: Mapping[str, int] = {"territory": 1, "provider": 2}
FIGURES = ("population", "gdp_usd")
LARGEST = 10
_SITE = ("facility",)


@dataclass(frozen=True)
class World:
    """Everything on the page; capacity is in the unit of the request.

    ``inequality`` is by side (``territory``: what stands there; ``provider``: what is controlled from there)
    and figure. ``largest`` are the largest sites, each with what it rests on. ``imbalance``
    is the largest |ΣF - ΣA| ÷ ΣD over draws, nought but for rounding.
    """

    request: BriefRequest
    census: str
    unit: str
    total: Quantiles
    kinds: Mapping[str, float]
    inequality: Mapping[tuple[str, str], Inequality]
    concentration: Mapping[str, Concentration]
    matrices: Mapping[str, Bilateral]
    imbalance: float
    largest: tuple[FacilityLine, ...]
    skipped: Mapping[str, int]
    warnings: tuple[str, ...]


def world(ledger: Ledger, request: BriefRequest, facts: Facts, calibration: Calibration) -> World:
    """Put together the page of the world.

    Raises:
        InputError: a basis or precision without H100e, or a census that holds nothing at the date.
    """
    chosen = select(ledger, request.selection)
    resized = resize(chosen.entries, facts, request.precision)
    valuer, unit = valuer_and_unit(ledger, request, facts, calibration)
    hosts = (KIND, *MATRICES["host_by_controller"])
    levels = dict.fromkeys([hosts, *MATRICES.values(), _SITE, *((level,) for level in HELD)])
    sums = crossings(resized.entries, valuer, list(levels), request.basis, unit, joint=request.joint)
    if not sums[hosts]:
        raise InputError(f"nothing is held at {request.selection.as_of}: see the dates of the census")
    controllers = fold(sums[hosts], 1, 2)
    every = whole(controllers)
    sites = {key[0]: draws for key, draws in sums[_SITE].items()}
    return World(
        request=request,
        census=ledger.name,
        unit="H100e" if request.unit == "h100e" else "FLOP/s",
        total=Quantiles.of(every),
        kinds=kinds_of(sums[hosts], lambda key: True),
        inequality=_inequality(sums[hosts], facts),
        concentration={level: concentration(sums[level,]) for level in HELD},
        matrices={name: bilateral(sums[pair]) for name, pair in MATRICES.items()},
        imbalance=imbalance(world_accounts(controllers).values()),
        largest=lines_of(sites, resized.entries, every)[:LARGEST],
        skipped={**chosen.skipped, **resized.skipped},
        warnings=(*ledger.warnings, *sizing_warnings(resized.summary)),
    )


def _inequality(sums: Crosstab, facts: Facts) -> dict[tuple[str, str], Inequality]:
    figures = load_country_figures(configs_root() / "country_figures.csv", facts.countries)
    return {
        (side, figure): inequality(fold(sums, place), weights(figures, figure))
        for side, place in SIDES.items()
        for figure in FIGURES
    }
