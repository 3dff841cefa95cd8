"""Cost of a cluster: capital, what it costs a year, and a levelised cost of what it delivers.

The annuity of a capital C over n years at a real rate r is C × r ÷ (1 − (1 + r)⁻ⁿ) (the capital recovery
factor; Short, Packey and Holt 1995, *A Manual for the Economic Evaluation of Energy Efficiency and
Renewable Energy Technologies*, NREL/TP-462-5173, section 3). The levelised cost is yearly cost ÷ yearly
output, as that of energy is, of FLOP delivered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accounting.capacity.bases import Draws
from accounting.dimensions import YEAR_S

# the levelised cost is stated for so many FLOP: what an H100 delivers in about a month
LEVELISED_FLOP = 1e21


def annuity(capital: Draws | float, rate: Draws | float, years: Draws | float) -> Draws:
    """Return the yearly payment that is worth ``capital`` over ``years`` at a real ``rate`` a year.

    Units: that of ``capital``, a year. At a rate of nought it is capital ÷ years.

    >>> round(float(annuity(1000.0, 0.07, 5)), 2)
    243.89
    """
    r, n = np.asarray(rate, dtype=float), np.asarray(years, dtype=float)
    safe = np.where(r > 0, r, 1.0)
    factor = np.where(r > 0, safe / -np.expm1(-n * np.log1p(safe)), 1.0 / n)
    return np.asarray(capital * factor, dtype=float)


def it_capital_usd(counts_and_prices: list[tuple[Draws, Draws]], size: int) -> Draws:
    """Return US dollars of accelerators with hosts, network and storage: Σ count × price of one."""
    total = np.zeros(size)
    for count, price in counts_and_prices:
        total = total + count * price
    return total


@dataclass(frozen=True)
class Terms:
    """On what terms: lifetimes in years, a real rate a year, the price of electricity in US dollars a kWh.

    ``operations`` is the share of the capital that staff, maintenance, spares and insurance cost a year.
    """

    it_years: Draws | float
    building_years: Draws | float
    rate: Draws | float
    operations: Draws | float
    price_usd_per_kwh: Draws | float


def yearly_cost_usd(
    it_usd: Draws | float, building_usd: Draws | float, energy_kwh: Draws | float, terms: Terms
) -> Draws:
    """Return US dollars a year.

    annuity(IT) + annuity(building) + operations × (IT + building) + energy × price of electricity.

    >>> terms = Terms(5, 15, 0.0, 0.04, 0.1)
    >>> float(yearly_cost_usd(1000.0, 300.0, 500.0, terms))
    322.0
    """
    capital = annuity(it_usd, terms.rate, terms.it_years)
    capital = capital + annuity(building_usd, terms.rate, terms.building_years)
    running = terms.operations * (it_usd + building_usd) + energy_kwh * terms.price_usd_per_kwh
    return np.asarray(capital + running, dtype=float)


def levelised_usd_per_1e21_flop(
    yearly_usd: Draws | float, delivered_flop_per_s: Draws | float
) -> Draws | float:
    """Return US dollars for 10²¹ FLOP delivered: yearly cost ÷ (delivered FLOP/s × one Julian year) × 10²¹.

    A site that costs 31.5576 million dollars a year and delivers 1 EFLOP/s:

    >>> levelised_usd_per_1e21_flop(31_557_600.0, 1e18)
    1000.0
    """
    return yearly_usd / (delivered_flop_per_s * YEAR_S) * LEVELISED_FLOP
