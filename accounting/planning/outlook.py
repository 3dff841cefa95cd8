"""One cluster worked out: draws of its capacity, power, energy, carbon, water and cost.

Everything is a draw (shape: draws), so that any two clusters compare draw by draw. Draws are keyed by what
is shared in truth (:mod:`accounting.planning.parameters`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from accounting.capacity.bases import BASES, Basis, Capacity, Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.valuation import Skipped, Valuer
from accounting.dimensions import YEAR_S
from accounting.planning import cost, footprint
from accounting.planning.clusters import Cluster, entries
from accounting.planning.facts import PlanningFacts, load_planning
from accounting.planning.footprint import kwh, yearly_energy_j
from accounting.planning.parameters import BatchParameters, Parameters, parameters, with_counts
from accounting.reference.export_control import performance
from accounting.reference.facts import Facts
from bench.errors import InputError

RUN_DAYS = 90
_DAY_S = 86_400.0
_W_PER_KW = 1000.0
_L_PER_M3 = 1000.0

# name: (unit, what it is); the order in which people read them
METRICS: Mapping[str, tuple[str, str]] = {
    "accelerators": ("", "accelerators"),
    "bytes_per_s": ("B/s", "memory bandwidth by data sheet"),
    "tpp": ("TPP", "total processing performance, all accelerators"),
    "it_full_load_w": ("W", "IT power at full load"),
    "facility_full_load_w": ("W", "facility power at full load"),
    "it_power_w": ("W", "IT power in training"),
    "facility_power_w": ("W", "facility power in training"),
    "energy_j_per_year": ("J", "energy a year"),
    "operational_carbon_kg_per_year": ("kg", "carbon of a year's electricity"),
    "embodied_carbon_kg": ("kg", "carbon of making it"),
    "carbon_kg_per_year": ("kg", "carbon a year, making it spread over its life"),
    "water_on_site_m3_per_year": ("m3", "water on site a year"),
    "water_m3_per_year": ("m3", "water a year, with the grid's"),
    "it_capital_usd": ("USD", "capital: accelerators, hosts, network"),
    "building_capital_usd": ("USD", "capital: building and power"),
    "capital_usd": ("USD", "capital"),
    "electricity_usd_per_year": ("USD", "electricity a year"),
    "cost_usd_per_year": ("USD", "cost a year"),
    "levelised_usd_per_1e21_flop": ("USD", "levelised cost of 10²¹ FLOP delivered"),
    "run_flop": ("FLOP", f"largest training run in {RUN_DAYS} days"),
}


@dataclass(frozen=True)
class Outlook:
    """Draws of one cluster.

    ``capacity`` holds FLOP/s by (precision, basis); ``missing`` says by the same key why one is not known.
    ``metrics`` holds draws by the names of ``METRICS``, in their units; what is not known is left out.
    """

    cluster: Cluster
    parameters: Parameters
    capacity: Mapping[tuple[str, Basis], Capacity]
    missing: Mapping[tuple[str, Basis], str]
    metrics: Mapping[str, Draws]


@dataclass(frozen=True)
class Planner:
    """What clusters are worked out with.

    ``precisions``: the first one is that of cost and training run, and must be known of every accelerator.
    ``bases`` are those asked for; ``delivered`` is always worked out in the first precision. ``h100e`` holds
    constants by (basis, precision); no H100e are given where it is empty.
    """

    facts: Facts
    calibration: Calibration
    planning: PlanningFacts
    precisions: tuple[str, ...] = ("bf16",)
    bases: tuple[Basis, ...] = BASES
    seed: int = 0
    size: int = 10_000
    h100e: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def valuer(self, precision: str, bases: tuple[Basis, ...]) -> Valuer:
        """Return what values entries in one precision on some bases."""
        return Valuer(self.facts, self.calibration, precision, bases, self.seed, self.size)


def planner(facts: Facts, calibration: Calibration, **others: Any) -> Planner:
    """Return a planner with the shipped defaults and measured powers; ``others`` are its further fields.

    Raises:
        InputFaults: every fault of the files.
    """
    return Planner(facts, calibration, load_planning(facts), **others)


def outlook(cluster: Cluster, by: Planner) -> Outlook:
    """Work out one cluster whose counts, or shares of a power cap, are stated.

    Raises:
        InputError: a count is to be solved for, or an accelerator has no value in the first precision.
    """
    facts, seed, draws = by.facts, by.seed, by.size
    sized = with_counts(cluster, facts, by.planning)
    known = parameters(sized, facts, by.planning)
    capacity: dict[tuple[str, Basis], Capacity] = {}
    missing: dict[tuple[str, Basis], str] = {}
    for place, precision in enumerate(by.precisions):
        asked = tuple(b for b in BASES if b in by.bases or (place == 0 and b == "delivered"))
        for basis in asked:
            found = _capacity(sized, by.valuer(precision, (basis,)), basis)
            if isinstance(found, str):
                missing[precision, basis] = found
            else:
                capacity[precision, basis] = found
    first: tuple[str, Basis] = (by.precisions[0], "delivered")
    if first not in capacity:
        raise InputError(f"cluster {cluster.id}: {missing[first]}")
    delivered = capacity[first].draws
    metrics = _metrics(known, facts, delivered, seed, draws)
    return Outlook(sized, known, capacity, missing, metrics)


def _capacity(cluster: Cluster, valuer: Valuer, basis: Basis) -> Capacity | str:
    total: Capacity | None = None
    for entry in entries(cluster, valuer.facts):
        valued = valuer.value(entry)
        if isinstance(valued, Skipped):
            return f"{entry.accelerator} cannot be valued: {valued.reason}"
        total = valued.capacity[basis] if total is None else total + valued.capacity[basis]
    return total if total is not None else "no deployments"


def _metrics(known: Parameters, facts: Facts, delivered: Draws, seed: int, size: int) -> dict[str, Draws]:
    site = {name: given.draws(seed, size) for name, given in known.site.items()}
    counts = [batch.count.draws(seed, size) for batch in known.batches]
    found = {"accelerators": _sum(counts, size)} | _hardware(known, facts, counts, size)
    found["run_flop"] = delivered * RUN_DAYS * _DAY_S
    full = [_full_load_w(batch, seed, size) for batch in known.batches]
    if any(one is None for one in full):
        return found
    found["it_full_load_w"] = _sum([n * w for n, w in zip(counts, full, strict=True) if w is not None], size)
    found["facility_full_load_w"] = found["it_full_load_w"] * site["facility_overhead"]
    training = [training_w(batch, seed, size) for batch in known.batches]
    found["it_power_w"] = _sum([n * w for n, w in zip(counts, training, strict=True)], size)
    found["facility_power_w"] = found["it_power_w"] * site["pue"]
    found |= _yearly(known, site, found, counts, seed, size)
    return found | _costs(known, site, found, counts, delivered, seed, size)


def _hardware(known: Parameters, facts: Facts, counts: Sequence[Draws], size: int) -> dict[str, Draws]:
    chips = [facts.accelerators[batch.deployment.accelerator] for batch in known.batches]
    found = {"tpp": _sum([n * performance(chip).tpp for n, chip in zip(counts, chips, strict=True)], size)}
    bandwidths = [chip.memory_bandwidth for chip in chips]
    if all(bandwidths):
        found["bytes_per_s"] = _sum([n * (b or 0.0) for n, b in zip(counts, bandwidths, strict=True)], size)
    return found


def _full_load_w(batch: BatchParameters, seed: int, size: int) -> Draws | None:
    """Return watts of IT an accelerator at full load: TDP × IT overhead; None where no TDP is known."""
    if batch.watts is None:
        return None
    return batch.watts.draws(seed, size) * batch.full_load.draws(seed, size)


def training_w(batch: BatchParameters, seed: int, size: int) -> Draws:
    """Return watts of IT an accelerator in training (:mod:`accounting.planning.power`).

    Raises:
        InputError: no watts of the accelerator are known.
    """
    product: Draws = np.ones(size)
    for given in batch.training:
        product = product * given.draws(seed, size)
        if given.unit == "of full load":
            product = product * batch.full_load.draws(seed, size)
    if batch.training[0].unit == "W":
        return product
    if batch.watts is None:
        raise InputError(f"no watts of {batch.deployment.accelerator} are known; give its 'power'")
    return product * batch.watts.draws(seed, size)


def _yearly(
    known: Parameters,
    site: Mapping[str, Draws],
    found: Mapping[str, Draws],
    counts: Sequence[Draws],
    seed: int,
    size: int,
) -> dict[str, Draws]:
    energy_j = np.asarray(yearly_energy_j(found["it_power_w"], site["load"], site["pue"]))
    used, it_kwh = np.asarray(kwh(energy_j)), np.asarray(kwh(energy_j / site["pue"]))
    operational = np.asarray(footprint.operational_carbon_kg_per_year(used, site["carbon_intensity"]))
    making = _sum(
        [n * b.embodied.draws(seed, size) for n, b in zip(counts, known.batches, strict=True)], size
    )
    building = (
        site["building_carbon"] * found["it_full_load_w"] / _W_PER_KW if "building_carbon" in site else 0.0
    )
    years, building_years = site["it_lifetime"] / YEAR_S, site["building_lifetime"] / YEAR_S
    on_site = np.asarray(footprint.water_on_site_l(it_kwh, site["water_on_site"]))
    grid = np.asarray(footprint.water_of_grid_l(used, site["water_of_grid"]))
    return {
        "energy_j_per_year": energy_j,
        "operational_carbon_kg_per_year": operational,
        "embodied_carbon_kg": making + building,
        "carbon_kg_per_year": np.asarray(
            footprint.yearly_carbon_kg(operational, making, years, building, building_years)
        ),
        "water_on_site_m3_per_year": on_site / _L_PER_M3,
        "water_m3_per_year": (on_site + grid) / _L_PER_M3,
    }


def _costs(
    known: Parameters,
    site: Mapping[str, Draws],
    found: Mapping[str, Draws],
    counts: Sequence[Draws],
    delivered: Draws,
    seed: int,
    size: int,
) -> dict[str, Draws]:
    prices = [batch.price for batch in known.batches]
    if any(price is None for price in prices):
        return {}
    each = [price.draws(seed, size) for price in prices if price is not None]
    it = cost.it_capital_usd(list(zip(counts, each, strict=True)), size)
    building = found["it_full_load_w"] * site["building_cost"]
    used = np.asarray(kwh(found["energy_j_per_year"]))
    yearly = cost.yearly_cost_usd(
        it,
        building,
        used,
        cost.Terms(
            it_years=site["it_lifetime"] / YEAR_S,
            building_years=site["building_lifetime"] / YEAR_S,
            rate=site["discount_rate"],
            operations=site["operations"],
            price_usd_per_kwh=site["electricity_price"],
        ),
    )
    return {
        "it_capital_usd": it,
        "building_capital_usd": building,
        "capital_usd": it + building,
        "electricity_usd_per_year": used * site["electricity_price"],
        "cost_usd_per_year": yearly,
        "levelised_usd_per_1e21_flop": np.asarray(cost.levelised_usd_per_1e21_flop(yearly, delivered)),
    }


def _sum(parts: Sequence[Draws], size: int) -> Draws:
    total: Draws = np.zeros(size)
    for part in parts:
        total = total + part
    return total
