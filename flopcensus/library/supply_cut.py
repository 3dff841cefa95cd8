"""Capacity over the years after a nation or firm stops supplying."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flopcensus.library.answer import QUANTILES, Answer, as_days, prefixed, table
from flopcensus.library.asking import (
    Day,
    Evidence,
    Pairs,
    Paths,
    Texts,
    asked,
    meter_of,
    without,
)

if TYPE_CHECKING:
    import pandas as pd

    from accounting.planning.scenarios.outcome import SupplyCut as Found


@dataclass(frozen=True, repr=False, eq=False)
class SupplyCut(Answer):
    """Capacity with and without the cut, at each place in the chain and at all together."""

    _found: Found = field(repr=False)

    @cached_property
    def years(self) -> pd.DataFrame:
        """Baseline, cut and share lost, indexed by (place, date, quantity); shares have unit 1."""
        unit = self._found.denomination.unit
        rows = [
            {"place": place["at"], "date": year["date"], "years_after": year["years_after"]}
            | {"quantity": quantity, "unit": "1" if quantity == "share_lost" else unit}
            | prefixed(year[quantity])
            for place in self._document["places"]
            for year in place["years"]
            for quantity in ("baseline", "cut", "share_lost")
        ]
        columns = ("years_after", "unit", *QUANTILES)
        frame = table(rows, ("place", "date", "quantity"), columns).reset_index()
        return as_days(frame, "date").set_index(["place", "date", "quantity"])

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """What it rests on, indexed by name: percentiles, unit, kind and source."""
        return table(self._document["parameters"], ("name",), ("p5", "p50", "p95", "unit", "kind", "source"))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures should know."""
        return tuple(self._found.warnings)

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``flopcensus supply-cut --format json`` prints."""
        from flopcensus.documents.supply_cut import supply_cut_document

        return supply_cut_document(self._found)

    def to_csv(self) -> str:
        """Return what ``flopcensus supply-cut --format csv`` prints."""
        from flopcensus.documents.supply_cut import supply_cut_csv

        return supply_cut_csv(self._found)

    def _title(self) -> str:
        cut = self._found.cut
        return f"{', '.join(cut.cutting)} stops {', '.join(sorted(cut.stops))} on {cut.on}"

    def _shown(self) -> dict[str, pd.DataFrame]:
        lost = self.years.xs("share_lost", level="quantity")["p50"].unstack("place")
        return {"share of capacity lost, median": lost}


def supply_cut(
    scenario: str | Path | None = None,
    *,
    from_nation: Texts = (),
    from_firm: Texts = (),
    at: str | None = None,
    on: Day | None = None,
    stop: str | None = None,
    years: int | None = None,
    country: Texts = (),
    group: str | None = None,
    census: Paths = (),
    basis: str = "delivered",
    precision: str = "bf16",
    unit: Literal["flops", "h100e"] = "h100e",
    growth: str = "census",
    set: Pairs = (),
    parameters: str | Path | None = None,
    overlay: Paths = (),
    calibration: Evidence = (),
    draws: int = 10_000,
    seed: int = 0,
    progress: bool = False,
) -> SupplyCut:
    """Show capacity over the years with and without a cut of supply.

    Args:
        scenario: a YAML file or the id of a shipped scenario; arguments go before what it says.
        from_nation: nations that cut supply.
        from_firm: firms that cut supply, in place of a nation.
        at: vendor, foundry, memory, packaging, provider, joined by commas; all where left out.
        on: day of the cut.
        stop: sales, service, licence, joined by commas; all where left out.
        years: years after the cut; 10 where left out.
        country: only these territories.
        group: only the members of this group.
        census: as for `estimate`, files and prefixes.
        basis: peak, achievable, sustained or delivered.
        precision: of capacity.
        unit: FLOP/s or H100e.
        growth: trend of the whole census, of the ``area`` counted, ``none``, or a factor a year.
        set: replace parameters: ``{"service.spares": "5% to 15%"}``, or NAME=VALUE.
        parameters: a file in place of configs/planning/supply_cut.yaml.
        overlay: files that correct or add facts.
        calibration: as for `estimate`.
        draws: draws of what is uncertain.
        seed: the same seed gives the same figures.
        progress: say on stderr how far it is.

    Raises:
        InputError: and its kin, with the message of the command line.
    """
    given = without(locals(), "calibration", "progress")
    from flopcensus.answering.supply_cut import run_supply_cut

    with asked("supply-cut", given, calibration) as options:
        return SupplyCut(run_supply_cut(options, meter_of(progress)))
