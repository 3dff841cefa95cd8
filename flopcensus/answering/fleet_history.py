"""A history of nightly runs: adding a batch to it, and asking it which nodes have lost speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flopcensus.output import si

if TYPE_CHECKING:
    from bench.fleets.history.asking import Asked
    from bench.fleets.history.dataset import History
    from bench.fleets.history.findings import Findings
    from bench.fleets.reading import Read


@dataclass(frozen=True)
class Question:
    """What is asked of a history; None asks for all of it."""

    since: date | None = None
    node: str | None = None
    metric: str | None = None
    rate: float = 0.01


@dataclass(frozen=True)
class HistoryAnswer:
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


def ask(path: Path, question: Question) -> HistoryAnswer:
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
    return HistoryAnswer(path, question, findings, not_ok)


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
