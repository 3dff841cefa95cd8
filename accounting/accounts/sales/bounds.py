"""Bounds of nations' shares of all H100e sold, wherever the chips stand that no census locates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import ratio
from accounting.accounts.sales.located import Located
from accounting.accounts.sales.raking import Margin, rake
from accounting.accounts.sales.result import Bound
from accounting.accounts.sales.sold_draws import CHINA, OTHER, SoldDraws
from accounting.capacity.bases import Draws
from accounting.reference.facts import Facts

Side = Literal["territory", "provider"]
# by (model, owner): how many chips each located one stands for
Weights = Mapping[tuple[str, str], Draws]


def bounds(
    side: Side, sold: SoldDraws, located: Located, facts: Facts, weights: Weights | None
) -> tuple[Bound, ...]:
    """Return the bounds of every nation that holds or surely owns anything, the largest lower bound first.

    What is not located may stand anywhere. As to providers, what the sales give to a named owner is that
    owner's nation's, wherever it stands; only the rest is free.
    """
    codes = sorted({getattr(held, side) for held in located.chips})
    here = {code: _of_nation(side, code, located, None) for code in codes}
    surely = _surely_owned(sold, located, facts) if side == "provider" else {}
    raked = {code: _of_nation(side, code, located, weights) for code in codes} if weights else {}
    all_here, all_raked = _sum(here.values(), sold.size), _sum(raked.values(), sold.size)
    # a census may locate more than the table says was sold
    whole = np.maximum(sold.total("h100e"), all_here)
    free = np.maximum(whole - all_here - _sum(surely.values(), sold.size), 0.0)
    rows = []
    for code in dict.fromkeys((*codes, *surely)):
        mine = here.get(code, np.zeros(sold.size))
        least = mine + surely.get(code, 0.0)
        adjusted = raked.get(code)
        rows.append(
            Bound(
                code,
                facts.label(code),
                located=Quantiles.of(mine),
                share=Quantiles.of(ratio(mine, all_here)),
                lowest=Quantiles.of(ratio(least, whole)),
                highest=Quantiles.of(ratio(np.minimum(least + free, whole), whole)),
                adjusted=None if adjusted is None else Quantiles.of(adjusted),
                adjusted_share=None if adjusted is None else Quantiles.of(ratio(adjusted, all_raked)),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.lowest.mean, row.code)))


def raking_weights(sold: SoldDraws, located: Located, facts: Facts) -> Weights:
    """Return how many chips each located one of a model and owner stands for, so that both add up to sales.

    Raises:
        InputError: the census locates too little to stand for what was sold (:func:`.raking.rake`).
    """
    models = tuple(sold.models)
    owners = (*(owner for owner in sold.owners if owner != OTHER), OTHER) if sold.owned else (OTHER,)
    cells = np.zeros((len(models), len(owners), sold.size))
    for held, chips in located.chips.items():
        cells[models.index(held.model), owners.index(held.owner)] += chips
    by_model = [sold.of_model(model, "chips") for model in models]
    if sold.owned:
        by_owner = [sold.of_owner(owner, "chips") for owner in owners]
        # what the sales give to no owner by name is others'
        rest = sold.total("chips") - np.asarray(sum(by_owner))
        by_owner[-1] = by_owner[-1] + np.maximum(rest, 0.0)
    else:
        by_owner = [np.asarray(sum(by_model))]
    names = tuple(facts.label(owner) for owner in owners)
    weights = rake(cells, Margin(models, np.stack(by_model)), Margin(names, np.stack(by_owner)))
    return {(m, o): weights[i, j] for i, m in enumerate(models) for j, o in enumerate(owners)}


def _of_nation(side: Side, code: str, located: Located, weights: Weights | None) -> Draws:
    return located.total("h100e", side, [code], weights)


def _surely_owned(sold: SoldDraws, located: Located, facts: Facts) -> dict[str, Draws]:
    """Return H100e that are not located but were sold to an owner of a known nation, by nation."""
    found: defaultdict[str, Draws] = defaultdict(lambda: np.zeros(sold.size))
    for owner in sold.owners:
        nation = "CN" if owner == CHINA else facts.nation_of(owner)
        if nation is not None:
            here = located.total("h100e", "owner", [owner])
            found[nation] = found[nation] + np.maximum(sold.of_owner(owner, "h100e") - here, 0.0)
    return dict(found)


def _sum(parts: Iterable[Draws], size: int) -> Draws:
    return np.asarray(sum(parts, np.zeros(size)))
