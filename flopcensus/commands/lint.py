"""``flopcensus lint``: what is wrong in a census, ours or foreign, and by how much it moves the total."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accounting.lint.rule import Finding

_EXAMPLE = """\b
Examples:
  flopcensus lint gpu_clusters.csv
  flopcensus lint gpu_clusters.csv TOP500.xlsx data_centers.csv
  flopcensus lint gpu_clusters.csv --fix -o repaired.csv
  flopcensus lint facilities/ --format sarif > findings.sarif

\b
Exit code 1: a finding of severity error.
"""


@click.command("lint", epilog=_EXAMPLE)
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "sarif"]),
    default="table",
    show_default=True,
    help="How findings are written to stdout.",
)
@click.option("--fix", is_flag=True, help="Write a repaired copy of the one CSV file given to --output.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The copy; beside it comes OUTPUT.changes.csv."
)
def command(files: tuple[str, ...], form: str, fix: bool, output: Path | None) -> int:
    """Check FILES by the linter's rules, each on its own and against one another.

    FILES are our YAML (files or folders), clusters, data centres, chip sales and ML hardware of Epoch AI and
    TOP500 lists, told by their columns or by a prefix (epoch-clusters:PATH).
    """
    import datetime

    from accounting.lint.linting import lint
    from accounting.reference.facts import load_facts
    from flopcensus.documents.lint import csv, document, sarif
    from flopcensus.output import to_json
    from flopcensus.tables.lint import print_findings

    target = _target(files, fix, output)
    found = lint(files, load_facts(), datetime.datetime.now().date())
    if target is not None:
        _write_fixed(files[0], target, found)
    if form in {"json", "sarif"}:
        click.echo(to_json(document(found) if form == "json" else sarif(found)), nl=False)
    elif form == "csv":
        click.echo(csv(found), nl=False)
    else:
        print_findings(found)
    return 1 if any(finding.severity == "error" for finding in found) else 0


def _target(files: tuple[str, ...], fix: bool, output: Path | None) -> Path | None:
    """Return where the copy goes, None where none is asked for."""
    if fix != (output is not None):
        raise click.UsageError("--fix and --output go together: --fix -o COPY.csv")
    if output is None:
        return None
    if len(files) != 1:
        raise click.UsageError(f"--fix repairs one file at a time ({len(files)} given)")
    for written in (output, _log_of(output)):
        if written.resolve() == _path_of(files[0]).resolve():
            raise click.UsageError(f"--output must not be the file itself ({written})")
    return output


def _log_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.changes.csv")


def _path_of(source: str) -> Path:
    prefix, _, rest = source.partition(":")
    # one letter is a drive
    return Path(source) if Path(source).exists() or len(prefix) == 1 else Path(rest or source)


def _write_fixed(source: str, target: Path, found: Sequence[Finding]) -> None:
    """Write the repaired copy and its log; each is written whole or not at all, the log first."""
    from dataclasses import asdict

    from accounting.lint.repairing import CHANGE_COLUMNS, repair
    from bench.files import write_bytes_atomic, write_text_atomic
    from flopcensus.output import note, to_csv

    fixed = repair(_path_of(source), found)
    log = _log_of(target)
    write_text_atomic(log, to_csv(CHANGE_COLUMNS, [asdict(change) for change in fixed.changes]))
    write_bytes_atomic(target, fixed.content)
    note(f"{target}: {len(fixed.changes)} cells repaired, listed in {log.name}")
