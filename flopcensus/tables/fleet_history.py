"""What a history of nightly runs says, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flopcensus.answering.fleet_history import HistoryAnswer
from flopcensus.output import percent, print_table, printable, say, si

if TYPE_CHECKING:
    from bench.fleets.history.findings import Found, Trend


_MOST_SHOWN = 20


def print_answer(answer: HistoryAnswer) -> None:
    """Print what a history says as the fleet's operator reads it."""
    found, question = answer.findings, answer.question
    of = f" of node {printable(question.node)} and of the medians of all" if question.node else ""
    say(
        f"{found.nights:,} nights from {found.first} to {found.last}, {found.nodes:,} nodes; "
        f"{found.judged:,} series{of} judged"
    )
    for note in found.notes:
        say(note)
    _print_regressed(found.regressed)
    _print_others([one for one in found.found if not one.regressed])
    _print_trends(found.trends)
    _print_not_ok(answer)
    say(
        f"A history in which nothing changed shows any finding with chance {percent(found.rate)} at most; of "
        f"the series found, {percent(found.rate)} at most are false on average."
    )


def _print_regressed(found: Sequence[Found]) -> None:
    if not found:
        say("no node has lost speed\n")
        return
    nodes = sorted({one.node for one in found if one.node})
    say(" and ".join(_losers(len(nodes), whole=any(not one.node for one in found))))
    table = [
        (
            _whose(one),
            one.name,
            str(one.since),
            percent(one.lost or 0.0),
            _interval(one.lost_ci95),
            si(one.before, one.unit),
            si(one.now, one.unit),
            "; ".join(one.along) or "–",
        )
        for one in found[:_MOST_SHOWN]
    ]
    columns = ("node and device", "metric", "since", "lost", "95 % interval", "before", "now", "changed too")
    print_table("", columns, table)
    _print_rest(len(found))


def _losers(nodes: int, *, whole: bool) -> Iterator[str]:
    if nodes:
        yield f"{nodes:,} node{'s have' if nodes > 1 else ' has'} lost speed"
    if whole:
        yield "the fleet as a whole has lost speed"


def _print_others(found: Sequence[Found]) -> None:
    table = [
        (
            _whose(one),
            one.name,
            ", ".join(f"{step.date} × {step.ratio:.3f}" for step in one.steps),
            si(one.now, one.unit),
        )
        for one in found[:_MOST_SHOWN]
    ]
    if table:
        print_table(
            "changed for the better, or made good", ("node and device", "metric", "when", "now"), table
        )
        _print_rest(len(found))


def _print_rest(count: int) -> None:
    if count > _MOST_SHOWN:
        say(f"and {count - _MOST_SHOWN:,} more: --format json lists all")


def _print_trends(trends: Sequence[Trend]) -> None:
    table = [
        (
            f"{_whose(one)}: {one.name}",
            f"{one.nights:,}",
            si(one.level, one.unit),
            f"{100 * one.per_month:+.2f} %",
            f"{100 * one.ci95[0]:+.2f} to {100 * one.ci95[1]:+.2f} %",
        )
        for one in trends[: 2 * _MOST_SHOWN]
    ]
    if table:
        columns = ("trend", "nights", "last 30 days", "change in 30 days", "95 % interval")
        print_table("", columns, table)


def _print_not_ok(answer: HistoryAnswer) -> None:
    worst = sorted(answer.not_ok.items(), key=lambda one: (-one[1], one[0]))
    table = [
        (f"{node} {device}", status, f"{count:,}") for (node, device, status), count in worst[:_MOST_SHOWN]
    ]
    if table:
        print_table("", ("results that were not ok", "status", "results"), table)


def _whose(one: Found | Trend) -> str:
    return f"{one.node} {one.device}" if one.node else f"all {one.model}"


def _interval(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None else f"{percent(ends[0])} to {percent(ends[1])}"
