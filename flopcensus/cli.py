"""The command line's frame: finds a command without importing the others, and turns errors into one line.

Exit codes: 0 done, 1 done and the verdict is bad, 2 bad input, 70 a fault of ours, 130 interrupted.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click

from flopcensus import __version__

EXIT_OUR_FAULT = 70
EXIT_INTERRUPTED = 130
# what a shell sets while it asks for completions
_COMPLETING = "_FLOPCENSUS_COMPLETE"

# name → (module, one line for --help); modules are imported only when their command is called
COMMANDS: dict[str, tuple[str, str]] = {
    "bench": ("flopcensus.commands.bench", "Measure what this machine's accelerators deliver."),
    "bridge": ("flopcensus.commands.bridge", "Walk from a published figure to ours, step by step."),
    "brief": ("flopcensus.commands.brief", "One page on one country: how much, whose, how sure."),
    "calibrate": ("flopcensus.commands.calibrate", "Turn bench records into a calibration file."),
    "catalogue": ("flopcensus.commands.catalogue", "List the facts the accounts rest on."),
    "compare": ("flopcensus.commands.compare", "Set hypothetical clusters side by side."),
    "completion": (
        "flopcensus.commands.completion",
        "Print what makes your shell complete commands and ids.",
    ),
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
    "init": ("flopcensus.commands.init", "Write a commented starter for a facility, cluster or study."),
    "launch": ("flopcensus.commands.launch", "Print what starts bench on a cluster's nodes."),
    "lint": ("flopcensus.commands.lint", "Check a census for figures that cannot be right."),
    "man": ("flopcensus.commands.man", "Write the manual page."),
    "plan": ("flopcensus.commands.plan", "Find the best mix of accelerators within limits."),
    "report": ("flopcensus.commands.report", "Write the page of a study's results."),
    "run": ("flopcensus.commands.run", "Run a whole study: measure, estimate, compare, report."),
    "scenario": (
        "flopcensus.commands.scenario",
        "Show who gains when capacity is offered, hosted, rented or pooled.",
    ),
    "schema": ("flopcensus.commands.schema", "Print JSON Schemas of files, for editors."),
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
        if _COMPLETING in os.environ:
            from flopcensus.completion import attach

            return attach(command)
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
    _write_all_signs()
    sys.exit(invoke(args))


def _write_all_signs() -> None:
    """Escape signs that the stream's encoding lacks (× in ASCII, █ in a Windows code page), as JSON would."""
    import codecs

    def escape(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError)  # noqa: S101  (only writing is given this handler)
        units = error.object[error.start : error.end].encode("utf-16-be")
        return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)), error.end

    codecs.register_error("flopcensus", escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors="flopcensus")


def invoke(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; errors end as lines on stderr."""
    return _guarded(lambda: cli.main(args=args, prog_name="flopcensus", standalone_mode=False))


def _guarded(work: Callable[[], Any]) -> int:
    try:
        result = work()
    except click.ClickException as error:
        _show(_suggested(error))
        return 2
    except SystemExit as end:
        # click and rich end with 1 where the reader of our output has gone, which would read as a bad verdict
        return 0 if end.code == 1 else int(end.code or 0)
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


def _suggested(error: click.ClickException) -> click.ClickException:
    """Name the nearest choice where a value is none of those there are."""
    if not isinstance(error, click.BadParameter):
        return error
    choices = getattr(error.param.type if error.param else None, "choices", None)
    found = re.match(r"'([^']*)' is not one of", error.message)
    if choices and found:
        import difflib

        near = difflib.get_close_matches(found[1], [str(choice) for choice in choices], n=1)
        if near:
            message = f"{error.message} Did you mean '{near[0]}'?"
            return click.BadParameter(message, error.ctx, error.param, error.param_hint)
    return error


def _show(error: click.ClickException) -> None:
    """Say how a command is used, and what was wrong: words of the user's, or of a file's, may stand in it."""
    import io

    from flopcensus.output import visible

    stream = io.StringIO()
    error.show(file=stream)
    click.echo(visible(stream.getvalue()), err=True, nl=False)


def _failed(error: Exception) -> int:
    from bench.errors import FlopcensusError
    from flopcensus.output import note

    if isinstance(error, FlopcensusError):
        for line in str(error).splitlines():
            note(f"error: {line}")
        return error.exit_code
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        note(f"error: {where}{error.strerror or error}")
        return 2
    if isinstance(error, MemoryError) or _found_no_room(error):
        click.echo("error: not enough memory; ask for less (fewer --draws, rows or levels)", err=True)
        return 2
    return _our_fault(error)


def _found_no_room(error: Exception) -> bool:
    """Whether a library could not be loaded for want of memory (words of glibc's loader and of strerror)."""
    words = ("failed to map segment from shared object", "Cannot allocate memory")
    return isinstance(error, ImportError) and any(one in str(error) for one in words)


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
