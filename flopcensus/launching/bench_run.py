"""The run of bench that is launched on every node: its options checked, its time bounded."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from bench.errors import InputError

_OPTIONS = {
    "out": "--out",
    "gather": "--gather",
    "alone": "--alone",
    "resumed": "--resume",
    "output": "--format",
    "patience_seconds": "--patience",
}
# Loading images, starting processes, opening drivers: on top of what bench itself may take. Unit: s.
STARTING_SECONDS = 900.0


@dataclass(frozen=True)
class BenchRun:
    """The run, whatever launches it.

    Attributes:
        nodes: How many.
        out: Folder of the records.
        arguments: Further arguments of bench, checked.
        budget_seconds: Time that bench is given. Unit: s.
        command: How flopcensus is called on a node.
        limit_seconds: Time after which a node is given up; None for twice the budget and what starting takes.
    """

    nodes: int
    out: str
    arguments: tuple[str, ...]
    budget_seconds: float
    command: str = "flopcensus"
    limit_seconds: float | None = None

    @property
    def limit_s(self) -> int:
        """Time after which a node is given up. Unit: s."""
        asked = (
            2 * self.budget_seconds + STARTING_SECONDS if self.limit_seconds is None else self.limit_seconds
        )
        return max(1, math.ceil(asked))

    def command_line(self, out: str, *options: str) -> list[str]:
        """The words of the command on a node, which writes to ``out`` there."""
        return [self.command, "bench", "--out", out, *options, *self.arguments]


def bench_run(  # noqa: D417 - the others are those of `BenchRun`
    nodes: int,
    out: str,
    arguments: Sequence[str],
    *,
    command: str = "flopcensus",
    limit_seconds: float | None = None,
    owned: Iterable[str] = (),
) -> BenchRun:
    """A run whose arguments bench understands: a mistake is told here, not by a thousand nodes.

    Args:
        arguments: What stands after ``--`` on the command line.
        owned: Parameters of bench that the launch itself gives, beside the folder.

    Raises:
        InputError: Bench has no such option, or the launch gives it.
    """
    given = _parsed(arguments)
    theirs = ("out", "gather", "alone", "resumed", *owned)
    taken = [_OPTIONS[name] for name in theirs if name in given]
    if taken:
        raise InputError(f"leave out {', '.join(taken)} after --: launch sets it itself")
    for name, value in (("--out", out), ("--command", command)):
        if not value or "\0" in value or value.startswith("-"):
            raise InputError(f"{name} must be a path (found {value[:40]!r})")
    return BenchRun(nodes, out, tuple(arguments), _budget(given), command, limit_seconds)


def _parsed(arguments: Sequence[str]) -> dict[str, object]:
    """The options, by the names of bench's parameters; types are for bench to check."""
    from flopcensus.commands.bench import command

    context = click.Context(command, info_name="flopcensus bench")
    try:
        options, rest, _ = command.make_parser(context).parse_args(list(arguments))
    except click.UsageError as error:
        raise InputError(f"after --: {error.format_message()}") from error
    if rest or any("\0" in word for word in arguments):
        raise InputError(f"after -- only options of bench may stand (found {' '.join(rest)[:60]!r})")
    return options


def _budget(given: dict[str, object]) -> float:
    from bench.plan import Plan, budget_of

    try:
        seconds = None if given.get("time_budget") is None else float(str(given["time_budget"]))
    except ValueError as error:
        raise InputError(f"--time-budget must be a number (found {given['time_budget']!r})") from error
    mode = given.get("mode")
    chosen, budget_seconds = budget_of(
        "quick" if mode == "quick" else "full" if mode == "full" else "default", seconds
    )
    return Plan(chosen, budget_seconds).budget_seconds


def parse_duration(text: str) -> float:
    """Seconds of ``90``, ``45:00``, ``1:30:00`` or ``2-12:00:00``; a bare number is minutes, as in Slurm.

    Raises:
        InputError: It is none of these.

    Example:
        >>> parse_duration("1:30:00")
        5400.0
    """
    match = re.fullmatch(r"(?:(\d{1,3})-)?(\d{1,6})(?::(\d{1,2}))?(?::(\d{1,2}))?", text, re.ASCII)
    if match is None:
        raise InputError(f"--time must be minutes, MM:SS, HH:MM:SS or D-HH:MM:SS (found {text[:40]!r})")
    days, *parts = match.groups()
    told = [int(part) for part in parts if part is not None]
    if days is not None:
        # Slurm: D-HH, D-HH:MM, D-HH:MM:SS
        hours, minutes, seconds = (*told, 0, 0)[:3]
    elif len(told) == 3:
        hours, minutes, seconds = told
    else:
        hours, minutes, seconds = 0, *(*told, 0)[:2]
    total = ((int(days or 0) * 24 + hours) * 60 + minutes) * 60.0 + seconds
    if total <= 0:
        raise InputError("--time must be more than nothing")
    return total
