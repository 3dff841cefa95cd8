"""``flopcensus export``: an estimate as a table for spreadsheets, databases and statistics offices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import format_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.accounts.release.suppression import Pattern
    from flopcensus.exports.table import Row

SUMMARY_SCHEMA = "flopcensus/exported/1"
COLUMNS = ("level", "code", "conf_status", "reason")
_PATIENCE_SECONDS = 10.0
_SUFFIXES = (".csv", ".xlsx", ".parquet", ".json")
_EXAMPLE = """\b
Examples:
  flopcensus estimate --by territory --by territory,owner --format json > estimate.json
  flopcensus export estimate.json -o estimate.xlsx
  flopcensus export results/world/results.json -o world.csv --sdmx
  flopcensus export estimate.json -o open.csv --basis peak --suppress threshold=3,dominance=1:75
"""


@click.command("export", epilog=_EXAMPLE)
@click.argument("document", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="File to write; its ending says how: .csv, .xlsx, .parquet or .json.",
)
@click.option("--basis", default=None, help="Only this basis [default: all that the document holds].")
@click.option("--sdmx", is_flag=True, help="SDMX-CSV 2.0, with the data structure definition beside it.")
@click.option(
    "--suppress",
    default=None,
    metavar="RULES",
    help="Withhold confidential cells: threshold=N, dominance=N:K, p=P, margin=M, joined by commas.",
)
@click.option(
    "--contributors",
    type=click.Choice(["owner", "operator", "facility"]),
    default="owner",
    show_default=True,
    help="Whose figures --suppress protects; the document needs each level crossed with it.",
)
@format_option
def command(document: Path, out: Path, output: Format, **options: Any) -> None:
    """Write the rows of DOCUMENT, each figure in a row, with the dictionary of the columns.

    DOCUMENT is what "flopcensus estimate --format json" prints, or a study's results.json. Nothing is
    computed anew.
    """
    from flopcensus.exports.document import load_estimates
    from flopcensus.exports.table import long_rows

    _check(document, out, sdmx=options["sdmx"])
    estimates = _of_basis(load_estimates(document), options["basis"])
    rows, pattern, reasons = long_rows(estimates), None, list[dict[str, str]]()
    if options["suppress"]:
        rows, pattern = _withhold(estimates, rows, options["suppress"], options["contributors"])
        reasons = _reasons(pattern)
    files = _write(out, rows, sdmx=options["sdmx"])
    summary = {
        "schema": SUMMARY_SCHEMA,
        "document": str(document),
        "files": [str(file) for file in files],
        "rows": len(rows),
        "withheld": reasons,
        "weak": [" / ".join(cell) for cell in pattern.weak] if pattern else [],
    }
    _emit(summary, output)


def _check(document: Path, out: Path, *, sdmx: bool) -> None:
    from bench.errors import InputError

    if out.suffix.lower() not in _SUFFIXES:
        raise InputError(f"-o {out}: the file must end in {', '.join(_SUFFIXES)}, which says what is written")
    if sdmx and out.suffix.lower() != ".csv":
        raise InputError(f"-o {out}: SDMX is written as .csv, with its structures beside it")
    if out.exists() and document.exists() and out.samefile(document):
        raise InputError(f"-o {out}: is the document that is read; name another")


def _of_basis(estimates: list[dict[str, Any]], basis: str | None) -> list[dict[str, Any]]:
    from accounting.errors import UnknownNameError

    if basis is None:
        return estimates
    known = [str(one["basis"]) for one in estimates]
    if basis not in known:
        raise UnknownNameError(f"basis (the document holds {', '.join(known)})", basis, known)
    return [one for one in estimates if one["basis"] == basis]


def _withhold(
    estimates: Sequence[Mapping[str, Any]], rows: list[Row], rules: str, contributor: str
) -> tuple[list[Row], Pattern]:
    from accounting.accounts.release.disclosure import published, table
    from accounting.accounts.release.sensitive_cells import parse_rules
    from accounting.accounts.release.suppression import suppress
    from bench.errors import InputError
    from flopcensus.exports.table import withhold
    from flopcensus.output import warn

    parsed = parse_rules(rules)
    if len(estimates) > 1:
        # the ratios between bases are known, and would be a second equation for every sum
        known = ", ".join(str(one["basis"]) for one in estimates)
        raise InputError(
            f"--suppress protects one basis at a time: choose one with --basis (there are {known})"
        )
    estimate = estimates[0]
    pattern = suppress(table(estimate, contributor), parsed)
    for cell in pattern.weak:
        named = " / ".join(cell)
        warn(f"{named}: the one {contributor} of another withheld cell can work it out more closely")
    return withhold(rows, pattern, published(estimate, contributor)), pattern


def _reasons(pattern: Pattern) -> list[dict[str, str]]:
    primary = [
        {"level": level, "code": code, "conf_status": "C", "reason": why}
        for (level, code), why in sorted(pattern.primary.items())
    ]
    why = "another cell could be computed back from it"
    return primary + [
        {"level": level, "code": code, "conf_status": "D", "reason": why}
        for level, code in sorted(pattern.secondary)
    ]


def _write(out: Path, rows: list[Row], *, sdmx: bool) -> list[Path]:
    from bench.files import claimed, write_bytes_atomic

    contents = _contents(out, rows, sdmx=sdmx)
    # the data of one run must not stand beside the structures of another
    with claimed(out.parent, _PATIENCE_SECONDS):
        for path, content in contents.items():
            write_bytes_atomic(path, content)
    return list(contents)


def _contents(out: Path, rows: list[Row], *, sdmx: bool) -> dict[Path, bytes]:
    suffix = out.suffix.lower()
    if sdmx:
        from flopcensus.exports.sdmx import to_sdmx

        data, structure = to_sdmx(rows)
        return {out: data.encode(), out.with_suffix(".structure.json"): structure.encode()}
    if suffix == ".xlsx":
        from flopcensus.exports.xlsx import to_xlsx

        return {out: to_xlsx(rows)}
    if suffix == ".parquet":
        from flopcensus.exports.parquet import to_parquet

        return {out: to_parquet(rows)}
    from flopcensus.exports.text import dictionary_csv, to_csv, to_json_document

    if suffix == ".json":
        return {out: to_json_document(rows).encode()}
    return {out: to_csv(rows).encode(), out.with_suffix(".dictionary.csv"): dictionary_csv().encode()}


def _emit(summary: dict[str, Any], output: Format) -> None:
    from flopcensus.output import print_table, say, to_csv, to_json

    if output == "json":
        click.echo(to_json(summary), nl=False)
    elif output == "csv":
        click.echo(to_csv(COLUMNS, summary["withheld"]), nl=False)
    else:
        say(f"{summary['rows']} rows written to {', '.join(summary['files'])}")
        if summary["withheld"]:
            rows = [tuple(one[name] for name in COLUMNS) for one in summary["withheld"]]
            print_table(f"{len(rows)} cells withheld", COLUMNS, rows)
