"""``flopcensus init``: a commented starter, to be filled in."""

from __future__ import annotations

from pathlib import Path

import click

KINDS = ("facility", "cluster", "study")
_EXAMPLE = """\b
Examples:
  flopcensus init facility -o mine.yaml && flopcensus lint mine.yaml && flopcensus estimate mine.yaml
  flopcensus init cluster && flopcensus compare cluster.yaml hedged
  flopcensus init study && flopcensus run study.yaml
"""


@click.command("init", epilog=_EXAMPLE)
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write, - for stdout [default: KIND.yaml].",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def command(kind: str, out: Path | None, force: bool) -> None:
    """Write a starter of a KIND that is valid as it stands, with a comment on every line to change.

    The comments name units, and where ids are looked up. An existing file is left as it is without --force.
    """
    text = (Path(__file__).resolve().parents[1] / "starters" / f"{kind}.yaml").read_text(encoding="utf-8")
    if out == Path("-"):
        click.echo(text, nl=False)
        return
    from bench.errors import InputError
    from bench.files import write_text_atomic
    from flopcensus.output import note

    target = out or Path(f"{kind}.yaml")
    if target.exists() and not force:
        raise InputError(f"{target}: is there already; name another with -o, or overwrite it with --force")
    write_text_atomic(target, text)
    note(f"written to {target}; next:")
    for line in _NEXT[kind]:
        note(f"  flopcensus {line.format(target)}")


_NEXT = {
    "facility": ("lint {}", "estimate {}"),
    "cluster": ("compare {}", "compare {} hedged", "plan {} --power '20 MW'"),
    "study": ("run {}",),
}
