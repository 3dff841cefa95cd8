"""An access scenario for people: who gains and who loses at each level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flopcensus.output import percent, print_table, say, si

if TYPE_CHECKING:
    from accounting.accounts.account import Quantiles
    from accounting.planning.scenarios.access import Access, Change, Moved
    from accounting.planning.scenarios.access_files import AccessSpec
    from accounting.quantities import Uncertain


_ROWS_SHOWN = 6
# a change that is smaller than this part of the total is none
_NOTHING = 1e-9


def print_access(spec: AccessSpec, found: Access) -> None:
    """Print what moves, then a table for each level: who gains, who loses."""
    from flopcensus.intervals import interval

    unit = found.denomination.unit
    say(f"{spec.name} ({'hypothetical' if spec.hypothetical else 'as reported'})")
    say(f"  like: {spec.mimics}")
    if spec.conditions:
        say(f"  conditions: {spec.conditions}")
    statuses = ", ".join(sorted(found.request.selection.statuses)).replace("_", " ")
    say(f"  {found.denomination}, {found.census}, {statuses}: {found.deployments} deployments")
    say(f"  total before {si(found.before.p50, unit)} ({interval(found.before, unit)}), {_after(found)}\n")
    if found.moved:
        rows = [_move_line(one, unit) for one in found.moved]
        print_table("what moves", ("move", "share", "deployments", "capacity", "5 to 95 %"), rows)
    for level, changes in found.levels.items():
        _print_level(level, changes, found)


def _after(found: Access) -> str:
    from flopcensus.intervals import interval

    unit = found.denomination.unit
    if found.after == found.before:
        return "after the same"
    return f"after {si(found.after.p50, unit)} ({interval(found.after, unit)})"


def _move_line(one: Moved, unit: str) -> tuple[str, ...]:
    from flopcensus.intervals import interval

    return (
        one.id,
        _share(one.share),
        f"{one.deployments:,}",
        si(one.capacity.p50, unit),
        interval(one.capacity, unit),
    )


def _share(value: Uncertain) -> str:
    if value.exact:
        return percent(value.best)
    return f"{percent(value.best)} ({percent(value.low)} to {percent(value.high)})"


def _print_level(level: str, changes: Sequence[Change], found: Access) -> None:
    from accounting.accounts.levels import MEANING

    unit, least = found.denomination.unit, _NOTHING * found.before.mean
    meaning = MEANING.get(level, _MEANING.get(level, level))
    moved = [row for row in changes if abs(row.change.mean) > least]
    if not moved:
        say(f"by {level} ({meaning}): nothing changes\n")
        return
    shown = moved if len(moved) <= 2 * _ROWS_SHOWN else [*moved[:_ROWS_SHOWN], *moved[-_ROWS_SHOWN:]]
    rows = [
        (
            f"{row.name} [{row.code}]" if row.name != row.code else row.code,
            si(row.before.p50, unit),
            si(row.after.p50, unit),
            _signed(row.change, unit),
            percent(row.share_before),
            percent(row.share_after),
        )
        for row in shown
    ]
    if len(shown) < len(moved):
        rows.insert(_ROWS_SHOWN, (f"{len(moved) - len(shown)} more between", "", "", "", "", ""))
    columns = (level, "before", "after", "change (5 to 95 %)", "share before", "after")
    print_table(
        f"by {level} ({meaning}): who gains, who loses; the others keep what they have", columns, rows
    )


_MEANING = {
    "user": "who uses it",
    "user_nation": "nation of who uses it",
    "operator_nation": "nation of the operator",
}


def _signed(q: Quantiles, unit: str) -> str:
    return f"{_plus(q.p50, unit)} ({_plus(q.p5, unit)} to {_plus(q.p95, unit)})"


def _plus(value: float, unit: str) -> str:
    return f"+{si(value, unit)}" if value > 0 else si(value, unit)
