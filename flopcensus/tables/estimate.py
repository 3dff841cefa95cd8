"""Estimates for people: totals, a table for each level, groups."""

from __future__ import annotations

from collections.abc import Sequence

from accounting.accounts.account import Account
from accounting.accounts.estimate import Estimate
from accounting.accounts.levels import MEANING
from accounting.capacity.bases import USED_MEANING, meaning
from flopcensus.intervals import interval, percents
from flopcensus.output import percent, print_table, say, si

_ROWS_SHOWN = 15


def print_estimate(estimate: Estimate) -> None:
    """Print an estimate: its total, then a table a level."""
    result, day = estimate.accounts, estimate.request.selection.as_of
    unit, q = result.denomination.unit, result.total
    say(f"{result.denomination}, {estimate.census}, {day}: {_basis_line(estimate)}")
    say(f"  total {si(q.p50, unit)} ({interval(q, unit)}), {result.deployments} deployments")
    if result.skipped:
        skipped = "; ".join(f"{count} {reason}" for reason, count in result.skipped.items())
        say(f"  left out: {skipped}")
    known = ", ".join(f"{percent(share)} {kind}" for kind, share in result.provenance.items())
    say(f"  rests on: {known or 'nothing'}\n")
    for account in result.accounts:
        if account.rows:
            print_account(account, unit)
    if any(group.row.share > 0 for group in result.groups):
        _print_groups(estimate)


def print_bases(estimates: Sequence[Estimate]) -> None:
    """Print the totals of all bases, from paper to delivered."""
    first = estimates[0].accounts.total.mean
    rows = []
    for one in estimates:
        result, q = one.accounts, one.accounts.total
        unit = result.denomination.unit
        ratio = percent(q.mean / first) if first else ""
        rows.append((f"{one.basis}: {_basis_line(one)}", si(q.p50, unit), interval(q, unit), ratio))
    request = estimates[0].request
    count = estimates[0].accounts.deployments
    title = f"{estimates[0].census} in {request.precision} (dense), {count} deployments"
    print_table(title, ("basis", "median", "5 to 95 %", f"of {estimates[0].basis}"), rows)


def _basis_line(estimate: Estimate) -> str:
    if estimate.accounts.denomination.unit == "FLOP/year":
        return USED_MEANING
    return meaning(estimate.basis, estimate.request.precision)


def print_account(account: Account, unit: str, rows: int = _ROWS_SHOWN) -> None:
    """Print one level: largest first, the rest in one line."""
    meaning = " × ".join(MEANING[level] for level in account.levels)
    concentration = f"HHI {account.hhi:,.0f}, effective number {account.effective_number:.1f}"
    title = f"by {account.key} ({meaning}); {concentration}"
    lines = [
        (
            f"{row.name} [{row.code}]" if row.name != row.code else row.code,
            si(row.quantiles.p50, unit),
            interval(row.quantiles, unit),
            percent(row.share),
            percents(row.share_p5, row.share_p95),
        )
        for row in account.rows[:rows]
    ]
    rest = account.rows[rows:]
    if rest:
        share = sum(row.share for row in rest)
        lines.append((f"{len(rest)} more", "", "", percent(share), ""))
    print_table(title, (account.key, "median", "5 to 95 %", "share", "5 to 95 %"), lines)


def _print_groups(estimate: Estimate) -> None:
    rows = [
        (
            f"{g.row.name} [{g.row.code}], {g.level}",
            str(len(g.members)),
            percent(g.row.share),
            percents(g.row.share_p5, g.row.share_p95),
        )
        for g in estimate.accounts.groups
        if g.headline
        if g.row.share > 0
    ]
    title = f"groups at {estimate.request.selection.as_of} (they overlap; not rows of a level)"
    print_table(title, ("group, level", "members", "share", "5 to 95 %"), rows)
