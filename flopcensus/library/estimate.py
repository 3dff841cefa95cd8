"""How much AI compute, by whom, on which basis, at which date."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from flopcensus.library.answer import QUANTILES, Answer, table
from flopcensus.library.asking import (
    Day,
    Evidence,
    Paths,
    Texts,
    asked,
    meter_of,
    without,
)
from flopcensus.library.census import Census, CensusLike, load_census, readable

if TYPE_CHECKING:
    import pandas as pd

    from flopcensus.answering.estimate import EstimateAnswer

_ROW = ("name", "nation", "unit", *QUANTILES, "share", "share_p5", "share_p95")
Keep = Literal["drop", "keep"]


@dataclass(frozen=True, repr=False, eq=False)
class Estimates(Answer):
    """Capacity on each basis asked for: totals, rows by level, groups, and what they rest on.

    All tables begin their index with (basis, precision), since figures of different bases are never added.
    ``unit`` is a column: FLOP/s, H100e, B/s or FLOP/year. p5, p50 and p95 are percentiles; shares are shares
    of the mean. Rows stand largest first.
    """

    _found: EstimateAnswer = field(repr=False)

    @cached_property
    def total(self) -> pd.DataFrame:
        """The total on each basis, indexed by (basis, precision)."""
        rows = [
            {"basis": e["basis"], "precision": e["precision"], "unit": e["unit"]} | e["total"]
            for e in self._entries
        ]
        return table(rows, ("basis", "precision"), ("unit", *QUANTILES))

    @cached_property
    def accounts(self) -> pd.DataFrame:
        """The rows of every level, indexed by (basis, precision, level, code), largest first.

        Crossings have levels and codes joined by commas.
        """
        rows = [
            self._place(e) | {"level": level} | row
            for e in self._entries
            for level, found in e["accounts"].items()
            for row in found
        ]
        return table(rows, ("basis", "precision", "level", "code"), _ROW)

    @cached_property
    def groups(self) -> pd.DataFrame:
        """Groups of nations (EU, OECD, …), indexed as `accounts`; they overlap and are no level."""
        rows = [self._place(e) | row for e in self._entries for row in e["groups"]]
        return table(rows, ("basis", "precision", "level", "code"), ("name", "members", *_ROW[2:]))

    @cached_property
    def concentration(self) -> pd.DataFrame:
        """HHI (0 to 10,000) and effective number of holders, indexed by (basis, precision, level)."""
        rows = [
            self._place(e) | {"level": level} | row
            for e in self._entries
            for level, row in e["concentration"].items()
        ]
        return table(rows, ("basis", "precision", "level"), ("hhi", "effective_number"))

    @cached_property
    def provenance(self) -> pd.DataFrame:
        """Share of each total by how it is known, indexed by (basis, precision, kind)."""
        rows = [
            self._place(e) | {"kind": kind, "share": share}
            for e in self._entries
            for kind, share in e["provenance"].items()
        ]
        return table(rows, ("basis", "precision", "kind"), ("share",))

    @cached_property
    def skipped(self) -> pd.Series[int]:
        """Deployments left out, by reason; the same on every basis."""
        import pandas as pd

        counts = self._found.estimates[0].accounts.skipped
        reasons = pd.Index(list(counts), name="reason")
        return pd.Series(list(counts.values()), index=reasons, dtype=int, name="deployments")

    @cached_property
    def drivers(self) -> pd.DataFrame:
        """Shares of variance by input, by (basis, precision, input); empty without ``drivers=True``."""
        rows = [
            self._place(e)
            | {key: one[key] for key in ("input", "name", "low", "high")}
            | {"first_order": one["first_order"]["share"], "total_order": one["total_order"]["share"]}
            for e in self._entries
            for one in e.get("drivers", {}).get("inputs", ())
        ]
        return table(
            rows,
            ("basis", "precision", "input"),
            ("name", "unit", "first_order", "total_order", "low", "high"),
        )

    @cached_property
    def series(self) -> pd.DataFrame:
        """Totals and rows by date, by (basis, precision, as_of, level, code); empty without ``years``."""
        from flopcensus.documents.estimate_rows import series_rows

        rows = [row for e in self._found.estimates for row in series_rows(e)]
        columns = ("name", "unit", *QUANTILES, "share", "projected", "planned_share")
        return table(
            [{**row, "projected": row["projected"] == "true"} for row in _dated(rows)],
            ("basis", "precision", "as_of", "level", "code"),
            columns,
        )

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """The census, indexed by deployment; ``counted`` says which deployments the figures hold."""
        from accounting.accounts.estimate import chosen_entries, valuer_of
        from accounting.capacity.valuation import Skipped

        found = self._found
        frame = readable(found.ledger)
        valuer = valuer_of(found.ledger, found.request, found.facts, found.calibration)
        chosen, _, _ = chosen_entries(found.ledger, found.request, found.facts)
        counted = {entry.id for entry in chosen if not isinstance(valuer.term(entry), Skipped)}
        frame.insert(0, "counted", frame.index.isin(list(counted)))
        return frame

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures should know; the command line prints the same to stderr."""
        return self._found.warnings

    @cached_property
    def _entries(self) -> list[dict[str, Any]]:
        from flopcensus.documents.estimate import estimate_entry

        return [estimate_entry(one) for one in self._found.estimates]

    @staticmethod
    def _place(entry: dict[str, Any]) -> dict[str, Any]:
        return {"basis": entry["basis"], "precision": entry["precision"], "unit": entry["unit"]}

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``flopcensus estimate --format json`` prints."""
        return self._found.document()

    def to_csv(self) -> str:
        """Return what ``flopcensus estimate --format csv`` prints."""
        from flopcensus.documents.estimate_rows import estimate_csv

        return estimate_csv(self._found.estimates)

    def _title(self) -> str:
        first = self._entries[0]
        return f"{first['census']} at {first['as_of']}: {first['deployments']} deployments"

    def _shown(self) -> dict[str, pd.DataFrame]:
        shown = {"total": self.total}
        columns = ["name", "unit", "p5", "p50", "p95", "share"]
        last = self.total.index[-1]
        rows = self.accounts.loc[last]
        for level in dict.fromkeys(rows.index.get_level_values("level")):
            shown[f"{level}, {last[0]} {last[1]}"] = rows.loc[level][columns]
        return shown


def _dated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records whose ``as_of`` is a date."""
    import pandas as pd

    return [row | {"as_of": pd.Timestamp(row["as_of"]), "code": row.get("code", "total")} for row in rows]


