"""The command line's frame: finds a command without importing the others, and turns errors into one line.

Exit codes: 0 done, 1 done and the verdict is bad, 2 bad input, 70 a fault of ours, 130 interrupted.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click

from flopcensus import __version__

EXIT_OUR_FAULT = 70
EXIT_INTERRUPTED = 130

# name → (module, one line for --help); modules are imported only when their command is called
COMMANDS: dict[str, tuple[str, str]] = {
    "bench": ("flopcensus.commands.bench", "Measure what this machine's accelerators deliver."),
    "bridge": ("flopcensus.commands.bridge", "Walk from a published figure to ours, step by step."),
    "brief": ("flopcensus.commands.brief", "One page on one country: how much, whose, how sure."),
    "calibrate": ("flopcensus.commands.calibrate", "Turn bench records into a calibration file."),
    "catalogue": ("flopcensus.commands.catalogue", "List the facts the accounts rest on."),
    "compare": ("flopcensus.commands.compare", "Set hypothetical clusters side by side."),
    "convert": ("flopcensus.commands.convert", "Write a census as our YAML or CSV, and back."),
    "decode": (
        "flopcensus.commands.decode",
        "Say what a claimed rate may mean: precision, dense or sparse, chip.",
    ),
    "estimate": ("flopcensus.commands.estimate", "Estimate capacity by territory, provider and vendor."),
    "export": (
        "flopcensus.commands.export",
        "Write an estimate as CSV, XLSX, Parquet, JSON or SDMX-CSV.",
    ),
    "export-control": (
        "flopcensus.commands.export_control",
        "Say what export rules make of an accelerator.",
    ),
    "fleet": ("flopcensus.commands.fleet", "Merge the records of many nodes, and name the sick ones."),
    "launch": ("flopcensus.commands.launch", "Print what starts bench on a cluster's nodes."),
    "lint": ("flopcensus.commands.lint", "Check a census for figures that cannot be right."),
    "plan": ("flopcensus.commands.plan", "Find the best mix of accelerators within limits."),
    "report": ("flopcensus.commands.report", "Write the page of a study's results."),
    "run": ("flopcensus.commands.run", "Run a whole study: measure, estimate, compare, report."),
    "scenario": (
        "flopcensus.commands.scenario",
        "Show who gains when capacity is offered, hosted, rented or pooled.",
    ),
    "supply-cut": (
        "flopcensus.commands.supply_cut",
        "Show capacity after a nation or firm stops supplying.",
    ),
    "shares": (
        "flopcensus.commands.shares",
        "Set a designer's shares side by side: of revenue, sold, located.",
    ),
    "training-run": (
        "flopcensus.commands.training_run",
        "Say whether a training run can be done, and what it takes.",
    ),
    "vintages": ("flopcensus.commands.vintages", "Compare two releases: what was revised, and why."),
}


class LazyGroup(click.Group):
    """A group whose help needs no command's module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a name that is none is answered with the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            mend = f"; did you mean '{close[0]}'?" if close else f" (there are {', '.join(sorted(COMMANDS))})"
            raise click.UsageError(f"no such command '{args[0]}'{mend}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: flopcensus estimate --by territory,vendor",
)
@click.version_option(__version__, prog_name="flopcensus")
def cli() -> None:
    """Measure what AI accelerators deliver, and account for who holds how much of it."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    # facts are read to be kept: looking through them for garbage at every few hundred is a tenth of the time
    gc.set_threshold(100_000, 20, 20)
    sys.exit(invoke(args))


def invoke(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; errors end as lines on stderr."""
    return _guarded(lambda: cli.main(args=args, prog_name="flopcensus", standalone_mode=False))


def _guarded(work: Callable[[], Any]) -> int:
    try:
        result = work()
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # the reader of our output has gone; there is nobody left to tell
        sys.stderr.close()
        return 0
    except Exception as error:
        return _failed(error)
    return result if isinstance(result, int) else 0


def _failed(error: Exception) -> int:
    from bench.errors import FlopcensusError

    if isinstance(error, FlopcensusError):
        for line in str(error).splitlines():
            click.echo(f"error: {line}", err=True)
        return error.exit_code
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        click.echo(f"error:{where}: {error.strerror or error}", err=True)
        return 2
    if isinstance(error, MemoryError):
        click.echo("error: not enough memory; ask for less (fewer --draws, rows or levels)", err=True)
        return 2
    return _our_fault(error)


def _our_fault(error: Exception) -> int:
    """Say in one line that we failed, and keep the traceback where it can be sent from."""
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="flopcensus-", suffix=".txt", delete=False, encoding="utf-8"
        ) as stream:
            traceback.print_exception(error, file=stream)
        where = stream.name
    except OSError:
        # nowhere to keep it: then at least the place in our code
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.name} in {last.filename}:{last.lineno}: {error}"
    click.echo(f"a fault of ours ({type(error).__name__}): please report {where}", err=True)
    return EXIT_OUR_FAULT


if __name__ == "__main__":
    main()
