"""Chips sold but not located: what tables of chip sales hold beyond a census.

A census built from sites sees only part of the chips that were sold. The rest gets lines of its own, by
designer, model and owner, and every national share gets two bounds: as if all of the rest stood elsewhere,
and as if all of it stood there.

The comparison is made on the last day that the sales of all designers cover. Only chips that came into
service since a designer's sales are counted are compared with them. H100e are those of the table of sales
(by 8-bit peak), model by model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.sales.bounds import bounds, raking_weights
from accounting.accounts.sales.located import Located
from accounting.accounts.sales.result import Held, Reconcile, SoldLine, Unlocated
from accounting.accounts.sales.sold_draws import SoldDraws, Unit
from accounting.accounts.sized import resize
from accounting.capacity.bases import Draws
from accounting.census.ledger import Ledger
from accounting.census.readers.chip_totals import ControlTotals
from accounting.census.selection import Selection, select
from accounting.reference.facts import Facts
from bench.errors import InputError

NO_OWNER = "not given by owner"
UNITS: tuple[Unit, Unit] = ("chips", "h100e")


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
        selection: what to count. Its day is the latest that may be used; what operates is counted whatever
            its statuses.
        facts: the reference facts.
        seed: of the draws; counts are drawn as they are in the estimate.
        draws: number of draws.
        reconcile: ``rake`` also scales the census to the sales by model and owner.

    Raises:
        InputError: sales that cover no day up to the selection's, or a census that cannot be raked to them.
    """
    spans = totals.covered(selection.as_of)
    if not spans:
        raise InputError(f"the chip sales cover no complete period up to {selection.as_of}")
    day = min(last for _, last in spans.values())
    since = {code: first for code, (first, _) in spans.items()}
    sold = SoldDraws(totals, day, facts, seed, draws)
    located = Located(sold, since)
    operating = replace(selection, as_of=day, statuses=frozenset({"operational"}))
    located.add(resize(select(ledger, operating).entries, facts, "").entries)
    weights = raking_weights(sold, located, facts) if reconcile == "rake" else None
    return Unlocated(
        on=day,
        since=since,
        designers=tuple(_designers(sold, located, facts)),
        models=tuple(_models(sold, located)),
        owners=tuple(_owners(sold, located, facts)),
        territories=bounds("territory", sold, located, facts, weights),
        providers=bounds("provider", sold, located, facts, weights),
        outside=located.outside,
        reconciled=reconcile,
        warnings=tuple(_warnings(sold, reconcile)),
    )


def _designers(sold: SoldDraws, located: Located, facts: Facts) -> Iterator[SoldLine]:
    for code in sold.designers:
        models = {model for model, chip in sold.chips.items() if chip.designer == code}
        chips, h100e = (
            _held(sold.of_designer(code, unit), located.total(unit, "model", models)) for unit in UNITS
        )
        yield SoldLine(code, facts.label(code), chips, h100e)


def _models(sold: SoldDraws, located: Located) -> Iterator[SoldLine]:
    for model in sold.models:
        chips, h100e = (
            _held(sold.of_model(model, unit), located.total(unit, "model", [model])) for unit in UNITS
        )
        yield SoldLine(model, model, chips, h100e)


def _owners(sold: SoldDraws, located: Located, facts: Facts) -> Iterator[SoldLine]:
    """Yield a line for each owner that the sales name, and one for what they give to none."""
    for owner in sold.owners:
        chips, h100e = (
            _held(sold.of_owner(owner, unit), located.total(unit, "owner", [owner])) for unit in UNITS
        )
        yield SoldLine(owner, facts.label(owner), chips, h100e)
    if sold.owners:
        nothing = np.zeros(sold.size)
        chips, h100e = (_held(sold.without_owner(unit), nothing) for unit in UNITS)
        yield SoldLine("", NO_OWNER, chips, h100e)


def _held(sold: Draws, located: Draws) -> Held:
    return Held(Quantiles.of(sold), Quantiles.of(located), Quantiles.of(sold - located))


def _warnings(sold: SoldDraws, reconcile: Reconcile) -> Iterator[str]:
    if sold.unmatched:
        yield f"chips sold under names that stand for no accelerator: {', '.join(sold.unmatched)}"
    if reconcile == "rake":
        yield "raked figures are assumed: as if chips not located stood where those of their owner do"
