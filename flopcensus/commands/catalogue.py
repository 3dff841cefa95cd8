"""``flopcensus catalogue``: the facts that the accounts rest on."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.documents.catalogue.tables import TABLES
from flopcensus.options import format_option, overlay_option
from flopcensus.output import Format, si

if TYPE_CHECKING:
    from flopcensus.documents.catalogue.rows import Row

# too long for a terminal
_ONLY_IN_FILES = frozenset(
    {"source", "facility", "owners", "operator", "software", "foundry", "process", "packager", "same_as"}
    | {"memory_suppliers", "memory_type", "interconnect", "interconnect_bandwidth_bytes_per_s", "family"}
    | {"summary", "flop", "bytes", "die_area_mm2", "kind", "location", "users", "years", "destinations"}
    | {f"sparse_{p}_flop_per_s" for p in ("fp64", "fp32", "tf32", "bf16", "fp8", "int8", "fp4")}
)
# but worth a column where these are what is shown
_SHOWN_IN = {
    "freshness": frozenset({"family"}),
    "organisations": frozenset({"kind"}),
    "sites": frozenset({"location", "owners", "users"}),
}
_NAMES_AS_WELL = frozenset({"organisations", "countries", "sites", "clusters", "export-rules"})
_UNITS = {"_flop_per_s": "FLOP/s", "_bytes_per_s": "B/s", "_bytes": "B", "_w": "W"}
# the digits after the point say nothing any more
_WHOLE_FROM = 1e5
_EXAMPLE = """\b
Examples:
  flopcensus catalogue accelerators --where designer=huawei
  flopcensus catalogue accelerators --where "bf16_flop_per_s>=1e15" --where status=shipping
  flopcensus catalogue accelerators nvidia-h100-sxm amd-mi300x
  flopcensus catalogue facilities --where territory=NO --format csv
  flopcensus catalogue freshness --where table=accelerators

