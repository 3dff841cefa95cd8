"""A cluster's footprint over a year: energy, what that and making the cluster emit, and water.

**Energy** at the meter = IT power in training × load × PUE × one Julian year.

**Carbon.** Operational: energy × carbon intensity of the country's generation over its life cycle (Ember and
the Energy Institute by Our World in Data), location-based as in the Greenhouse Gas Protocol's scope 2
guidance; contracts do not count. Embodied: Σ count × kg CO2 equivalent of an accelerator with its host
(makers' product carbon footprints and life-cycle assessments, ``configs/planning/defaults.yaml``), and of
the building only where a cluster states it. A year's carbon spreads the embodied part evenly over the
lifetimes, as ISO/IEC 21031:2024 (software carbon intensity) does.

**Water.** On site = IT energy × WUE (The Green Grid 2011, white paper 35: litres a kWh of IT energy). Of the
grid = energy at the meter × litres consumed a kWh generated in the country (Reig and others 2020, World
Resources Institute).
"""

from __future__ import annotations

from accounting.capacity.bases import Draws
from accounting.dimensions import YEAR_S

J_PER_KWH = 3.6e6
_G_PER_KG = 1000.0


def yearly_energy_j(it_training_w: Draws | float, load: Draws | float, pue: Draws | float) -> Draws | float:
    """Return joules at the meter in a year: IT power in training × load × PUE × one Julian year.

    Args:
        it_training_w: IT power in training, watts.
        load: mean IT power over the year ÷ IT power in training.
        pue: yearly mean of facility energy ÷ IT energy.

    One megawatt of IT at a load of 0.9 behind a PUE of 1.2 takes 9.47 GWh:

    >>> round(yearly_energy_j(1e6, 0.9, 1.2) / 3.6e12, 2)
    9.47
    """
    return it_training_w * load * pue * YEAR_S


def kwh(energy_j: Draws | float) -> Draws | float:
    """Return an energy in kilowatt-hours.

    >>> kwh(3.6e6)
    1.0
    """
    return energy_j / J_PER_KWH


def operational_carbon_kg_per_year(
    energy_kwh: Draws | float, intensity_g_per_kwh: Draws | float
) -> Draws | float:
    """Return kg CO2 equivalent of a year's electricity.

    >>> operational_carbon_kg_per_year(1000.0, 450.0)
    450.0
    """
    return energy_kwh * intensity_g_per_kwh / _G_PER_KG


def yearly_carbon_kg(
    operational_kg: Draws | float,
    embodied_it_kg: Draws | float,
    it_years: Draws | float,
    embodied_building_kg: Draws | float = 0.0,
    building_years: Draws | float = 1.0,
) -> Draws | float:
    """Return kg CO2 equivalent a year: operational + embodied of IT and building ÷ their lifetimes in years.

    >>> yearly_carbon_kg(450.0, 1000.0, 5.0)
    650.0
    """
    return operational_kg + embodied_it_kg / it_years + embodied_building_kg / building_years


def water_on_site_l(it_energy_kwh: Draws | float, wue_l_per_kwh: Draws | float) -> Draws | float:
    """Return litres evaporated on site.

    >>> water_on_site_l(1000.0, 0.25)
    250.0
    """
    return it_energy_kwh * wue_l_per_kwh


def water_of_grid_l(energy_kwh: Draws | float, grid_l_per_kwh: Draws | float) -> Draws | float:
    """Return litres consumed in generating the electricity that the site takes from its meter.

    >>> water_of_grid_l(1200.0, 3.0)
    3600.0
    """
    return energy_kwh * grid_l_per_kwh
