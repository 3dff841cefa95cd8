"""Clusters side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.library.answer import QUANTILES, Answer, prefixed, table
from flopcensus.library.asking import Evidence, Paths, Texts, asked

if TYPE_CHECKING:
    import pandas as pd

    from accounting.planning.comparison import Comparison as Found


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(Answer):
    """Clusters side by side; every table begins its index with the cluster's id."""

    _found: Found = field(repr=False)

    @cached_property
    def capacity(self) -> pd.DataFrame:
        """FLOP/s, and the median in H100e, indexed by (cluster, precision, basis)."""
        rows = [
            {"cluster": one["id"], **row, "h100e_p50": row.get("h100e", {}).get("p50")}
            for one in self._clusters
            for row in one["capacities"]
        ]
        columns = ("unit", *QUANTILES, "h100e_p50", "why_not")
        return table(rows, ("cluster", "precision", "basis"), columns)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Power, energy, cost, carbon, water, …, indexed by (cluster, quantity), each with its unit."""
        rows = [
            {"cluster": one["id"], "quantity": name, **row}
            for one in self._clusters
            for name, row in one["metrics"].items()
        ]
        return table(rows, ("cluster", "quantity"), ("label", "unit", *QUANTILES))

    @cached_property
    def origin(self) -> pd.DataFrame:
        """Shares of capacity by level, indexed by (cluster, basis, level, code)."""
        rows = [
            {"cluster": one["id"], "basis": basis, "level": level, "unit": one["unit"], **row}
            for one in self._clusters
            for basis, levels in one["origin"].items()
            for level, found in levels.items()
            for row in found
        ]
        columns = ("name", "unit", *QUANTILES, "share", "share_p5", "share_p95")
        return table(rows, ("cluster", "basis", "level", "code"), columns)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """A ÷ B and the probability that A has more, indexed by (a, b, metric, precision, basis)."""
        rows = [{**one, **prefixed(one["ratio"], "ratio_")} for one in self._document["differences"]]
        columns = (*(f"ratio_{key}" for key in QUANTILES), "probability_a_more")
        return table(rows, ("a", "b", "metric", "precision", "basis"), columns)

    @cached_property
    def assumptions(self) -> pd.DataFrame:
        """Every parameter with its source, indexed by (cluster, name); ``default`` where nobody stated it."""
        rows = [{"cluster": one["id"], **row} for one in self._clusters for row in one["assumptions"]]
        return table(rows, ("cluster", "name"), ("value", "unit", "kind", "default", "source"))

    @property
    def _clusters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._document["clusters"]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``flopcensus compare --format json`` prints."""
        from flopcensus.documents.compare import comparison_document

        return comparison_document(self._found)

    def to_csv(self) -> str:
        """Return what ``flopcensus compare --format csv`` prints."""
        from flopcensus.documents.compare import comparison_csv

        return comparison_csv(self._found)

    def _title(self) -> str:
        return f"comparison of {', '.join(one['id'] for one in self._clusters)}"

    def _shown(self) -> dict[str, pd.DataFrame]:
        capacity = self.capacity.reset_index().pivot_table(
            index=["precision", "basis"], columns="cluster", values="p50", sort=False
        )
        metrics = self.metrics.reset_index().pivot_table(
            index=["label", "unit"], columns="cluster", values="p50", sort=False
        )
        return {"capacity, median, FLOP/s": capacity, "median": metrics}


def compare(
    clusters: str | Path | list[str | Path] | tuple[str | Path, ...],
    *more: str | Path,
    precision: Texts = ("bf16",),
    basis: Texts = (),
    overlay: Paths = (),
    calibration: Evidence = (),
    draws: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Set hypothetical clusters side by side.

    Args:
        clusters: YAML files, or shipped ids, alone or in a list.
        more: further ones.
        precision: the first is that of cost, training run and origin.
        basis: all four where left out.
        overlay: files that correct or add facts.
        calibration: as for `estimate`.
        draws: draws of what is uncertain.
        seed: the same seed gives the same figures.

    Raises:
        InputError: and its kin, with the message of the command line.

    >>> import flopcensus as fc
    >>> found = fc.compare("all-nvidia", "hedged", draws=100)
    >>> found.metrics.loc[("hedged", "capital_usd"), "unit"]
    'USD'
    """
    from flopcensus.answering.compare import run_comparison

    first = [clusters] if isinstance(clusters, (str, Path)) else list(clusters)
    names = tuple(str(one) for one in (*first, *more))
    given = {"precision": precision, "basis": basis, "overlay": overlay, "draws": draws, "seed": seed}
    with asked("compare", given, calibration) as o:
        found = run_comparison(
            names,
            o["precisions"],
            o["bases"],
            o["overlays"],
            o["calibrations"],
            draws=o["draws"],
            seed=o["seed"],
        )
    return Comparison(found)
