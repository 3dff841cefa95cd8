"""Draws of the chips that a census locates, of the models and times that a table of sales covers."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from accounting.accounts.sales.sold_draws import CHINA, OTHER, SoldDraws, Unit
from accounting.capacity.bases import Draws
from accounting.capacity.sizing.correlated import CommonFactors, common_of, drawn_count
from accounting.census.ledger import Chips, Entry
from accounting.quantities import Uncertain
from accounting.reference.names import UNKNOWN

Attribute = Literal["model", "owner", "territory", "provider"]


class Holding(NamedTuple):
    """Which chips: their model, their owner as the sales name it, where they stand, and whose they are."""

    model: str
    owner: str
    territory: str
    provider: str


class Located:
    """Chips of a census by model, owner, territory and provider, as draws (shape: draws).

    ``outside`` is the number of chips (medians) that the sales do not cover.
    """

    def __init__(self, sold: SoldDraws, since: Mapping[str, datetime.date]) -> None:
        """Begin with nothing; ``since`` is the day from which each designer's sales are counted."""
        self.sold, self.since = sold, since
        self.chips: dict[Holding, Draws] = {}
        self.outside = 0.0
        self._factors = CommonFactors(sold.seed, sold.size)

    def add(self, entries: Iterable[Entry]) -> None:
        """Add the chips of entries, in the order of their ids so that sums do not depend on theirs."""
        for entry in sorted(entries, key=lambda entry: entry.id):
            for place, chips in enumerate((Chips(entry.accelerator, entry.count), *entry.further_chips)):
                if chips.count is None:
                    continue
                model = self._covered(entry, chips.accelerator)
                if model is None:
                    self.outside += chips.count.best
                else:
                    self._add(entry, model, self._drawn(entry, chips.count, place))

    def _covered(self, entry: Entry, accelerator: str | None) -> str | None:
        """Return the model that the sales call an accelerator, None where they do not cover it."""
        model = self.sold.model_of.get(accelerator or "")
        if model is None or model not in self.sold.models or entry.in_service is None:
            return None
        since = self.since.get(self.sold.chips[model].designer)
        return model if since is not None and entry.in_service >= since else None

    def _drawn(self, entry: Entry, count: Uncertain, place: int) -> Draws:
        """Draw a count under the name by which the estimate draws it; further chips add a number."""
        name = f"count/{entry.id}" + (f"/{place}" if place else "")
        return drawn_count(count, () if place else common_of(entry), name, self._factors)

    def _add(self, entry: Entry, model: str, drawn: Draws) -> None:
        for owner in entry.owners:
            buyer = self._owner(owner.organisation, owner.nation)
            held = Holding(model, buyer, entry.territory or UNKNOWN, owner.nation or UNKNOWN)
            self.chips[held] = self.chips.get(held, 0.0) + owner.share * drawn

    def _owner(self, organisation: str | None, nation: str | None) -> str:
        """Return what the sales call an owner: by name, or as one of a market or of all others."""
        if organisation in self.sold.owners:
            return str(organisation)
        return CHINA if nation == "CN" and CHINA in self.sold.owners else OTHER

    def total(
        self,
        unit: Unit,
        attribute: Attribute,
        codes: Collection[str],
        weights: Mapping[tuple[str, str], Draws] | None = None,
    ) -> Draws:
        """Add up the holdings whose ``attribute`` is one of ``codes``.

        Each is multiplied by the weight of its (model, owner), where weights are given.
        """
        found = np.zeros(self.sold.size)
        for held, chips in self.chips.items():
            if getattr(held, attribute) in codes:
                weighted = chips if weights is None else chips * weights[held.model, held.owner]
                found += weighted * (self.sold.h100e_each(held.model) if unit == "h100e" else 1.0)
        return found