def estimate(
    census: CensusLike = (),
    *,
    country: Texts = (),
    group: str | None = None,
    as_of: Day | None = None,
    years: str | None = None,
    project: bool = False,
    basis: Texts = (),
    precision: str | None = None,
    column: str | None = None,
    unit: Literal["flops", "h100e", "bytes_per_s", "flop_per_year"] = "flops",
    by: Texts = (),
    status: str | None = None,
    since: Day | None = None,
    subset: Literal["all", "standard"] | None = None,
    superseded: Keep | None = None,
    duplicates: Keep | None = None,
    unknown: Keep | None = None,
    sized: Keep = "keep",
    drivers: bool = False,
    recipe: str | None = None,
    unrecorded: Texts = (),
    sold: Paths = (),
    reconcile: Literal["none", "rake"] = "none",
    joint: Literal["owner", "access", "host"] = "owner",
    overlay: Paths = (),
    calibration: Evidence = (),
    draws: int = 10_000,
    seed: int = 0,
    progress: bool = False,
) -> Estimates:
    """Estimate the capacity of a census, with its uncertainty.

    Args:
        census: as for `load_census`; the shipped one where left out.
        country: only these territories (codes or names).
        group: only the members of this group at the date (EU, G7, OECD, …).
        as_of: date to count at; today where left out.
        years: a series at the ends of years, ``"2019:2030"``; later ones are projected.
        project: project to an ``as_of`` after the snapshot, plans included.
        basis: peak, achievable, sustained, delivered; peak and delivered where left out.
        precision: fp64, fp32, tf32, bf16, fp8, int8 or fp4; bf16 where left out.
        column: a foreign file's own value column instead.
        unit: what figures are stated in: FLOP/s, H100e, memory bandwidth, or FLOP a year in use.
        by: levels, each a table; levels joined by commas are crossed. territory, provider and vendor where
            left out.
        status: statuses to count, joined by commas; operational where left out.
        since: leave out what came into service before this date.
        subset: a foreign file's own subset.
        superseded: phases replaced by a later one.
        duplicates: rows flagged as duplicates.
        unknown: rows without a country.
        sized: deployments known by power, cost or a bare number of chips.
        drivers: also say what drives the spread of each total.
        recipe: options that a published figure stands for: epoch-2025.
        unrecorded: also count estimates of unlisted accelerators, by id.
        sold: chip sales to hold the census against; as on the command line.
        reconcile: with ``sold``: rake the census to the sales.
        joint: joint ventures by shares of ownership, of access, or all to the host nation.
        overlay: files that correct or add facts; with a `Census`, give them to `load_census`.
        calibration: further measurements: files, or what `calibrate`, `bench` and `read_record` return.
        draws: draws of what is uncertain.
        seed: the same seed gives the same figures.
        progress: say on stderr how far it is.

    Raises:
        InputError: and its kin, with the message of the command line.

    >>> import flopcensus as fc
    >>> found = fc.estimate(as_of="2026-06-30", country="FI", basis="peak", draws=100)
    >>> found.accounts.loc[("peak", "bf16", "territory", "FI"), "share"].item()
    1.0
    """
    given = without(locals(), "census", "calibration", "progress")
    from bench.errors import InputError
    from flopcensus.answering.estimate import run_estimate

    with asked("estimate", given, calibration) as options:
        if isinstance(census, Census) and options["overlays"]:
            raise InputError("overlay: this census is read already; give the overlay to load_census")
        read = load_census(census, overlay=options["overlays"])
        options["census"] = read._sources
        return Estimates(run_estimate(options, meter_of(progress), (read._ledger, read._facts)))
