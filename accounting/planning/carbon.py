"""Carbon of a cluster: what its electricity emits, and what making it emitted.

Operational: energy × carbon intensity of the country's generation over its life cycle (Ember and the Energy
Institute by Our World in Data), location-based as in the Greenhouse Gas Protocol's scope 2 guidance;
contracts do not count. Embodied: Σ count × kg CO2 equivalent of an accelerator with its host (makers'
product carbon footprints and life-cycle assessments, ``configs/planning/defaults.yaml``), and of the
building only where a cluster states it. A year's carbon spreads the embodied part evenly over the
lifetimes, as ISO/IEC 21031:2024 (software carbon intensity) does.
"""

from __future__ import annotations

from accounting.capacity.bases import Draws

_G_PER_KG = 1000.0


def operational_kg_per_year(energy_kwh: Draws | float, intensity_g_per_kwh: Draws | float) -> Draws | float:
    """Return kg CO2 equivalent of a year's electricity.

    >>> operational_kg_per_year(1000.0, 450.0)
    450.0
    """
    return energy_kwh * intensity_g_per_kwh / _G_PER_KG


def yearly_kg(
    operational_kg: Draws | float,
    embodied_it_kg: Draws | float,
    it_years: Draws | float,
    embodied_building_kg: Draws | float = 0.0,
    building_years: Draws | float = 1.0,
) -> Draws | float:
    """Return kg CO2 equivalent a year: operational + embodied of IT and building ÷ their lifetimes in years.

    >>> yearly_kg(450.0, 1000.0, 5.0)
    650.0
    """
    return operational_kg + embodied_it_kg / it_years + embodied_building_kg / building_years
