"""``flopcensus shares``: one designer's shares side by side, each with its denominator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.accounts.sales.shares import Shares
    from accounting.reference.facts import Facts

_SCHEMA = "flopcensus/shares/1"
COLUMNS = ("of", "excludes", "share", "p5", "p95", "date", "kind", "source")
_EXAMPLE = """\b
Examples:
  flopcensus shares nvidia
  flopcensus shares nvidia --sold chip_sales.csv --as-of 2025-12-31
"""


@click.command("shares", epilog=_EXAMPLE)
@click.argument("designer")
@click.argument("census", nargs=-1)
@click.option("--as-of", help="Date to count at, YYYY-MM-DD [default: today].")
@click.option(
    "--basis",
    type=click.Choice(["peak", "achievable", "sustained", "delivered"]),
    default="peak",
    show_default=True,
)
@click.option("--precision", default="bf16", show_default=True, help="fp64, fp32, tf32, bf16, fp8, …")
@click.option(
    "--sold",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Chip sales, file or folder (Epoch AI's), in place of the shipped totals; repeatable.",
)
@overlay_option
@calibration_option
@draws_option
@seed_option
@format_option
def command(output: Format, **options: Any) -> None:
    """Set the shares of a DESIGNER of accelerators side by side: of revenue, of sales, of what is located.

    They are shares of different things, and none can be got from another. CENSUS is as in estimate.
    """
    from accounting.accounts.nations.request import BriefRequest
    from accounting.accounts.sales.shares import shares
    from accounting.accounts.sales.sold import shipped_totals
    from accounting.census.readers.epoch_chips import control_totals
    from accounting.census.selection import Selection
    from accounting.census.sources import load_census
    from accounting.reference.facts import load_facts
    from accounting.reference.market_shares import load_market_shares
    from accounting.reference.shipped import configs_root
    from flopcensus.answering.reading import calibration_for, read_day, require_precision

    facts = load_facts(overlays=options["overlays"])
    require_precision(options["precision"])
    table = facts.names.organisations
    designer = table.resolve(options["designer"]) if table else options["designer"]
    request = BriefRequest(
        code=designer,
        selection=Selection(read_day(options["as_of"], "--as-of")),
        basis=options["basis"],
        precision=options["precision"],
        unit="flops",
        seed=options["seed"],
        draws=options["draws"],
    )
    calibration = calibration_for((request.basis,), options["calibrations"], facts)
    market = load_market_shares(configs_root() / "market_shares.yaml", facts)
    shipped = shipped_totals(facts)
    covered = shipped if shipped.covered(request.selection.as_of) else None
    sold = control_totals(options["sold"], facts) if options["sold"] else covered
    ledger = load_census(options["census"], facts)
    _emit(shares(designer, ledger, request, facts, calibration, market, sold), facts, output)


def _emit(found: Shares, facts: Facts, output: Format) -> None:
    from flopcensus.intervals import percents
    from flopcensus.output import percent, print_table, say, to_csv, to_json, warn

    plain = [{name: getattr(one, name) for name in COLUMNS} for one in found.shares]
    for row in plain:
        row["date"] = row["date"].isoformat()
    if output == "json":
        who = {"code": found.organisation, "name": facts.label(found.organisation)}
        document = {"schema": _SCHEMA, "designer": who, "shares": plain, "warnings": list(found.warnings)}
        click.echo(to_json(document), nl=False)
    elif output == "csv":
        click.echo(to_csv(COLUMNS, plain), nl=False)
    else:
        rows = [
            (one.of, percent(one.share), percents(one.p5, one.p95), str(one.date), one.kind)
            for one in found.shares
        ]
        title = f"{facts.label(found.organisation)}: shares of different things"
        print_table(title, ("of", "share", "5 to 95 %", "date", "known"), rows)
        for one in found.shares:
            without = f"; without {one.excludes}" if one.excludes else ""
            say(f"  {one.of}: {one.source}{without}")
    for text in dict.fromkeys(found.warnings):
        warn(text)
