"""The reference pages of the site, made from the commands, the public names and the models when it is built.

Each function returns the Markdown of a page; `write` writes them all. No copy is kept: one would fall behind.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from _columns import dictionary_page
from _files import file_page, files_page
from _markdown import plain, table

import flopcensus
from flopcensus import testing
from flopcensus.cli import COMMANDS, cli
from flopcensus.schemas import DOCUMENTS, KINDS

_OPTION_NOTES = re.compile(r"^(.*?)\s*\[([^\]]*(?:default|required)[^\]]*)\]\.?$", re.DOTALL)


def write(folder: Path) -> None:
    """Write all pages into ``folder``; one that is as it was keeps its date, so that it is not read again."""
    for name, text in pages().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return every page by its path within the folder."""
    files = {f"files/{name}.md": file_page(name) for name in (*KINDS, *DOCUMENTS)}
    return {
        "commands.md": commands_page(),
        "library.md": library_page(),
        "files.md": files_page(),
        "dictionary.md": dictionary_page(),
        **files,
    }


# --- the command line


def commands_page() -> str:
    """Return the page of all commands, from the commands themselves."""
    context = click.Context(cli, info_name="flopcensus", help_option_names=["-h", "--help"])
    parts = [
        "# Command line",
        "Results go to stdout, progress and warnings to stderr. Exit codes: 0 done; 1 done, and the verdict "
        "is bad; 2 bad input; 70 a fault of ours; 130 interrupted.",
    ]
    for name in sorted(COMMANDS):
        command = cli.get_command(context, name)
        assert command is not None  # noqa: S101  (it stands in the table of commands)
        parts += _command(command, name, context, level=2)
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, name: str, parent: click.Context, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f"{'#' * level} {context.command_path.removeprefix('flopcensus ')}"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```"
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        if "\b" in paragraph:
            yield "```text\n" + paragraph.replace("\b", "").strip("\n") + "\n```"
        else:
            yield plain(paragraph)
    records = [one.get_help_record(context) for one in command.get_params(context)]
    rows = [_option(*record) for record in records if record]
    yield table(("option", "default", "meaning"), rows)
    for block in (command.epilog or "").split("\b\n"):
        if block.strip():
            head, _, rest = block.strip("\n").partition("\n")
            yield f"{plain(head)}\n\n```text\n{inspect.cleandoc(rest)}\n```"
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            if found is not None:
                yield from _command(found, sub, context, level + 1)


def _option(names: str, help_text: str) -> tuple[str, str, str]:
    found = _OPTION_NOTES.match(help_text)
    text, notes = (found[1], found[2]) if found else (help_text, "")
    return f"`{names}`", plain(notes.replace("default: ", "")), plain(text)


# --- the Python library


def library_page() -> str:
    """Return the page of the public names; their docstrings are read by autodoc."""
    public = [name for name in flopcensus.__all__ if not name.startswith("_")]
    found = {name: getattr(flopcensus, name) for name in public}
    verbs = [name for name, one in found.items() if not inspect.isclass(one)]
    errors = [name for name, one in found.items() if inspect.isclass(one) and issubclass(one, Exception)]
    answers = [name for name in found if name not in {*verbs, *errors}]
    helpers = [name for name in vars(testing) if name.startswith("assert_")]
    return "\n\n".join(
        [
            "# Python names",
            "What `import flopcensus as fc` offers; how it is used stands in [the library](../library.md).",
            _autodoc("Questions", "autofunction", "flopcensus", verbs),
            _autodoc("Answers", "autoclass", "flopcensus", answers),
            _autodoc("Errors", "autoexception", "flopcensus", errors),
            _autodoc("In tests of your own", "autofunction", "flopcensus.testing", helpers),
            "",
        ]
    )


def _autodoc(title: str, directive: str, module: str, names: Iterable[str]) -> str:
    lines = [f".. {directive}:: {module}.{name}" for name in names]
    return f"## {title}\n\n```{{eval-rst}}\n" + "\n\n".join(lines) + "\n```"
