"""What the models of planning take of a site: as its cluster file states it, else by default.

Each default has a draw that is shared with every site it is true of: PUE, load and water are an operator's,
building costs a country's, lifetimes and rates everybody's.
"""

from __future__ import annotations

from collections.abc import Iterator

from accounting.capacity.draws import product
from accounting.planning.clusters import Cluster
from accounting.planning.facts import ByClimatePue, ByClimateWater, PlanningFacts
from accounting.planning.known import Given, Known
from accounting.planning.power import facility_overhead
from accounting.quantities import Uncertain, exact
from accounting.validation import Fact, weakest


def site_parameters(cluster: Cluster, planning: PlanningFacts) -> dict[str, Given]:
    """Return the parameters of a cluster's site by name, in the units that ``Parameters`` states."""
    found = [
        *_stated_or_default(cluster, planning),
        site_overhead(cluster, planning),
        *_of_country(cluster, planning),
    ]
    if cluster.building_carbon:
        known, key = Known.of(cluster.building_carbon), f"building-carbon/{cluster.territory}"
        found.append(Given.of(known, "building_carbon", key, "kg/kW", default=False))
    return {one.name: one for one in found}


def site_overhead(cluster: Cluster, planning: PlanningFacts) -> Given:
    """Return facility ÷ IT power at full load.

    A file that states a PUE means its building, and the PUE serves for the peak too.
    """
    name = "facility_overhead"
    if cluster.pue is not None:
        return Given.of(Known.of(cluster.pue), name, f"pue/{cluster.operator}", "", default=False)
    known = facility_overhead(cluster.territory, cluster.sector, planning)
    return Given.of(known, name, f"facility-overhead/{cluster.operator}", "", default=True)


def _stated_or_default(cluster: Cluster, planning: PlanningFacts) -> Iterator[Given]:
    defaults, where, site = planning.defaults, cluster.territory, cluster.operator
    # (name, key of its draws, unit, default)
    rows: tuple[tuple[str, str, str, Fact[Uncertain]], ...] = (
        ("pue", f"pue/{site}", "", _by_climate(defaults.pue, cluster)),
        ("load", f"load/{site}", "", defaults.load),
        ("it_lifetime", "it-lifetime", "s", defaults.it_lifetime),
        ("building_lifetime", "building-lifetime", "s", defaults.building_lifetime),
        ("building_cost", f"building-cost/{where}", "USD/W", defaults.building_cost),
        ("discount_rate", "discount-rate", "a year", defaults.discount_rate),
        ("operations", "operations", "of capital a year", defaults.operations),
        ("water_on_site", f"water-on-site/{site}", "L/kWh", _by_climate(defaults.water_on_site, cluster)),
    )
    for name, key, unit, default in rows:
        stated: Fact[Uncertain] | None = getattr(cluster, name)
        yield Given.of(Known.of(stated or default), name, key, unit, default=stated is None)


def _of_country(cluster: Cluster, planning: PlanningFacts) -> Iterator[Given]:
    """Yield what is a country's: its figure × how a site's differs from it, or the default of elsewhere."""
    defaults, where = planning.defaults, cluster.territory
    grid = defaults.water_of_grid
    water = grid.countries.get(where)
    # name: unit, the country's figure, a site's ÷ its country's, what serves where there is no figure
    rows: dict[str, tuple[str, Known | None, Fact[Uncertain], Fact[Uncertain]]] = {
        "electricity_price": (
            "USD/kWh",
            _figure(planning, where, "industrial_electricity_price_usd_per_kwh"),
            defaults.electricity_price_of_site,
            defaults.electricity_price_elsewhere,
        ),
        "carbon_intensity": (
            "g/kWh",
            _figure(planning, where, "carbon_intensity_g_per_kwh"),
            defaults.carbon_intensity_of_site,
            defaults.carbon_intensity_elsewhere,
        ),
        "water_of_grid": (
            "L/kWh",
            Known(water, grid.kind, grid.source) if water else None,
            defaults.water_of_grid_of_site,
            defaults.water_of_grid_elsewhere,
        ),
    }
    for name, (unit, country, of_site, elsewhere) in rows.items():
        stated: Fact[Uncertain] | None = getattr(cluster, name)
        if stated is not None:
            known = Known.of(stated)
        elif country is None:
            known = Known.of(elsewhere)
        else:
            kind = weakest([country.kind, of_site.kind])
            known = Known(product([country.value, of_site.value]), kind, country.source)
        key = f"{name.replace('_', '-')}/{where}"
        yield Given.of(known, name, key, unit, default=stated is None)


def _figure(planning: PlanningFacts, country: str, name: str) -> Known | None:
    found = planning.figure(country, name)
    return Known(exact(found.value), found.kind, found.source) if found else None


def _by_climate(
    rows: tuple[ByClimatePue, ...] | tuple[ByClimateWater, ...], cluster: Cluster
) -> Fact[Uncertain]:
    return next(row for row in rows if not row.climates or cluster.climate in row.climates)
