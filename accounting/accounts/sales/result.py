"""What comes of holding a census against chip sales: chips sold, located and not, and bounds of shares."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from accounting.accounts.account import Quantiles

# ``rake`` scales what is located to the sales by model and owner
Reconcile = Literal["none", "rake"]


@dataclass(frozen=True)
class Held:
    """Chips, or H100e, that were sold, that the census locates, and the difference."""

    sold: Quantiles
    located: Quantiles
    unlocated: Quantiles


@dataclass(frozen=True)
class SoldLine:
    """A designer, a model or an owner: chips and H100e, each sold, located and not."""

    code: str
    name: str
    chips: Held
    h100e: Held


@dataclass(frozen=True)
class Bound:
    """A nation's H100e, and its share of all H100e sold: as located, at least, at most, and raked.

    ``located`` is in H100e and ``share`` is its part of what is located anywhere. ``lowest`` is the share of
    all that was sold if every chip not located stands elsewhere, ``highest`` if every one stands here. Of
    providers, chips that the sales give to a named owner count for that owner's nation in both.
    ``adjusted`` and ``adjusted_share`` are the raked figures, None where raking was not asked for.
    """

    code: str
    name: str
    located: Quantiles
    share: Quantiles
    lowest: Quantiles
    highest: Quantiles
    adjusted: Quantiles | None = None
    adjusted_share: Quantiles | None = None


@dataclass(frozen=True)
class Unlocated:
    """Sales against a census on one day (``on``), each designer's counted from its day in ``since``.

    ``outside`` is the number of located chips (medians) that the sales do not cover: other models or
    designers, or chips in service before a designer's sales are counted.
    """

    on: datetime.date
    since: Mapping[str, datetime.date]
    designers: tuple[SoldLine, ...]
    models: tuple[SoldLine, ...]
    owners: tuple[SoldLine, ...]
    territories: tuple[Bound, ...]
    providers: tuple[Bound, ...]
    outside: float
    reconciled: Reconcile
    warnings: tuple[str, ...]
