"""``flopcensus man``: the manual page."""

from __future__ import annotations

from pathlib import Path

import click

_EXAMPLE = """\b
Examples:
  flopcensus man | man -l -
  flopcensus man estimate | man -l -
  flopcensus man -o ~/.local/share/man/man1/flopcensus.1
"""


@click.command("man", epilog=_EXAMPLE)
@click.argument("commands", nargs=-1)
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="File [default: stdout].")
def command(commands: tuple[str, ...], out: Path | None) -> None:
    """Write the manual page of all commands, or of the COMMANDS named, for man."""
    from flopcensus.manual import manual

    text = manual(list(commands))
    if out is None:
        click.echo(text, nl=False)
        return
    from bench.files import write_text_atomic
    from flopcensus.output import note

    write_text_atomic(out, text)
    note(f"written to {out}; to read it: man {out}")