\b
freshness counts what the facts rest on, by kind and age, and how much of it is older than two years.
"""


@click.command("catalogue", epilog=_EXAMPLE)
@click.argument("table", type=click.Choice(list(TABLES)), default="accelerators", metavar="[TABLE]")
@click.argument("names", nargs=-1)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    help="COLUMN=VALUE, also != < <= > >= and ~ (contains); repeatable.",
)
@overlay_option
@format_option
def command(
    table: str,
    names: tuple[str, ...],
    conditions: tuple[str, ...],
    overlays: tuple[Path, ...],
    output: Format,
) -> None:
    """List a TABLE of the shipped facts, or show the rows called NAMES in full, with their sources.

    TABLE is accelerators (where left out), organisations, countries, groups, facilities, sites, clusters,
    clouds, programmes, unrecorded, export-rules, measurements, workloads or freshness.
    """
    from accounting.reference.facts import load_facts
    from flopcensus.documents.catalogue.rows import plain
    from flopcensus.output import to_csv, to_json

    facts = load_facts(overlays=overlays)
    rows = TABLES[table](facts)
    columns = list(rows[0]) if rows else []
    rows = _kept(rows, columns, conditions)
    if names:
        rows = _named(rows, table, names)
    if output == "json":
        document = {"schema": "flopcensus/catalogue/1", "table": table, "rows": [_json(row) for row in rows]}
        click.echo(to_json(document), nl=False)
    elif output == "csv":
        click.echo(
            to_csv(columns, [{key: plain(value) for key, value in row.items()} for row in rows]), nl=False
        )
    elif names:
        _print_whole(rows)
    else:
        _print_list(table, columns, rows, filtered=bool(conditions))


def _json(row: Row) -> Row:
    from flopcensus.documents.catalogue.rows import plain

    return {key: list(value) if isinstance(value, tuple) else plain(value) for key, value in row.items()}


_CONDITION = re.compile(r"\s*([^=!<>~]+?)\s*(<=|>=|!=|=|<|>|~)\s*(.*?)\s*")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _kept(rows: list[Row], columns: Sequence[str], conditions: tuple[str, ...]) -> list[Row]:
    """Return the rows that all conditions hold for; a value that is not known fulfils none."""
    from accounting.errors import UnknownNameError

    for text in conditions:
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"write COLUMN=VALUE (found '{text}')", param_hint="--where")
        column, sign, wanted = match.groups()
        if column not in columns:
            raise UnknownNameError("column", column, columns)
        rows = [row for row in rows if _holds(row[column], sign, wanted)]
    return rows


def _holds(value: Any, sign: str, wanted: str) -> bool:
    from flopcensus.documents.catalogue.rows import plain

    if value is None:
        return False
    if isinstance(value, (int, float)) and not isinstance(value, bool) and sign != "~":
        try:
            return _COMPARE[sign](value, float(wanted))
        except ValueError:
            raise click.BadParameter(
                f"a number is compared here (found '{wanted}')", param_hint="--where"
            ) from None
    texts = (
        [str(item).casefold() for item in value]
        if isinstance(value, tuple)
        else [str(plain(value)).casefold()]
    )
    asked = wanted.casefold()
    if sign == "~":
        return any(asked in text for text in texts)
    if sign == "!=":
        return asked not in texts
    return any(_COMPARE[sign](text, asked) for text in texts)


def _named(rows: list[Row], table: str, names: tuple[str, ...]) -> list[Row]:
    """Return the rows whose first column, or name, is asked for. Raises UnknownNameError."""
    from accounting.errors import UnknownNameError

    known: dict[str, list[Row]] = {}
    # as the table writes them, for the error
    spelt: dict[str, str] = {}
    for row in rows:
        first = str(next(iter(row.values())))
        for name in dict.fromkeys((first, str(row.get("facility", first)), str(row.get("name", first)))):
            known.setdefault(name.casefold(), []).append(row)
            spelt.setdefault(name.casefold(), name)
    found: list[Row] = []
    for name in names:
        if name.casefold() not in known:
            raise UnknownNameError(f"row of {table}", name, spelt.values())
        found += [row for row in known[name.casefold()] if row not in found]
    return found


def _print_list(table: str, columns: Sequence[str], rows: list[Row], *, filtered: bool) -> None:
    from flopcensus.output import note, print_table

    hidden = _ONLY_IN_FILES - _SHOWN_IN.get(table, frozenset())
    if table not in _NAMES_AS_WELL:
        hidden |= {"name"}
    shown = [column for column in columns if column not in hidden]
    shown = [column for column in shown if any(row[column] not in (None, "", ()) for row in rows)]
    if table == "freshness" and not filtered:
        # families by the hundred: shown when a table is asked for
        rows = [row for row in rows if row["family"] == "all"]
    print_table(f"{table}: {len(rows)} rows", shown, [[_text(c, row[c]) for c in shown] for row in rows])
    if table == "workloads":
        _print_formulas(rows)
    note("one in full: flopcensus catalogue TABLE NAME; all columns and sources: --format csv or json")


def _print_whole(rows: list[Row]) -> None:
    from flopcensus.output import printable, say

    for place, row in enumerate(rows):
        if place:
            say("")
        for column, value in row.items():
            if value in (None, "", ()):
                continue
            if column == "source":
                for url in str(value).split():
                    say(f"  source: {printable(url)}")
            else:
                say(f"  {column.removesuffix('_flop_per_s')}: {printable(_text(column, value))}")


def _print_formulas(rows: list[Row]) -> None:
    """Print what each workload measures, and what counts as work, once where several share it."""
    from flopcensus.output import say

    sharing: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        sharing.setdefault((row["flop"], row["bytes"]), []).append(row)
    for (flop, moved), alike in sharing.items():
        for row in alike:
            say(f"{row['workload']}: {row['summary']}")
        say(f"  work:  {' '.join(flop.split())}")
        say(f"  bytes: {' '.join(moved.split())}")


def _text(column: str, value: Any) -> str:
    from flopcensus.documents.catalogue.rows import plain

    if value is None:
        return ""
    if not isinstance(value, bool) and isinstance(value, (int, float)):
        for ending, unit in _UNITS.items():
            if column.endswith(ending):
                return si(value, unit)
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:,g}"
    return str(plain(value))
