"""The manual page, made from the commands themselves.

Some sixty lines of roff are less than a dependency: click-man, which does the same, takes commands apart as
this does, and knows neither our lazy group nor our examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from flopcensus import __version__
from flopcensus.cli import COMMANDS, cli

_EXIT = (
    ("0", "done"),
    ("1", "done, and the verdict is bad: linter errors, sick nodes, wrong results, no plan within limits"),
    ("2", "bad input; the message says where it stands and how to mend it"),
    ("70", "a fault of ours; the message names a file to report"),
    ("130", "interrupted; what was finished is kept"),
)
_ENVIRONMENT = (
    ("NO_COLOR", "where set, tables are printed without emphasis"),
    ("COLUMNS", "width that tables are fitted to on a terminal"),
    ("RANK, SLURM_PROCID, …", "set by launchers; flopcensus bench then measures each node once"),
)


def manual(names: list[str] | None = None) -> str:
    """Return the manual page in roff: of the commands named, or of all.

    Raises:
        UnknownNameError: no such command.
    """
    from accounting.errors import UnknownNameError

    for name in names or ():
        if name not in COMMANDS:
            raise UnknownNameError("command", name, COMMANDS)
    lines = [
        f'.TH FLOPCENSUS 1 "" "flopcensus {__version__}" "User Commands"',
        # ragged: names of options are long, and a gap in a line is no help
        *(".ad l", ".nh"),
        *(".SH NAME", f"flopcensus \\- {roff(cli.help or '').rstrip('.')}"),
        *(".SH SYNOPSIS", ".B flopcensus", ".I COMMAND", "[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]..."),
        *(".SH DESCRIPTION", "Results go to stdout, progress and warnings to stderr."),
        ".SH COMMANDS",
    ]
    context = click.Context(cli, info_name="flopcensus", help_option_names=["-h", "--help"])
    for name in names or sorted(COMMANDS):
        command = cli.get_command(context, name)
        assert command is not None  # noqa: S101  (checked above)
        lines += _command(command, name, context)
    lines += [".SH EXIT STATUS", *_listed(_EXIT), ".SH ENVIRONMENT", *_listed(_ENVIRONMENT)]
    return "\n".join(lines) + "\n"


def _command(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f".SS {roff(' '.join([context.command_path, *command.collect_usage_pieces(context)]))}"
    for paragraph in (command.help or "").split("\n\n"):
        yield from (".PP", roff(" ".join(paragraph.replace("\b", "").split())))
    # what --help is called is kept by a command from its first use, with whatever called it then
    own = [one for one in command.params if one.name != "help"]
    for one in (*own, *_help(context)):
        record = one.get_help_record(context)
        if record is not None:
            yield from (".TP", f"\\fB{roff(record[0])}\\fR", roff(" ".join(record[1].split())))
    if command.epilog:
        for block in command.epilog.split("\b\n"):
            if block.strip():
                yield from (".PP", ".nf", *(roff(line) for line in block.rstrip().splitlines()), ".fi")
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            if found is not None:
                yield from _command(found, sub, context)


def _help(context: click.Context) -> Iterator[click.Parameter]:
    if context.command.add_help_option:
        yield click.Option(context.help_option_names, is_flag=True, help="Show this message and exit.")


def _listed(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for term, text in rows:
        yield from (".TP", f"\\fB{roff(term)}\\fR", roff(text))


def roff(text: str) -> str:
    r"""Return text as roff shows it: backslashes, hyphens and dots at the start of a line made harmless.

    >>> print(roff(".5 of --draws"))
    \&.5 of \-\-draws
    """
    text = text.replace("\\", "\\e").replace("-", "\\-")
    # signs beyond ASCII by name, so that any man in any locale shows them
    text = re.sub(r"[^\x00-\x7f]", lambda sign: f"\\[u{ord(sign[0]):04X}]", text)
    return f"\\&{text}" if text.startswith((".", "'")) else text
