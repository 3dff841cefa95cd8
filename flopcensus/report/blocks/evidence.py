"""What the page rests on: the census, the measurements, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopcensus.output import si
from flopcensus.report.blocks.layout import Cell, Column, Table, columns, row
from flopcensus.report.document.results import Estimate, Facility, Measurement
from flopcensus.report.words import count, fraction, source


def census(facilities: Sequence[Facility], names: Mapping[str, str]) -> Table:
    """Return every deployment; ``names`` gives the names of nations by code, where known."""
    heads = (
        *columns("Facility", "Territory", "Owner", "Accelerator"),
        Column("Count", figures=True),
        *columns("In service", "Status", "Kind", "Source"),
    )
    rows = tuple(
        row(
            Cell(f.facility, f.deployment),
            names.get(f.territory, f.territory),
            Cell(", ".join(f.owners), ", ".join(dict.fromkeys(names.get(p, p) for p in f.provider))),
            f.accelerator,
            count(f.count),
            f.in_service or "not stated",
            f.status.replace("_", " "),
            f.kind,
            source(f.source),
        )
        for f in facilities
    )
    caption = "Every deployment of the census. Under the owner: its nation. Kind: how the count is known."
    return Table("census-table", caption, heads, rows)


def nation_names(estimates: Sequence[Estimate]) -> dict[str, str]:
    """Return the names of nations that the accounts give, by code."""
    return {
        row.code: row.name
        for estimate in estimates
        for level in ("territory", "provider", "vendor_nation")
        for row in estimate.accounts.get(level, ())
    }


def measurements(found: Sequence[Measurement]) -> Table:
    """Return every measurement of the calibration."""
    heads = (
        *columns("Accelerator", "Basis", "Precision", "Metric"),
        *columns("Achieved", "Fraction", figures=2),
        *columns("Software", "Date", "Kind", "Source"),
    )
    rows = tuple(
        row(
            m.accelerator or "any",
            m.basis,
            m.precision or "–",
            _metric(m.metric),
            _achieved(m),
            fraction(m.fraction),
            m.software or "–",
            m.date,
            m.kind,
            source(m.source),
        )
        for m in found
    )
    caption = (
        "Every measurement that the efficiencies come from. Fraction: of the dense peak of its precision, "
        "or of time for availability."
    )
    return Table("measurements-table", caption, heads, rows)


def _achieved(m: Measurement) -> str:
    if m.achieved_bytes_per_s is not None:
        return si(m.achieved_bytes_per_s, "B/s")
    return "–" if m.achieved_flop_per_s is None else si(m.achieved_flop_per_s, "FLOP/s")


def _metric(metric: str | None) -> str:
    if metric is None:
        return "–"
    return metric.upper() if metric in {"mfu", "hfu"} else metric.replace("_", " ")


def left_out(estimates: Sequence[Estimate]) -> Table | None:
    """Return how many rows each basis left out, by reason; None where none was."""
    reasons = list(dict.fromkeys(reason for e in estimates for reason in e.skipped))
    if not reasons:
        return None
    heads = columns("Reason", *(e.basis for e in estimates), figures=len(estimates))
    rows = tuple(row(reason, *(f"{e.skipped.get(reason, 0):,}" for e in estimates)) for reason in reasons)
    return Table("left-out-table", "Rows of the census left out, by reason and basis", heads, rows)
