"""``flopcensus bench``: measure this machine, and show what it delivers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from flopcensus.answering.bench import resume_bench, run_bench
from flopcensus.commands.bench_diff import diff
from flopcensus.options import format_option
from flopcensus.output import Format

if TYPE_CHECKING:
    from bench.plan import Plan
    from bench.record import Record

DEFAULT_OUT = Path("results/bench")
EXIT_BAD_VERDICT = 1

_EXAMPLE = """\b
Examples:
  flopcensus bench --quick
  flopcensus bench --resume results/bench
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
    help="gemm, memory, memory_copy, all, …; or what several ranks do together: collectives, all_reduce, … "
    "(repeatable).",
)
@click.option(
    "--precision", "precisions", multiple=True, metavar="NAME", help="fp64, fp32, bf16, … (repeatable)."
)
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
@click.option(
    "--storage-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder whose storage is measured [default: that of --out].",
)
@click.option("--force", is_flag=True, help="Measure a device even though others use it.")
@click.option(
    "--resume",
    "resumed",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Continue the run in this folder that was cut off.",
)
@click.option(
    "--patience",
    "patience_seconds",
    type=click.FloatRange(min=1),
    default=120.0,
    show_default=True,
    metavar="S",
    help="Under a launcher: how long another process may be silent or absent before it is given up.",
)
@click.option(
    "--gather/--no-gather",
    default=None,
    help="Under a launcher: rank 0 waits for all others, over a folder --out that all nodes share "
    "[default: where another node is seen in it].",
)
@click.option(
    "--ranks",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of what several ranks do together, on a CPU: processes that this one starts [default: 1].",
)
@click.option("--alone", is_flag=True, help="Heed no launcher: RANK, SLURM_PROCID, … are of something else.")
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
    storage_dir: Path | None,
    force: bool,
    resumed: Path | None,
    patience_seconds: float,
    gather: bool | None,
    ranks: int | None,
    alone: bool,
    explain: bool,
    output: Format,
) -> None:
    """Measure what this machine's accelerators, or its CPU, really deliver.

    Every figure is the median of at least five rounds spread over the time budget, with a 95 % interval.
    The record is written into the folder that --out names. Started by torchrun, srun, mpirun or in an Indexed
    Job, the first process of each node measures it, and the others wait. Exit code 1 means that a device
    computed wrong results, or that another process failed, fell silent or never came.
    """
    if context.invoked_subcommand is not None:
        return
    rank = None
    if not alone:
        from bench.launching.rank import read_rank

        rank = read_rank()
    launched: dict[str, Any] = {} if rank is None else {"rank": rank}
    plan = None
    if resumed is not None:
        _refuse_a_second_plan(context)
        run = partial(resume_bench, resumed, force=force, **launched)
    else:
        from bench.plan import Plan, budget_of

        chosen, budget_seconds = budget_of(mode or "default", time_budget)
        storage = None if storage_dir is None else str(storage_dir.resolve())
        plan = Plan(chosen, budget_seconds, device, workloads, precisions, seed, force, storage)
        if _is_of_ranks(plan, ranks):
            from flopcensus.answering.bench_group import take_part_in_group

            found, all_well = take_part_in_group(plan, rank, ranks, patience_seconds, out)
            if found is not None:
                _show(found, output, explain=explain)
            if not all_well:
                context.exit(EXIT_BAD_VERDICT)
            return
        run = partial(run_bench, plan, out, **launched)
    take = partial(_shown_if_unwritten, run, output)
    record: Record | None
    if rank is None:
        record, all_came = take(), True
    else:
        from flopcensus.answering.bench_launch import take_part_in_launch

        record, all_came = take_part_in_launch(
            rank, resumed or out, plan, take, patience_seconds, gather=gather
        )
    if record is not None:
        _show(record, output, explain=explain)
    if not all_came or (record and any(result.status == "incorrect" for result in record.results)):
        context.exit(EXIT_BAD_VERDICT)


command.add_command(diff)


def _is_of_ranks(plan: Plan, ranks: int | None) -> bool:
    """Whether it is about what several ranks do together.

    Raises:
        InputError: A number of ranks is given for something else, or both kinds are asked for.
    """
    from bench.errors import InputError
    from bench.workloads import is_grouped

    grouped = bool(plan.workloads) and is_grouped(plan.workloads)
    if ranks is not None and not grouped:
        raise InputError("--ranks is of what several ranks do together; add --workload collectives")
    return grouped


def _refuse_a_second_plan(context: click.Context) -> None:
    """A resumed run has its plan already: another one beside it would be passed over in silence.

    Raises:
        InputError: An option that makes a plan was given.
    """
    from bench.errors import InputError

    mine = {"output", "explain", "force", "resumed", "patience_seconds", "gather", "alone"}
    source = click.core.ParameterSource.COMMANDLINE
    given = [
        name for name in context.params if name not in mine and context.get_parameter_source(name) is source
    ]
    if given:
        options = {"mode": "quick or --full", "workloads": "workload", "precisions": "precision"}
        named = ", ".join(f"--{options.get(name, name).replace('_', '-')}" for name in given)
        raise InputError(f"--resume goes on with the plan of the run that was cut off; leave out {named}")


def _shown_if_unwritten(take: Callable[[], Record], output: Format) -> Record:
    """The record; one that found no room on the disk is shown before the error, so that nothing is lost."""
    from bench.errors import RecordNotWrittenError

    try:
        return take()
    except RecordNotWrittenError as error:
        _show(error.record, output, explain=False)
        raise


def _show(record: Record, output: Format, *, explain: bool) -> None:
    from flopcensus.records.explanation import print_explanation
    from flopcensus.records.table import print_record, record_csv

    if output == "json":
        click.echo(record.to_json(), nl=False)
    elif output == "csv":
        click.echo(record_csv(record), nl=False)
    else:
        print_record(record)
        if explain:
            print_explanation(record)
