"""Chips sold but not located: what control totals of chip sales leave over beyond a census.

A bottom-up census sees part of the chips sold. The rest is a line of its own, by designer, model and owner,
and every national share has bounds: all of the rest elsewhere, or all of it there. The census is taken on the
last day that the sales of all designers cover, and only chips in service since a designer's sales are counted
are held against them. H100e are those of the table of sales (of 8-bit peak), by model.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.sales.raking import Margin, rake
from accounting.accounts.sales.sold import Bound, Held, Reconcile, SoldLine, Unlocated, load_sold_chips
from accounting.accounts.sized import resize
from accounting.capacity.bases import Draws
from accounting.capacity.draws import draw, standard_normal
from accounting.capacity.sizing.correlated import CommonFactors, common_of, drawn_count
from accounting.census.ledger import Chips, Entry, Ledger
from accounting.census.readers.chip_totals import ControlTotals, Percentiles, Total
from accounting.census.selection import Selection, select
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN
from bench.errors import InputError

# what tables of owners call a market and the rest
OTHER, CHINA = "Other", "China"
NO_OWNER = "not given by owner"


def unlocated(
    ledger: Ledger,
    totals: ControlTotals,
    selection: Selection,
    facts: Facts,
    *,
    seed: int = 0,
    draws: int = 10_000,
    reconcile: Reconcile = "none",
) -> Unlocated:
    """Hold a census against chip sales.

    Args:
        ledger: any census by chips and counts.
        totals: chip sales, and owners where the files have them.
        selection: what to count; its day is the latest that may be used, its statuses are those that operate.
        facts: the reference facts.
        seed: of the draws; counts draw as they do in the estimate.
        draws: number of draws.
        reconcile: ``rake`` also scales the census to the sales by model and owner.

    Raises:
        InputError: sales that cover no day up to the selection's, or a census that cannot be raked to them.
    """
    spans = totals.covered(selection.as_of)
    if not spans:
        raise InputError(f"the chip sales cover no complete period up to {selection.as_of}")
    day = min(last for _, last in spans.values())
    work = _Work(facts, totals, day, {code: first for code, (first, _) in spans.items()}, seed, draws)
    operating = replace(selection, as_of=day, statuses=frozenset({"operational"}))
    work.locate(resize(select(ledger, operating).entries, facts, "").entries)
    return work.result(reconcile)


class _Work:
    """Draws of what was sold and what is located, by model, owner and place."""

    def __init__(
        self,
        facts: Facts,
        totals: ControlTotals,
        day: datetime.date,
        since: Mapping[str, datetime.date],
        seed: int,
        size: int,
    ) -> None:
        self.facts, self.day, self.since, self.seed, self.size = facts, day, since, seed, size
        self.factors = CommonFactors(seed, size)
        table = load_sold_chips(facts)
        self.chips = {chip.name: chip for chip in table}
        self.by_name = {name.casefold(): chip.name for chip in table for name in chip.sold_as}
        self.model_of = {a: chip.name for chip in table for a in chip.accelerators}
        self.designers = totals.at(day, "designer")
        self.sold, self.unmatched = self._sold_by_model(totals.at(day, "chip"))
        self.held = totals.held(day)
        self.owner_codes = dict.fromkeys(sorted({owner for owner, _ in self.held}))
        # chips by (model, owner, territory, provider)
        self.located: dict[tuple[str, str, str, str], Draws] = {}
        self.outside = 0.0

    def _sold_by_model(self, chips: Mapping[str, Total]) -> tuple[dict[str, Total], list[str]]:
        found: dict[str, Total] = {}
        unmatched = []
        for name, total in chips.items():
            model = self.by_name.get(name.casefold())
            if model is None:
                unmatched.append(name)
            elif total.units.p50 > 0:
                found[model] = _plus(found.get(model), total)
        return found, unmatched

    def locate(self, entries: Iterable[Entry]) -> None:
        """Add up the located chips of entries, in an order that is not theirs."""
        for entry in sorted(entries, key=lambda entry: entry.id):
            for place, chips in enumerate((Chips(entry.accelerator, entry.count), *entry.further_chips)):
                if chips.count is not None:
                    self._add(entry, chips.accelerator, chips.count, place)

    def _add(self, entry: Entry, accelerator: str | None, count: Uncertain, place: int) -> None:
        model = self.model_of.get(accelerator or "")
        since = self.since.get(self.chips[model].designer) if model else None
        new = since is not None and entry.in_service is not None and entry.in_service >= since
        if model is None or model not in self.sold or not new:
            self.outside += count.best
            return
        name = f"count/{entry.id}" + (f"/{place}" if place else "")
        drawn = drawn_count(count, () if place else common_of(entry), name, self.factors)
        for owner in entry.owners:
            code = self._owner(owner.organisation, owner.nation)
            key = (model, code, entry.territory or UNKNOWN, owner.nation or UNKNOWN)
            self.located[key] = self.located.get(key, 0.0) + owner.share * drawn

    def _owner(self, organisation: str | None, nation: str | None) -> str:
        if organisation in self.owner_codes:
            return str(organisation)
        return CHINA if nation == "CN" and CHINA in self.owner_codes else OTHER

    def result(self, reconcile: Reconcile) -> Unlocated:
        weights = self._weights() if reconcile == "rake" else None
        return Unlocated(
            on=self.day,
            since=self.since,
            designers=tuple(self._designer_lines()),
            models=tuple(self._model_lines()),
            owners=tuple(self._owner_lines()),
            territories=self._bounds(2, weights),
            providers=self._bounds(3, weights),
            outside=self.outside,
            reconciled=reconcile,
            warnings=tuple(self._warnings(reconcile)),
        )

    def _warnings(self, reconcile: Reconcile) -> Iterable[str]:
        if self.unmatched:
            yield f"chips sold under names that stand for no accelerator: {', '.join(self.unmatched)}"
        if reconcile == "rake":
            yield "raked figures are assumed: as if chips not located stood where those of their owner do"

    def drawn(self, percentiles: Percentiles, designer: str) -> Draws:
        """Draw a total of sales; all of one designer rise and fall together, as their ends are added."""
        low, best, high = percentiles.p5, percentiles.p50, percentiles.p95
        certain = not 0 < low < best < high
        value = (
            Uncertain(best, best, best, "lognormal") if certain else Uncertain(low, best, high, "lognormal")
        )
        return draw(value, standard_normal(self.seed, f"sold/{designer}", self.size))

    def each(self, model: str) -> float:
        """H100e of one chip of a model."""
        total = self.sold[model]
        return total.h100e.p50 / total.units.p50

    def where(self, place: int, code: str, *, h100e: bool) -> Draws:
        """Return what is located with ``code`` at one place of the key."""
        return self._sum((key for key in self.located if key[place] == code), h100e=h100e)

    def _sum(self, keys: Iterable[tuple[str, str, str, str]], *, h100e: bool) -> Draws:
        found = np.zeros(self.size)
        for key in keys:
            found += self.located[key] * (self.each(key[0]) if h100e else 1.0)
        return found

    def _held(self, sold: Draws, located: Draws) -> Held:
        return Held(Quantiles.of(sold), Quantiles.of(located), Quantiles.of(sold - located))

    def _designer_lines(self) -> Iterable[SoldLine]:
        for code, total in self.designers.items():
            keys = [key for key in self.located if self.chips[key[0]].designer == code]
            yield SoldLine(
                code,
                self.facts.label(code),
                self._held(self.drawn(total.units, code), self._sum(keys, h100e=False)),
                self._held(self.drawn(total.h100e, code), self._sum(keys, h100e=True)),
            )

    def _model_lines(self) -> Iterable[SoldLine]:
        for model, total in self.sold.items():
            designer = self.chips[model].designer
            yield SoldLine(
                model,
                model,
                self._held(self.drawn(total.units, designer), self.where(0, model, h100e=False)),
                self._held(self.drawn(total.h100e, designer), self.where(0, model, h100e=True)),
            )

    def _owner_lines(self) -> Iterable[SoldLine]:
        if not self.held:
            return
        for code in self.owner_codes:
            yield SoldLine(
                code,
                self.facts.label(code),
                self._held(self._owned(code, h100e=False), self.where(1, code, h100e=False)),
                self._held(self._owned(code, h100e=True), self.where(1, code, h100e=True)),
            )
        rest = [self._all_sold(h100e=h) - self._all_owned(h100e=h) for h in (False, True)]
        nothing = np.zeros(self.size)
        yield SoldLine("", NO_OWNER, self._held(rest[0], nothing), self._held(rest[1], nothing))

    def _owned(self, owner: str, *, h100e: bool) -> Draws:
        found = np.zeros(self.size)
        for (code, designer), total in self.held.items():
            if code == owner:
                found += self.drawn(total.h100e if h100e else total.units, designer)
        return found

    def _all_owned(self, *, h100e: bool) -> Draws:
        return np.asarray(sum(self._owned(code, h100e=h100e) for code in self.owner_codes))

    def _all_sold(self, *, h100e: bool) -> Draws:
        sold = (self.drawn(t.h100e if h100e else t.units, code) for code, t in self.designers.items())
        return np.asarray(sum(sold))

    def _bounds(self, place: int, weights: Mapping[tuple[str, str], Draws] | None) -> tuple[Bound, ...]:
        codes = sorted({key[place] for key in self.located})
        located = {code: self.where(place, code, h100e=True) for code in codes}
        surely = self._surely_of() if place == 3 else {}
        raw = np.asarray(sum(located.values(), np.zeros(self.size)))
        whole = np.maximum(self._all_sold(h100e=True), raw)
        free = np.maximum(whole - raw - np.asarray(sum(surely.values(), np.zeros(self.size))), 0.0)
        raked = {code: self._raked(place, code, weights) for code in codes} if weights else {}
        all_raked = np.asarray(sum(raked.values(), np.zeros(self.size)))
        rows = []
        for code in dict.fromkeys((*codes, *surely)):
            mine = located.get(code, np.zeros(self.size))
            least = mine + surely.get(code, 0.0)
            adjusted = raked.get(code)
            rows.append(
                Bound(
                    code,
                    self.facts.label(code),
                    Quantiles.of(mine),
                    Quantiles.of(_share(mine, raw)),
                    Quantiles.of(_share(least, whole)),
                    Quantiles.of(_share(np.minimum(least + free, whole), whole)),
                    Quantiles.of(adjusted) if adjusted is not None else None,
                    Quantiles.of(_share(adjusted, all_raked)) if adjusted is not None else None,
                )
            )
        return tuple(sorted(rows, key=lambda row: (-row.lowest.mean, row.code)))

    def _surely_of(self) -> dict[str, Draws]:
        """Return what is not located but is of an owner whose nation is known, by nation."""
        found: defaultdict[str, Draws] = defaultdict(lambda: np.zeros(self.size))
        for code in self.owner_codes:
            nation = "CN" if code == CHINA else self.facts.nation_of(code)
            if nation is not None:
                left = self._owned(code, h100e=True) - self.where(1, code, h100e=True)
                found[nation] = found[nation] + np.maximum(left, 0.0)
        return dict(found)

    def _raked(self, place: int, code: str, weights: Mapping[tuple[str, str], Draws]) -> Draws:
        found = np.zeros(self.size)
        for key, chips in self.located.items():
            if key[place] == code:
                found += chips * weights[key[0], key[1]] * self.each(key[0])
        return found

    def _weights(self) -> dict[tuple[str, str], Draws]:
        models = tuple(self.sold)
        owners = (*(code for code in self.owner_codes if code != OTHER), OTHER) if self.held else (OTHER,)
        cells = np.zeros((len(models), len(owners), self.size))
        for (model, owner, _, _), chips in self.located.items():
            cells[models.index(model), owners.index(owner)] += chips
        rows = [self.drawn(self.sold[m].units, self.chips[m].designer) for m in models]
        if self.held:
            owned = [self._owned(owner, h100e=False) for owner in owners]
            rest = self._all_sold(h100e=False) - np.asarray(sum(owned))
            # what the sales give to no owner by name is others'
            owned[-1] = owned[-1] + np.maximum(rest, 0.0)
        else:
            owned = [np.asarray(sum(rows))]
        weights = rake(
            cells, Margin(models, np.stack(rows)), Margin(_named(owners, self.facts), np.stack(owned))
        )
        return {
            (model, owner): weights[i, j] for i, model in enumerate(models) for j, owner in enumerate(owners)
        }


def _named(owners: Sequence[str], facts: Facts) -> tuple[str, ...]:
    return tuple(facts.label(owner) for owner in owners)


def _share(part: Draws, whole: Draws) -> Draws:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _plus(a: Total | None, b: Total) -> Total:
    if a is None:
        return b
    return Total(a.units + b.units, a.h100e + b.h100e, max(a.until, b.until), a.incomplete or b.incomplete)
