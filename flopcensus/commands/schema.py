"""``flopcensus schema``: JSON Schemas of the files that people write and of the JSON that commands print."""

from __future__ import annotations

from pathlib import Path

import click

from flopcensus.options import overlay_option

_EXAMPLE = """\b
Examples:
  flopcensus schema
  flopcensus schema cluster
  flopcensus schema output-estimate
  flopcensus schema -o .schemas

\b
In an editor with a YAML language server, a first line names the schema:
  # yaml-language-server: $schema=.schemas/cluster.json
"""


@click.command("schema", epilog=_EXAMPLE)
@click.argument("name", required=False)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write NAME.json to."
)
@overlay_option
def command(name: str | None, out: Path | None, overlays: tuple[Path, ...]) -> None:
    """Print the JSON Schema of a kind of file or output, or list them; with -o and no NAME, write all.

    Editors then complete keys and ids, show units, and mark what is wrong (docs/editors.md). Ids are those
    of the shipped facts and of --overlay. What commands print with --format json has schemas as well.
    """
    from accounting.reference.facts import load_facts
    from flopcensus.output import note, print_table, to_json
    from flopcensus.schemas import DOCUMENTS, KINDS, schema

    if name is None and out is None:
        rows = [(key, kind.title, ", ".join(kind.files)) for key, kind in KINDS.items()]
        print_table("kinds of files", ("kind", "what it holds", "shipped, in configs/"), rows)
        printed = [(key, kind.title, ", ".join(kind.files)) for key, kind in DOCUMENTS.items()]
        print_table("what commands print as JSON", ("output", "what it holds", "command"), printed)
        return
    facts = load_facts(overlays=overlays)
    if out is None:
        click.echo(to_json(schema(str(name), facts)), nl=False)
        return
    from bench.files import write_text_atomic

    chosen = [name] if name else [*KINDS, *DOCUMENTS]
    for key in chosen:
        write_text_atomic(out / f"{key}.json", to_json(schema(key, facts)))
    note(f"{len(chosen)} schemas written to {out}")
