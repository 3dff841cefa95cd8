"""``flopcensus bench diff``: two records of one kind of hardware, compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import format_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from bench.assessing.difference import Comparison, Difference

EXIT_SLOWER = 1
_EXAMPLE = """\b
Example:
  flopcensus bench diff before.json after.json
"""


@click.command("diff", epilog=_EXAMPLE)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--margin", type=float, default=0.02, show_default=True, help="Differences within ± this count as none."
)
@format_option
@click.pass_context
def diff(context: click.Context, *, old: Path, new: Path, margin: float, output: Format) -> None:
    """Say whether NEW is the same as OLD, faster, slower, or cannot be told apart.

    Both are records of flopcensus bench. Records of different hardware are refused. Exit code 1 means that
    something is slower.
    """
    from bench.assessing.difference import compare_records
    from bench.record import load_record
    from flopcensus.output import warn
    from flopcensus.records.table import disturbance

    records = load_record(old), load_record(new)
    comparison = compare_records(*records, margin)
    _show(comparison, output, margin)
    for path, record in zip((old, new), records, strict=True):
        if told := disturbance(record).lstrip("; "):
            warn(f"{path}: while it was measured, {told}; a difference may be that")
    if any(one.verdict == "slower" for one in comparison.differences):
        context.exit(EXIT_SLOWER)


COLUMNS = (
    *("workload", "device", "precision", "unit", "old", "new", "ratio", "ci95_low", "ci95_high"),
    *("verdict", "clock_ratio", "per_clock_ratio"),
)


def _show(comparison: Comparison, output: Format, margin: float) -> None:
    from flopcensus.output import to_csv, to_json

    rows = [_entry(one) for one in comparison.differences]
    if output == "json":
        document = {
            "schema": "flopcensus/bench-diff/1",
            "margin": margin,
            "differences": rows,
            "only_old": list(comparison.only_old),
            "only_new": list(comparison.only_new),
        }
        click.echo(to_json(document), nl=False)
    elif output == "csv":
        click.echo(to_csv(COLUMNS, rows), nl=False)
    else:
        _print(comparison, margin)


def _entry(one: Difference) -> dict[str, Any]:
    return {
        "workload": one.workload,
        "device": one.device,
        "precision": one.precision,
        "unit": one.unit,
        "old": one.old,
        "new": one.new,
        "ratio": one.ratio,
        "ci95_low": one.ci95[0],
        "ci95_high": one.ci95[1],
        "verdict": one.verdict,
        "clock_ratio": one.clock_ratio,
        "per_clock_ratio": one.per_clock,
    }


def _print(comparison: Comparison, margin: float) -> None:
    from flopcensus.output import percent, print_table, say, si

    rows = [
        (
            f"{one.workload} {one.precision} on {one.device}",
            si(one.old, one.unit, 4),
            si(one.new, one.unit, 4),
            f"{one.ratio:.3f}",
            f"{one.ci95[0]:.3f} to {one.ci95[1]:.3f}",
            "–" if one.per_clock is None else f"{one.per_clock:.3f}",
            one.verdict,
        )
        for one in comparison.differences
    ]
    print_table("", ("", "old", "new", "new ÷ old", "95 % interval", "per clock", "verdict"), rows)
    for names, where in ((comparison.only_old, "old"), (comparison.only_new, "new")):
        if names:
            say(f"only in the {where} record: {', '.join(names)}")
    if any(one.verdict == "cannot tell" for one in comparison.differences):
        say(f"cannot tell: the interval holds both no difference and one beyond ±{percent(margin)};")
        say("  measure longer (--time-budget), or ask for less (--margin)")
