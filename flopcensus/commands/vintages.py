"""``flopcensus vintages``: two releases of an estimate compared, and why each figure was revised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.options import format_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from accounting.accounts.release.vintages import Revision, Vintages

VINTAGES_SCHEMA = "flopcensus/vintages/1"
COLUMNS = (
    *("as_of", "basis", "precision", "unit", "level", "code", "name", "old", "new"),
    *("revision", "relative", "data", "method", "correction", "unattributed"),
)
_ROWS_SHOWN = 10
_EXAMPLE = """\b
Examples:
  flopcensus estimate --as-of 2026-06-30 --by territory --by territory,deployment --format json > new.json
  flopcensus vintages old.json new.json
  flopcensus vintages old.json new.json --between old-census-new-method.json --format csv
"""


@click.command("vintages", epilog=_EXAMPLE)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--between",
    type=click.Path(path_type=Path),
    default=None,
    help="The old census estimated by the new method: splits method from the rest exactly.",
)
@format_option
def command(old: Path, new: Path, between: Path | None, output: Format) -> None:
    """Compare two documents of the same date, row by row.

    OLD and NEW are what "flopcensus estimate --format json" prints, or results.json of a study. Each revision
    of a mean is split into data (deployments came or went), method, and correction (other facts about the
    same deployments); the parts add up. Crossings with deployment, in both, make the split exact.
    """
    from accounting.accounts.release.vintages import pair, revisions
    from flopcensus.exports.document import load_estimates

    pairs = pair(load_estimates(old), load_estimates(new))
    middle = load_estimates(between) if between else None
    found = [revisions(a, b, _between(middle, b)) for a, b in pairs]
    _emit([comparison(one) for one in found], output)
    _warn(found)


def _between(estimates: Sequence[dict[str, Any]] | None, new: Any) -> dict[str, Any] | None:
    from bench.errors import InputError

    if estimates is None:
        return None
    for one in estimates:
        if one["basis"] == new["basis"]:
            return one
    raise InputError(f"--between: the document has no estimate on the basis {new['basis']}")


def comparison(found: Vintages) -> dict[str, Any]:
    """Return one pair of estimates compared, as plain data."""
    old, new = found.old, found.new
    return {
        "as_of": new["as_of"],
        "precision": new["precision"],
        "unit": new["unit"],
        "basis": {"old": old["basis"], "new": new["basis"]},
        "census_digest": {"old": old.get("census_digest"), "new": new.get("census_digest")},
        "method_changes": {name: {"old": a, "new": b} for name, (a, b) in found.method_changes.items()},
        "resolution": dict(found.resolution),
        "rows": [_row(row) for row in found.rows],
    }


def _row(row: Revision) -> dict[str, Any]:
    named = {"level": row.level, "code": row.code, "name": row.name, "old": row.old, "new": row.new}
    return named | {"revision": row.revision, "relative": row.relative, **row.parts}


def _emit(comparisons: list[dict[str, Any]], output: Format) -> None:
    from flopcensus.output import to_csv, to_json

    if output == "json":
        click.echo(to_json({"schema": VINTAGES_SCHEMA, "comparisons": comparisons}), nl=False)
    elif output == "csv":
        about = ("as_of", "precision", "unit")
        rows = [
            {name: one[name] for name in about} | {"basis": one["basis"]["new"]} | row
            for one in comparisons
            for row in one["rows"]
        ]
        click.echo(to_csv(COLUMNS, rows), nl=False)
    else:
        for one in comparisons:
            _print(one)


def _print(one: dict[str, Any]) -> None:
    from flopcensus.output import print_table, say

    bases = dict.fromkeys(one["basis"].values())
    say(f"{one['precision']} {' to '.join(bases)}, {one['unit']}, {one['as_of']}")
    for name, change in one["method_changes"].items():
        say(f"  method: {name} {change['old']} → {change['new']}")
    for level in one["resolution"]:
        changed = [row for row in one["rows"] if row["level"] == level and row["revision"]]
        changed.sort(key=lambda row: -abs(row["revision"]))
        title = f"{level}: {len(changed)} revised (split by {one['resolution'][level]})"
        columns = (level, "old", "new", "revision", "data", "method", "correction", "unattributed")
        if changed:
            print_table(title, columns, [_line(row, one["unit"]) for row in changed[:_ROWS_SHOWN]])
    if not any(row["revision"] for row in one["rows"]):
        say("  nothing was revised")


def _line(row: dict[str, Any], unit: str) -> tuple[str, ...]:
    from flopcensus.output import percent, si

    parts = (
        si(row[part], unit) if row[part] else "" for part in ("data", "method", "correction", "unattributed")
    )
    revised = percent(row["relative"]) if row["relative"] is not None else "new"
    return (row["name"], si(row["old"], unit), si(row["new"], unit), revised, *parts)


def _warn(found: Sequence[Vintages]) -> None:
    from flopcensus.output import warn

    if any(row.parts["unattributed"] for one in found for row in one.rows):
        warn(
            "some revisions cannot be told apart: make both documents with --by LEVEL,deployment added, and "
            "give the old census by the new method with --between"
        )
