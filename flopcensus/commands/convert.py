"""``flopcensus convert``: any census as our YAML or our flat CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import format_option
from flopcensus.output import Format

if TYPE_CHECKING:
    import datetime

    from accounting.census.as_facilities import Facilities, LeftOut
    from accounting.census.ledger import Ledger
    from accounting.reference.facts import Facts

OURS = "facilities"
CONVERT_SCHEMA = "flopcensus/convert/1"
COLUMNS = ("id", "name", "reason")
_CSV, _YAML = {".csv"}, {".yaml", ".yml"}
_EXAMPLE = """\b
Examples:
  flopcensus convert clusters.csv --from epoch-clusters -o clusters.yaml
  flopcensus convert clusters.csv --from epoch-clusters -o ledger.csv
  flopcensus estimate ledger:ledger.csv --basis peak
"""


@click.command("convert", epilog=_EXAMPLE)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    default=None,
    help="epoch-clusters, epoch-data-centers, top500, ledger (our CSV) or facilities (our YAML) "
    "[default: told by the columns].",
)
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="File to write, .yaml or .csv."
)
@click.option("--date", default=None, help="When the sources were looked at, for our YAML [default: today].")
@format_option
def command(file: Path, source: str | None, out: Path, date: str | None, output: Format) -> None:
    """Write a census FILE as our YAML of facilities, or as our flat CSV, which holds every field.

    What cannot be a facility of ours (no country, no owner that is known, no chip, no count) is listed with
    its reason; the CSV takes every row.
    """
    from accounting.reference.facts import load_facts
    from bench.files import write_text_atomic
    from flopcensus.answering.reading import read_day

    _check(file, out)
    facts = load_facts()
    looked_at = read_day(date, "--date")
    done = _convert(file, source, out, facts, looked_at)
    write_text_atomic(out, done.pop("text"))
    _emit(done, output)


def _check(file: Path, out: Path) -> None:
    from bench.errors import InputError

    if out.suffix.lower() not in _CSV | _YAML:
        raise InputError(f"-o {out}: the file must end in .yaml or .csv, which says what is written")
    if out.exists() and file.exists() and out.samefile(file):
        raise InputError(f"-o {out}: is the file that is read; name another")


def _convert(
    file: Path, source: str | None, out: Path, facts: Facts, looked_at: datetime.date
) -> dict[str, Any]:
    from accounting.census.as_facilities import to_yaml
    from accounting.census.facilities import load_facilities
    from accounting.census.flat import to_csv
    from flopcensus.output import warn

    to_ours = out.suffix.lower() in _YAML
    if to_ours and _is_ours(file, source):
        # straight through: a ledger holds neither locations, power nor notes
        facilities = load_facilities([file], facts)
        deployments = sum(len(facility.deployments) for facility in facilities)
        return _summary(file, out, deployments, deployments, ()) | {"text": to_yaml(facilities)}
    ledger = _ledger(file, source, facts)
    for text in ledger.warnings:
        warn(text)
    if not to_ours:
        if _is_ours(file, source):
            warn("a CSV holds the deployments: locations, power, access and notes stay in the YAML")
        return _summary(file, out, len(ledger.entries), len(ledger.entries), ()) | {"text": to_csv(ledger)}
    made = _facilities(ledger, facts, looked_at)
    summary = _summary(file, out, len(ledger.entries), made.deployments, made.left_out)
    return summary | {"text": to_yaml(made.facilities)}


def _is_ours(file: Path, source: str | None) -> bool:
    return source == OURS or (source is None and (file.is_dir() or file.suffix.lower() in _YAML))


def _ledger(file: Path, source: str | None, facts: Facts) -> Ledger:
    from accounting.census.facilities import load_facilities
    from accounting.census.ledger import from_facilities
    from accounting.census.readers.formats import READERS
    from accounting.census.sources import load_census
    from accounting.errors import UnknownNameError
    from bench.errors import InputError

    if source is not None and source != OURS and source not in READERS:
        raise UnknownNameError("census format", source, (*READERS, OURS))
    if _is_ours(file, source):
        return from_facilities(str(file), load_facilities([file], facts), facts)
    ledger = READERS[source](file, facts) if source else load_census([str(file)], facts)
    if not ledger.entries:
        raise InputError(f"{file}: no row could be read; nothing to write")
    return ledger


def _facilities(ledger: Ledger, facts: Facts, looked_at: datetime.date) -> Facilities:
    from accounting.census.as_facilities import to_facilities
    from bench.errors import InputError

    made = to_facilities(ledger, facts, looked_at)
    if not made.facilities:
        why = "; ".join(f"{count} {reason}" for reason, count in _reasons(made.left_out).items())
        raise InputError(f"{ledger.name}: no row can be a facility of ours ({why}); a .csv takes them all")
    return made


def _reasons(left_out: tuple[LeftOut, ...]) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(item.reason for item in left_out).most_common())


def _summary(file: Path, out: Path, rows: int, written: int, left_out: tuple[LeftOut, ...]) -> dict[str, Any]:
    return {
        "schema": CONVERT_SCHEMA,
        "file": str(file),
        "out": str(out),
        "rows": rows,
        "deployments": written,
        "reasons": _reasons(left_out),
        "left_out": [{"id": one.id, "name": one.name, "reason": one.reason} for one in left_out],
    }


def _emit(done: dict[str, Any], output: Format) -> None:
    from flopcensus.output import note, print_table, say, to_csv, to_json

    if output == "json":
        click.echo(to_json(done), nl=False)
    elif output == "csv":
        click.echo(to_csv(COLUMNS, done["left_out"]), nl=False)
    else:
        say(f"{done['deployments']} deployments written to {done['out']}, of {done['rows']} rows")
        if done["left_out"]:
            rows = [(one["id"], one["name"], one["reason"]) for one in done["left_out"]]
            print_table(f"{len(rows)} left out", ("row", "name", "why"), rows)
            for reason, count in done["reasons"].items():
                note(f"{count} left out: {reason}")
