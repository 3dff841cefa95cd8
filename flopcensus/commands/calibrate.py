"""``flopcensus calibrate``: from bench records to a calibration file; and what a calibration comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flopcensus.options import format_option
from flopcensus.output import Format

_EXAMPLE = """\b
Examples:
  flopcensus calibrate results/bench/record-*.json -o mine.yaml
  flopcensus calibrate --table
  flopcensus calibrate --table mine.yaml
"""


@click.command("calibrate", epilog=_EXAMPLE)
@click.argument("records", nargs=-1, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write [default: stdout].")
@click.option(
    "--table",
    is_flag=True,
    help="Paper against measured instead: H100e of every measured accelerator on four bases, and how "
    "shares of the shipped census move. RECORDS may be calibration files here.",
)
@click.option("--precision", default="bf16", show_default=True, help="bf16 or fp8; of --table.")
@click.option("--draws", type=int, default=2_000, show_default=True, help="Draws; of --table.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same figures.")
@format_option
def command(records: tuple[Path, ...], out: Path | None, output: Format, **options: Any) -> None:
    """Turn bench RECORDS into measurements that estimate takes with --calibration.

    Repeated runs and several nodes are pooled: the figure is the mean over nodes of each node's mean, and
    the spread between nodes is kept apart from that within them.
    """
    if options["table"]:
        _emit_table(records, output, **options)
        return
    if not records:
        raise click.UsageError("name one or more RECORDS, or --table to see what is measured")
    _write(records, out)


def _emit_table(
    calibrations: tuple[Path, ...], output: Format, *, precision: str, draws: int, seed: int, **_: Any
) -> None:
    from flopcensus.answering.paper import run_paper
    from flopcensus.documents.paper import csv, document
    from flopcensus.output import show
    from flopcensus.tables.paper import print_paper

    found = run_paper(calibrations, precision, draws, seed)
    show(output, lambda: document(found), lambda: csv(found), lambda: print_paper(found))


def _write(records: tuple[Path, ...], out: Path | None) -> None:
    from bench.files import write_text_atomic
    from flopcensus.answering.calibrate import run_calibrate, scaling_of, to_yaml
    from flopcensus.output import note

    measurements, series = run_calibrate(records), scaling_of(records)
    text = to_yaml(measurements, series)
    if out is None:
        click.echo(text, nl=False)
        return
    write_text_atomic(out, text)
    scaling = f" and {len(series)} series of scaling" if series else ""
    note(
        f"{len(measurements)} measurements{scaling} of {len(records)} records written to {out}; to use them:"
    )
    note(f"  flopcensus estimate --calibration {out}")
    if any(one.one_node for one in series):
        note("scaling within one node is kept; sustained is at scale and takes series over several nodes")
    if any(m.basis == "sustained" for m in measurements):
        note("training steps of one accelerator are kept; sustained is at scale and does not take them")
