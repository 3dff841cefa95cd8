"""Draws of what was sold up to a day: by designer, model and owner, in chips or in H100e.

H100e are those of the table of sales, by 8-bit peak. All totals of one designer rise and fall together in
the draws, since the tables add up their ends as if they did.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Literal

import numpy as np

from accounting.accounts.sales.sold import SoldChip, load_sold_chips
from accounting.capacity.bases import Draws
from accounting.capacity.draws import draw, standard_normal
from accounting.census.readers.chip_totals import ControlTotals, Percentiles, Total
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts

Unit = Literal["chips", "h100e"]
# what tables of owners call a market, and all owners that they do not name
CHINA, OTHER = "China", "Other"


class SoldDraws:
    """Totals of a table of sales on a day, and their draws (shape: draws).

    ``designers`` and ``models`` hold the totals by code, ``owned`` those by (owner, designer), ``owners`` the
    owners that the table names. ``unmatched`` are names of chips that stand for no accelerator of ours.
    """

    def __init__(self, table: ControlTotals, day: datetime.date, facts: Facts, seed: int, size: int) -> None:
        """Total the table on ``day``; ``seed`` and ``size`` (number of draws) are those of the estimate."""
        chips = load_sold_chips(facts)
        self.seed, self.size = seed, size
        self.chips: Mapping[str, SoldChip] = {chip.name: chip for chip in chips}
        self.model_of = {accelerator: chip.name for chip in chips for accelerator in chip.accelerators}
        self.designers = table.at(day, "designer")
        self.models, self.unmatched = _by_model(table.at(day, "chip"), chips)
        self.owned = table.held(day)
        self.owners = tuple(sorted({owner for owner, _ in self.owned}))

    def h100e_each(self, model: str) -> float:
        """Return the H100e of one chip of a model: the ratio of the medians sold."""
        total = self.models[model]
        return total.h100e.p50 / total.units.p50

    def of_designer(self, code: str, unit: Unit) -> Draws:
        """Return what a designer sold."""
        return self._draws(self.designers[code], code, unit)

    def of_model(self, model: str, unit: Unit) -> Draws:
        """Return what was sold of a model."""
        return self._draws(self.models[model], self.chips[model].designer, unit)

    def of_owner(self, owner: str, unit: Unit) -> Draws:
        """Return what an owner bought of all designers; nothing for one that the table does not name."""
        found = np.zeros(self.size)
        for (code, designer), total in self.owned.items():
            if code == owner:
                found += self._draws(total, designer, unit)
        return found

    def total(self, unit: Unit) -> Draws:
        """Return what all designers sold."""
        return np.asarray(sum(self.of_designer(code, unit) for code in self.designers))

    def without_owner(self, unit: Unit) -> Draws:
        """Return what was sold beyond what the table gives to owners; below 0 where it gives more."""
        owned = (self.of_owner(owner, unit) for owner in self.owners)
        return np.asarray(self.total(unit) - sum(owned))

    def _draws(self, total: Total, designer: str, unit: Unit) -> Draws:
        value = _uncertain(total.units if unit == "chips" else total.h100e)
        return draw(value, standard_normal(self.seed, f"sold/{designer}", self.size))


def _by_model(
    totals: Mapping[str, Total], chips: tuple[SoldChip, ...]
) -> tuple[dict[str, Total], tuple[str, ...]]:
    """Return totals by our name of a model, and the names that stand for none."""
    model_of = {name.casefold(): chip.name for chip in chips for name in chip.sold_as}
    found: dict[str, Total] = {}
    unmatched = []
    for name, total in totals.items():
        model = model_of.get(name.casefold())
        if model is None:
            unmatched.append(name)
        elif total.units.p50 > 0:
            found[model] = _plus(found[model], total) if model in found else total
    return found, tuple(unmatched)


def _plus(a: Total, b: Total) -> Total:
    return Total(a.units + b.units, a.h100e + b.h100e, max(a.until, b.until), a.incomplete or b.incomplete)


def _uncertain(percentiles: Percentiles) -> Uncertain:
    """Return a lognormal with these percentiles, or the median alone where they do not rise from above 0."""
    low, best, high = percentiles.p5, percentiles.p50, percentiles.p95
    if not 0 < low < best < high:
        low = high = best
    return Uncertain(low, best, high, "lognormal")
