"""Domestic and national account of a country, as with domestic and national product, under control.

From a crossing (territory, provider), draw by draw:

    H  home-controlled at home       D = H + F   the domestic account: what stands within the borders
    F  foreign-controlled at home    N = H + A   the national account: what the nation controls, anywhere
    A  controlled abroad

Control is that of the ultimate controlling unit, as in statistics of foreign affiliates. Bodies of the EU and
what is unknown are partners without territory: all they control is abroad, and all that stands at an unknown
place is foreign-controlled. So ΣF = ΣA over all nations and partners: each cell off the diagonal stands once
in each sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import PARTNERS, Crosstab, Share, fold, share_of, size_of, total, whole
from accounting.capacity.bases import Draws

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class NationalAccount:
    """One nation's or partner's account, as draws (shape: draws) in the unit of the crossing."""

    code: str
    home: Draws
    foreign: Draws
    abroad: Draws

    @property
    def domestic(self) -> Draws:
        """D = H + F: what stands within the borders, whoever controls it."""
        return self.home + self.foreign

    @property
    def national(self) -> Draws:
        """N = H + A: what the nation controls, wherever it stands."""
        return self.home + self.abroad

    def quantiles(self) -> dict[str, Quantiles]:
        """Return the levels: home, foreign, abroad, domestic, national."""
        names = ("home", "foreign", "abroad", "domestic", "national")
        return {name: Quantiles.of(getattr(self, name)) for name in names}

    def shares(self) -> dict[str, Share]:
        """Return who controls what of the domestic account, and what of the national one is abroad."""
        return {
            "home_of_domestic": share_of(self.home, self.domestic),
            "foreign_of_domestic": share_of(self.foreign, self.domestic),
            "abroad_of_national": share_of(self.abroad, self.national),
        }


def national_account(sums: Crosstab, code: str) -> NationalAccount:
    """Return the account of one nation or partner from a crossing (territory, provider)."""
    lands = code not in PARTNERS
    return NationalAccount(
        code,
        home=whole(sums, lambda key: lands and key[:2] == (code, code)),
        foreign=whole(sums, lambda key: key[0] == code and not (lands and key[1] == code)),
        abroad=whole(sums, lambda key: key[1] == code and not (lands and key[0] == code)),
    )


def world_accounts(sums: Crosstab) -> dict[str, NationalAccount]:
    """Return the account of every nation and partner that hosts or controls anything, by code."""
    codes = sorted({code for key in sums for code in key[:2]})
    return {code: national_account(sums, code) for code in codes}


def imbalance(accounts: Iterable[NationalAccount]) -> float:
    """Return the largest |ΣF - ΣA| ÷ ΣD over draws: nought but for rounding, or an account is wrong."""
    found = list(accounts)
    if not found:
        return 0.0
    size = len(found[0].home)
    foreign, abroad = (total((getattr(a, name) for a in found), size) for name in ("foreign", "abroad"))
    domestic = total((a.domestic for a in found), size)
    return float(np.max(np.abs(foreign - abroad) / np.where(domestic > 0, domestic, 1.0)))


@dataclass(frozen=True)
class Bilateral:
    """Who hosts what of whom, or uses what of whose design: cells by (row, column), and both margins."""

    cells: Crosstab
    rows: Crosstab
    columns: Crosstab
    total: Draws

    def partners_of_row(self, code: str) -> dict[str, tuple[Quantiles, Share]]:
        """Return the columns of one row with their share of it, the largest mean first."""
        found = {key[1]: draws for key, draws in self.cells.items() if key[0] == code}
        return _ranked(found, self.rows.get((code,)))

    def partners_of_column(self, code: str) -> dict[str, tuple[Quantiles, Share]]:
        """Return the rows of one column with their share of it, the largest mean first."""
        found = {key[0]: draws for key, draws in self.cells.items() if key[1] == code}
        return _ranked(found, self.columns.get((code,)))

    def to_frame(self) -> pd.DataFrame:
        """Return the means as a table with totals in the last row and column (``total``)."""
        import pandas as pd  # noqa: PLC0415  (a third of a second that most callers need not spend)

        codes = ([key[0] for key in self.rows], [key[0] for key in self.columns])
        table = pd.DataFrame(0.0, index=codes[0], columns=codes[1])
        for (row, column), draws in self.cells.items():
            table.loc[row, column] = float(np.mean(draws))
        table["total"] = table.sum(axis="columns")
        table.loc["total"] = table.sum(axis="index")
        return table


def bilateral(sums: Crosstab, row: int = 0, column: int = 1) -> Bilateral:
    """Return the matrix of two levels of a crossing.

    Host × controller comes from (territory, provider), user × vendor from (territory, vendor_nation).
    """
    cells = fold(sums, row, column)
    return Bilateral(cells, fold(cells, 0), fold(cells, 1), total(cells.values(), size_of(sums)))


def _ranked(found: dict[str, Draws], of: Draws | None) -> dict[str, tuple[Quantiles, Share]]:
    if of is None:
        return {}
    order = sorted(found, key=lambda code: (-float(np.mean(found[code])), code))
    return {code: (Quantiles.of(found[code]), share_of(found[code], of)) for code in order}
