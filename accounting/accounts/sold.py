"""What is said of chips sold and not located: lines, bounds, and the names that sales use."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from accounting.accounts.account import Quantiles
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId, OrganisationId
from accounting.reference.shipped import configs_root
from accounting.validation import FactModel, Text, load

Reconcile = Literal["none", "rake"]


class SoldChip(FactModel):
    """A chip as tables of sales name it, and the accelerators of ours that it stands for."""

    name: Text
    designer: OrganisationId
    sold_as: tuple[Text, ...]
    accelerators: tuple[AcceleratorId, ...]


class SalesFile(FactModel):
    """The file ``configs/sales.yaml``."""

    chips: tuple[SoldChip, ...]


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
    """A nation's H100e and share: as located, at least, at most, and raked where asked for.

    ``lowest`` is the share where all that is not located stands elsewhere, ``highest`` where all of it stands
    here; for providers, chips of owners named in the sales are their nation's in both.
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
    """Sales against a census on one day.

    ``outside`` are located chips (medians) of models, designers or times that the sales do not cover.
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


def load_sold_chips(facts: Facts, path: Path | None = None) -> tuple[SoldChip, ...]:
    """Read which accelerators the names in tables of sales stand for. Raises InputFaults."""
    _, content = load(path or configs_root() / "sales.yaml", SalesFile, facts.names)
    return content.chips
