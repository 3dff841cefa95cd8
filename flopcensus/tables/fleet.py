"""A judged fleet for people: how large, how spread, what to drain, what was set aside."""

from __future__ import annotations

from collections.abc import Sequence

from flopcensus.answering.fleet import Fleet
from flopcensus.documents.fleet import accelerators, public_reason, public_words, strongest

_MOST_SHOWN = 20


def print_fleet(fleet: Fleet) -> None:
    """Print the fleet as its operator reads it: how large, how spread, what to drain, what was set aside."""
    from flopcensus.output import percent, print_table, say, si

    judged = fleet.judgement
    devices = ", ".join(f"{one['count']:,} {one['model']}" for one in accelerators(fleet))
    say(f"{len(fleet.gathered.nodes):,} nodes, {devices}; {fleet.reading.files:,} files")
    for note in judged.notes:
        say(note)
    rows = [
        (
            one.metric + (f" (group {one.group + 1})" if len(judged.groups) > 1 else ""),
            f"{one.devices:,}",
            si(one.median, one.unit),
            si(one.quantiles["p5"], one.unit),
            si(one.quantiles["p95"], one.unit),
            si(one.least, one.unit),
            percent(one.spread),
        )
        for one in judged.distributions
    ]
    print_table("", ("metric", "devices", "median", "5th", "95th percentile", "lowest", "spread"), rows)
    _print_shifts(fleet)
    _print_sick(fleet)
    _print_set_aside(fleet)


def _print_shifts(fleet: Fleet) -> None:
    from flopcensus.output import print_table

    rows = [
        (
            one.metric,
            f"{one.devices:,}",
            f"{one.ratio:.3f}",
            "–" if one.ci95 is None else f"{one.ci95[0]:.3f} to {one.ci95[1]:.3f}",
            "slower" if one.slower else "",
        )
        for one in fleet.judgement.shifts
    ]
    if rows:
        print_table("against the baseline", ("metric", "devices", "now ÷ then", "95 % interval", ""), rows)


def _print_sick(fleet: Fleet) -> None:
    from flopcensus.output import percent, say

    judged, sick = fleet.judgement, fleet.judgement.sick
    if not sick:
        say(f"no node to drain ({judged.tests:,} tests)")
    rows = [
        (fleet.name(node), one.device or "all devices", public_words(fleet, one))
        for node, outliers in sick.items()
        for one in strongest(outliers)
    ]
    if rows:
        say(f"{len(sick):,} nodes to drain")
        _print_left(("node", "device", "why"), rows)
    if judged.tests:
        say(
            f"A fleet without a fault shows any outlier with chance {percent(judged.rate)} at most "
            f"({judged.tests:,} tests)."
        )


def _print_left(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table of words: all columns to the left."""
    from flopcensus.output import printable, say

    widths = [
        max(len(printable(row[place])) for row in [columns, *rows]) for place in range(len(columns) - 1)
    ]
    for row in [columns, *rows]:
        cells = [printable(cell).ljust(width) for cell, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, printable(row[-1])]).rstrip())
    say("")


def _print_set_aside(fleet: Fleet) -> None:
    from flopcensus.output import say

    found = sorted(fleet.reading.set_aside, key=lambda one: one.file)
    if found:
        rows = [(fleet.file(one.file), public_reason(fleet, one.reason)) for one in found[:_MOST_SHOWN]]
        say(f"{len(found):,} files set aside")
        _print_left(("file", "reason"), rows)
        if len(found) > _MOST_SHOWN:
            say(f"and {len(found) - _MOST_SHOWN:,} more: --format json lists all")
