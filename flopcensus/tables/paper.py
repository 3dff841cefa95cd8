"""The table "paper against measured", for people."""

from __future__ import annotations

from collections.abc import Sequence

from accounting.accounts.account import Quantiles
from accounting.accounts.paper import Bandwidth, Move, Weight
from accounting.capacity.bases import BASES, Basis
from flopcensus.answering.paper import LEVELS, PaperAgainstMeasured
from flopcensus.intervals import span
from flopcensus.output import percent, print_table, say, si

_ROWS_SHOWN = 8
# whose memory bandwidth the others are set against
_REFERENCE = "nvidia-h100-sxm"


def print_paper(found: PaperAgainstMeasured) -> None:
    """Print what one accelerator is worth, how shares move by it, and the same of memory."""
    _print_weights(found)
    say("* no measurement of its own on this basis: its kin's, assumed. Constants: configs/h100e.yaml.\n")
    of_census = f"shipped census, {found.day}"
    for level in LEVELS:
        title = f"shares by {level}, {of_census}: from peak to delivered"
        _print_moves(title, level, ("peak", "delivered"), found.shares)
    _print_bandwidths(found)
    say("* no stream of its own measured: its kin's, assumed.\n")
    for level in LEVELS:
        title = f"shares by {level}, {of_census}, at peak: of {found.precision} FLOP/s and of bytes/s"
        _print_moves(title, level, ("FLOP/s", "bytes/s"), found.bytes_beside_flop)


def _print_weights(found: PaperAgainstMeasured) -> None:
    rows = [
        (found.facts.label(row.accelerator), *(_weight(row, basis) for basis in BASES))
        for row in sorted(found.weights, key=lambda row: -row.h100e["peak"].p50)
    ]
    print_table(f"paper against measured: H100e in {found.precision}, median (5 to 95 %)", ("", *BASES), rows)


def _weight(row: Weight, basis: Basis) -> str:
    q = row.h100e.get(basis)
    if q is None:
        return "not available"
    if q.p5 == q.p95:
        return f"{q.p50:.2f}"
    # delivered is sustained by an availability: it has no measurement beyond that
    measured = row.own["sustained" if basis == "delivered" else basis]
    return f"{q.p50:.2f} ({q.p5:.2f} to {q.p95:.2f}){'' if measured else '*'}"


def _print_moves(title: str, level: str, sides: tuple[str, str], moves: Sequence[Move]) -> None:
    largest = [one for one in moves if one.level == level][:_ROWS_SHOWN]
    rows = [(one.name, percent(one.before), percent(one.after), _points(one.difference)) for one in largest]
    print_table(title, (level, *sides, "difference in points (5 to 95 %)"), rows)


def _points(q: Quantiles) -> str:
    return f"{100 * q.p50:+.1f} ({100 * q.p5:+.1f} to {100 * q.p95:+.1f})"


def _print_bandwidths(found: PaperAgainstMeasured) -> None:
    reference = next(row for row in found.bandwidths if row.accelerator == _REFERENCE)
    rows = [
        (
            found.facts.label(row.accelerator),
            f"{si(row.peak, 'B/s')} ({row.peak / reference.peak:.2f})",
            _achievable(row),
            f"{row.flop_per_byte:,.0f}" if row.flop_per_byte else "not available",
        )
        for row in found.bandwidths
    ]
    columns = ("", "peak (of an H100's)", "achievable (5 to 95 %)", f"peak {found.precision} FLOP per byte")
    print_table("memory bandwidth of one accelerator", columns, rows)


def _achievable(row: Bandwidth) -> str:
    if row.achievable is None:
        return "not available"
    return f"{span(row.achievable, 'B/s')}{'' if row.own else '*'}"
