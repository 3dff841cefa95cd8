"""``flopcensus bench``: measure this machine, and show what it delivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from flopcensus.commands.bench_diff import diff
from flopcensus.options import format_option
from flopcensus.output import Format, percent, si

if TYPE_CHECKING:
    from bench.devices.spec import SpecMatch
    from bench.plan import Plan
    from bench.progress import Progress, ProgressEvent
    from bench.record import DeviceDescription, Record

DEFAULT_OUT = Path("results/bench")
EXIT_INCORRECT = 1

_EXAMPLE = """\b
Examples:
  flopcensus bench --quick
  flopcensus bench --device cuda:0 --workload gemm --precision bf16 --time-budget 30
  flopcensus bench diff before.json after.json
"""


@click.group("bench", invoke_without_command=True, epilog=_EXAMPLE)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto (every GPU, else the CPU), all, cpu, cuda, cuda:0, …",
)
@click.option("--quick", "mode", flag_value="quick", help="Take 60 s in place of 300 s.")
@click.option("--full", "mode", flag_value="full", help="Take 30 min.")
@click.option("--time-budget", type=float, metavar="S", help="Take this many seconds.")
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    metavar="NAME",
    help="gemm, memory, memory_copy, … (repeatable).",
)
@click.option("--precision", "precisions", multiple=True, metavar="NAME", help="bf16, fp32 (repeatable).")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_OUT,
    show_default=True,
    help="Folder for the record.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Draws the operands and the order of rounds."
)
@click.option("--explain", is_flag=True, help="Say in plain words what each figure means.")
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    device: str,
    mode: Literal["quick", "full"] | None,
    time_budget: float | None,
    workloads: tuple[str, ...],
    precisions: tuple[str, ...],
    out: Path,
    seed: int,
    explain: bool,
    output: Format,
) -> None:
    """Measure what this machine's accelerators, or its CPU, really deliver.

    Every figure is the median of at least five rounds spread over the time budget, with a 95 % interval.
    The record is written into the folder that --out names. Exit code 1 means that a device computed wrong
    results.
    """
    if context.invoked_subcommand is not None:
        return
    from bench.plan import Plan, budget_of

    chosen, budget_seconds = budget_of(mode or "default", time_budget)
    plan = Plan(chosen, budget_seconds, device, workloads, precisions, seed)
    record = run_bench(plan, out)
    _show(record, output, explain=explain)
    if any(result.status == "incorrect" for result in record.results):
        context.exit(EXIT_INCORRECT)


command.add_command(diff)


def run_bench(plan: Plan, out_dir: Path, progress: Progress | None = None) -> Record:
    """Measure a plan with the shipped spec sheets; progress goes to stderr unless told elsewhere.

    Raises:
        FlopcensusError: See `bench.session.measure`.
        KeyboardInterrupt: Stopped by the user; what was finished is in the folder.
    """
    from bench.session import measure

    if progress is not None:
        return measure(plan, lookup=_find_spec, out_dir=out_dir, progress=progress)
    with _progress_on_stderr() as shown:
        return measure(plan, lookup=_find_spec, out_dir=out_dir, progress=shown)


def measure_here(budget_seconds: float, out_dir: Path, seed: int, progress: Progress | None = None) -> Record:
    """Measure this node's GPUs, or its CPU, with all workloads; what ``flopcensus run`` calls.

    Args:
        budget_seconds: Time the whole takes; 60 is the quick mode. Unit: s.
        out_dir: Folder for the record.
        seed: Draws the operands and the order of rounds.
        progress: Told of everything that happens; stderr where left out.

    Raises:
        FlopcensusError: See `bench.session.measure`.
        KeyboardInterrupt: Stopped by the user; what was finished is in the folder.
    """
    from bench.plan import BUDGET_SECONDS, Mode, Plan

    names: dict[float, Mode] = {seconds: mode for mode, seconds in BUDGET_SECONDS.items()}
    return run_bench(Plan(names.get(budget_seconds, "custom"), budget_seconds, seed=seed), out_dir, progress)


def _find_spec(description: DeviceDescription) -> SpecMatch | None:
    from accounting.reference.devices import match_device

    match: SpecMatch | None = match_device(description.name, description.memory_bytes)
    return match


@contextmanager
def _progress_on_stderr() -> Iterator[Progress]:
    """A bar where stderr is a terminal, else a line for each result."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, highlight=False, markup=False)
    if not console.is_terminal:
        yield lambda event: _print_event(event, console.print)
        return
    # Text columns would read "[…]" in a device's name as markup.
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("{task.fields[seconds_left]:.0f} s left"),
        TextColumn("{task.description}", markup=False),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0, seconds_left=0.0)

        def show(event: ProgressEvent) -> None:
            bar.update(
                task, completed=event.fraction_done, description=_line(event), seconds_left=event.seconds_left
            )
            _print_event(event, bar.console.print)

        yield show


def _print_event(event: ProgressEvent, write: Callable[[str], None]) -> None:
    if event.kind == "warning":
        write(f"warning: {event.message}")
    elif event.kind == "record":
        write(event.message)
    elif event.kind != "round":
        write(f"{_line(event)}  ({event.seconds_left:.0f} s left)")


def _line(event: ProgressEvent) -> str:
    if event.value is None or event.unit is None:
        return event.message
    return f"{event.message}  {si(event.value, event.unit, 4)}{_plus_minus(event.value, event.ci95)}"


def _plus_minus(value: float, ci95: tuple[float, float] | None) -> str:
    if ci95 is None:
        return ""
    low, high = ci95
    return f" (−{percent(1 - low / value)} +{percent(high / value - 1)})"


def _show(record: Record, output: Format, *, explain: bool) -> None:
    from flopcensus.record_view import print_explanation, print_record, record_csv

    if output == "json":
        click.echo(record.to_json(), nl=False)
    elif output == "csv":
        click.echo(record_csv(record), nl=False)
    else:
        print_record(record)
        if explain:
            print_explanation(record)
