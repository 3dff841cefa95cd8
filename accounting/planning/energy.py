"""Energy of a cluster over a year."""

from __future__ import annotations

from accounting.capacity.bases import Draws
from accounting.dimensions import YEAR_S

J_PER_KWH = 3.6e6


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
