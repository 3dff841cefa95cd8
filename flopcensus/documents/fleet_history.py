"""``flopcensus fleet --history``: adding a batch to a dataset of nightly runs, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.output import percent, print_table, printable, say, si

if TYPE_CHECKING:
    from bench.fleets.history.asking import Asked
    from bench.fleets.history.dataset import History
    from bench.fleets.history.findings import Findings, Found, Trend
    from bench.fleets.reading import Read

SCHEMA = "flopcensus/fleet-history/1"
COLUMNS = (
    "node",
    "device",
    "model",
    "metric",
    "unit",
    "regressed",
    "since",
    "lost",
    "lost_low",
    "lost_high",
    "before",
    "now",
    "chance",
    "relative",
    "along",
)
_MOST_SHOWN = 20


@dataclass(frozen=True)
class Question:
    """What is asked of a history; None asks for all of it."""

    since: date | None = None
    node: str | None = None
    metric: str | None = None
    rate: float = 0.01


@dataclass(frozen=True)
class Answer:
    """What a history says, and how often results were not ok by node, device and status."""

    path: Path
    question: Question
    findings: Findings
    not_ok: dict[tuple[str, str, str], int]

    @property
    def is_sick(self) -> bool:
        """Whether a node, or the whole fleet, has lost speed."""
        return bool(self.findings.regressed)


def adding(path: Path) -> tuple[Callable[[Read], None], Callable[[], str]]:
    """Open or begin a history; return what takes each record, and what then adds them and says so in words.

    Raises:
        InputError: the folder is no history, nor empty.
        MissingExtraError: pyarrow is not installed.
    """
    from bench.extras import require_pyarrow
    from bench.fleets.history.batch import Batch
    from bench.fleets.history.dataset import History

    require_pyarrow()
    history, batch = History.at(path), Batch()

    def take(read: Read) -> None:
        batch.add(read.record, read.content)

    def finish() -> str:
        added = history.merge(batch)
        without = f", {batch.empty:,} without a result left out" if batch.empty else ""
        return (
            f"{path}: {added.new:,} runs added, {added.better:,} replaced by a fuller record, "
            f"{added.known:,} known already{without}"
        )

    return take, finish


def compact(path: Path) -> str:
    """Leave one file a date; return what was done in words.

    Raises:
        InputError: there is no history, or a file cannot be read or written.
    """
    from bench.fleets.history.dataset import History, counts

    history = History(path)
    gone, held = history.compact(), counts(history)
    return f"{path}: {held['files']:,} files of {si(float(held['bytes']), 'B')}; {gone:,} files less"


def ask(path: Path, question: Question) -> Answer:
    """Ask a history.

    Raises:
        InputError: there is no history; nothing is in it since the date; no such node or workload; no rate.
        MissingExtraError: duckdb or pyarrow is not installed.
    """
    from bench.fleets.history.asking import Asked, Wanted
    from bench.fleets.history.dataset import History
    from bench.fleets.history.finding import find

    history = History(path)
    asked = Asked(history, Wanted(question.since, metric=question.metric))
    _require_known(history, asked, question)
    findings = find(asked, question.rate, question.node)
    not_ok = {key: count for key, count in asked.not_ok().items() if question.node in (None, key[0])}
    return Answer(path, question, findings, not_ok)


def _require_known(history: History, asked: Asked, question: Question) -> None:
    from accounting.errors import UnknownNameError
    from bench.errors import InputError
    from bench.fleets.history.asking import Asked, Wanted

    nodes = asked.names("node")
    if not nodes:
        dates = list(history.files())
        if not dates:
            raise InputError(
                f"{history.path}: the history is empty; add records with flopcensus fleet DIR --history"
            )
        if question.since is not None and dates[-1] < question.since:
            raise InputError(
                f"{history.path}: nothing since {question.since} (its last night is {dates[-1]})"
            )
        everything = Asked(history, Wanted(question.since))
        raise UnknownNameError("workload", question.metric or "", everything.names("workload"))
    if question.node is not None and question.node not in nodes:
        raise UnknownNameError("node", question.node, nodes)


def document(answer: Answer) -> dict[str, Any]:
    """Return what ``--format json`` prints."""
    found, question = answer.findings, answer.question
    return {
        "schema": SCHEMA,
        "history": str(answer.path),
        "since": _iso(question.since),
        "node": question.node,
        "metric": question.metric,
        "first": _iso(found.first),
        "last": _iso(found.last),
        "nights": found.nights,
        "nodes": found.nodes,
        "series": found.series,
        "judged": found.judged,
        "false_alarm_rate": found.rate,
        "night_correlation": found.correlation,
        "regressed": [_found(one) for one in found.regressed],
        "other_changes": [_found(one) for one in found.found if not one.regressed],
        "trends": [_trend(one) for one in found.trends],
        "not_ok": [
            {"node": node, "device": device, "status": status, "results": count}
            for (node, device, status), count in sorted(answer.not_ok.items())
        ],
        "notes": list(found.notes),
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _found(one: Found) -> dict[str, Any]:
    plain = asdict(one) | {"metric": one.name, "since": _iso(one.since), "along": list(one.along)}
    del plain["name"]
    plain["steps"] = [
        {"date": step.date.isoformat(), "ratio": step.ratio, "ci95": list(step.ci95)} for step in one.steps
    ]
    return plain


def _trend(one: Trend) -> dict[str, Any]:
    plain = asdict(one) | {"metric": one.name}
    del plain["name"]
    return plain


def rows(answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield a flat row for each series that changed."""
    for one in answer.findings.found:
        low, high = one.lost_ci95 or (None, None)
        plain = _found(one) | {"lost_low": low, "lost_high": high, "along": "; ".join(one.along)}
        yield {name: plain[name] for name in COLUMNS}


def print_answer(answer: Answer) -> None:
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


def _print_not_ok(answer: Answer) -> None:
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
