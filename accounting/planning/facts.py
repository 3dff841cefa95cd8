"""Facts of planning (``configs/planning/``): measured node power; defaults of cost, carbon and water."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.capacity.sizing.facts import Price, SizingFacts, load_sizing
from accounting.planning.clusters import Climate
from accounting.quantities import (
    CarbonIntensity,
    Duration,
    EnergyPrice,
    ExactPower,
    Fraction,
    Mass,
    PowerPrice,
    Pue,
    Ratio,
    WaterIntensity,
)
from accounting.reference.country_figures import CountryFigure, load_country_figures
from accounting.reference.facts import Facts, load_facts
from accounting.reference.names import AcceleratorId, CountryCode
from accounting.reference.shipped import configs_root
from accounting.validation import Date, Fact, FactModel, Id, Kind, Text, Url, load


class NodeRun(FactModel):
    """Mains power of a node in a measured run: the median over nodes of their mean power, in watts.

    ``saturated``: the accelerators had as much to do at each step as in a production run.
    """

    id: Id
    accelerator: AcceleratorId = Field(description="the accelerator in the nodes")
    benchmark: Text = Field(description="what ran")
    nodes: int = Field(gt=0, description="nodes whose power was metered")
    per_node: int = Field(gt=0, description="accelerators a node")
    node_power: ExactPower = Field(description="mean over the run of one node, median over nodes")
    saturated: bool = Field(
        description="whether the accelerators had as much to do at each step as in a production run"
    )
    kind: Kind
    source: Url
    date: Date
    note: Text | None = None


class SameNode(FactModel):
    """An accelerator whose servers draw what those of another do."""

    accelerator: AcceleratorId = Field(description="the accelerator without runs of its own")
    of: AcceleratorId = Field(alias="as", description="the accelerator whose servers it is taken to have")
    kind: Kind
    source: Url
    date: Date
    note: Text | None = None


class NodeMaximum(Fact[ExactPower]):
    """Watts that a node takes at most by its maker's sheet."""

    accelerator: AcceleratorId = Field(description="the accelerator in the node")


class NodePowerFacts(FactModel):
    """The file ``configs/planning/node_power.yaml``."""

    runs: tuple[NodeRun, ...] = Field(min_length=2)
    same_node: tuple[SameNode, ...] = ()
    node_maximum: tuple[NodeMaximum, ...] = Field(min_length=1)
    beyond_nodes: Fact[Ratio] = Field(description="IT power of a whole cluster ÷ that of its nodes")

    def measured_as(self, accelerator: str) -> str:
        """Return the accelerator whose measured nodes stand for those of this one, or itself."""
        return next((row.of for row in self.same_node if row.accelerator == accelerator), accelerator)


class ByClimatePue(Fact[Pue]):
    """A default by climate; of every climate where it names none."""

    climates: tuple[Climate, ...] = Field(description="climates it holds for; any where empty")


class ByClimateWater(Fact[WaterIntensity]):
    """A default by climate; of every climate where it names none."""

    climates: tuple[Climate, ...] = Field(description="climates it holds for; any where empty")


class Embodied(Fact[Mass]):
    """kg CO2 equivalent of making an accelerator with its part of the host, by accelerator or family."""

    of: tuple[str, ...] = Field(
        description="ids of accelerators or of their families; empty serves all others"
    )


class GridWater(FactModel):
    """Litres consumed a kWh generated, by country."""

    kind: Kind
    source: Url
    date: Date
    note: Text | None = None
    countries: dict[CountryCode, WaterIntensity] = Field(description="by ISO 3166 alpha-2 code")


class Defaults(FactModel):
    """The file ``configs/planning/defaults.yaml``."""

    pue: tuple[ByClimatePue, ...]
    load: Fact[Ratio] = Field(description="mean IT power over a year ÷ IT power in training")
    it_lifetime: Fact[Duration] = Field(description="until accelerators with their hosts are written off")
    building_lifetime: Fact[Duration] = Field(
        description="until buildings with power and cooling are written off"
    )
    building_cost: Fact[PowerPrice] = Field(
        description="US dollars a watt of IT at full load: building, power and cooling"
    )
    discount_rate: Fact[Fraction] = Field(description="a year, above inflation")
    operations: Fact[Fraction] = Field(
        description="staff, maintenance, spares and insurance a year, as a share of the capital"
    )
    electricity_price_of_site: Fact[Ratio] = Field(description="the site's price ÷ the country's")
    electricity_price_elsewhere: Fact[EnergyPrice] = Field(
        description="of electricity, where a country has no figure"
    )
    carbon_intensity_of_site: Fact[Ratio] = Field(description="the site's carbon intensity ÷ the country's")
    carbon_intensity_elsewhere: Fact[CarbonIntensity] = Field(
        description="of electricity, where a country has no figure"
    )
    water_of_grid_of_site: Fact[Ratio] = Field(description="the site's water of the grid ÷ the country's")
    water_of_grid_elsewhere: Fact[WaterIntensity] = Field(
        description="litres consumed a kWh generated, where a country has no figure"
    )
    water_of_grid: GridWater
    water_on_site: tuple[ByClimateWater, ...]
    embodied_carbon: tuple[Embodied, ...]
    prices: tuple[Price, ...]
    price_per_watt: Fact[PowerPrice] = Field(
        description="US dollars a watt of TDP, where no price of an accelerator is known"
    )

    @model_validator(mode="after")
    def _something_for_all(self) -> Defaults:
        lasts = {
            "pue": self.pue and not self.pue[-1].climates,
            "water_on_site": self.water_on_site and not self.water_on_site[-1].climates,
            "embodied_carbon": self.embodied_carbon and not self.embodied_carbon[-1].of,
        }
        for key, fine in lasts.items():
            if not fine:
                raise PydanticCustomError("rest", "the last row must name none", {"at": key})
        return self


@dataclass(frozen=True)
class PlanningFacts:
    """All that planning takes as given beside the reference facts."""

    nodes: NodePowerFacts
    defaults: Defaults
    sizing: SizingFacts
    figures: dict[tuple[str, str], CountryFigure]

    def figure(self, country: str, name: str) -> CountryFigure | None:
        """Return a figure of a country, None where there is none."""
        return self.figures.get((country, name))


def load_planning(facts: Facts, root: Path | None = None) -> PlanningFacts:
    """Read the facts of planning (the shipped ones where ``root`` is left out). Raises InputFaults."""
    folder = root or configs_root()
    if facts.overlay is None and root is None:
        return _shipped(folder)
    return _read(folder, facts)


@lru_cache(maxsize=1)
def _shipped(root: Path) -> PlanningFacts:
    return _read(root, load_facts(root))


def _read(root: Path, facts: Facts) -> PlanningFacts:
    _, nodes = load(root / "planning" / "node_power.yaml", NodePowerFacts, facts.names)
    _, defaults = load(root / "planning" / "defaults.yaml", Defaults, facts.names)
    sizing = load_sizing(facts, root / "sizing.yaml")
    figures = load_country_figures(root / "country_figures.csv", facts.countries)
    return PlanningFacts(nodes, defaults, sizing, figures)
