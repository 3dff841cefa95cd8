"""``flopcensus report``: the page of a study's results."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLE = """\b
Example:
  flopcensus report results/world/results.json -o world.html
"""


@click.command("report", epilog=_EXAMPLE)
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="File to write [default: report.html beside RESULTS].",
)
def command(results: Path, out: Path | None) -> None:
    """Write the page of RESULTS, a results.json written by flopcensus run (or its folder)."""
    from bench.errors import InputError
    from bench.files import write_text_atomic
    from flopcensus.output import note
    from flopcensus.report.document import load_results
    from flopcensus.report.page import render

    source = results / "results.json" if results.is_dir() else results
    target = out or source.with_name("report.html")
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"{target}: the page would replace its own results; name another file with -o")
    write_text_atomic(target, render(load_results(source)))
    note(f"report written to {target}")
