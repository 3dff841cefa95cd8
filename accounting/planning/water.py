"""Water that a cluster consumes: on site for cooling, and in the power stations that feed it.

On site = IT energy × WUE (The Green Grid 2011, white paper 35: litres a kWh of IT energy). Of the grid =
energy at the meter × litres consumed a kWh generated in the country (Reig and others 2020, World Resources
Institute).
"""

from __future__ import annotations

from accounting.capacity.bases import Draws


def on_site_l(it_energy_kwh: Draws | float, wue_l_per_kwh: Draws | float) -> Draws | float:
    """Return litres evaporated on site.

    >>> on_site_l(1000.0, 0.25)
    250.0
    """
    return it_energy_kwh * wue_l_per_kwh


def of_grid_l(energy_kwh: Draws | float, grid_l_per_kwh: Draws | float) -> Draws | float:
    """Return litres consumed in generating the electricity that the site takes from its meter.

    >>> of_grid_l(1200.0, 3.0)
    3600.0
    """
    return energy_kwh * grid_l_per_kwh
