"""``flopcensus report``: the page of a study's results, the same in Markdown, or one of its charts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flopcensus.report.document import Results

_EXAMPLE = """\b
Examples:
  flopcensus report results/world/results.json -o world.html
  flopcensus report results/world results/bench/record-node1.json -o both.html
  flopcensus report results/world --format md --set basis=peak -o world.md
  flopcensus report results/world --chart map --set unit=h100e -o map.svg
"""


@click.command("report", epilog=_EXAMPLE)
@click.argument("results", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="File to write [default: report.html beside RESULTS].",
)
@click.option("--format", "form", type=click.Choice(["html", "md"]), default="html", show_default=True)
@click.option(
    "--chart", metavar="NAME", help="Write this chart alone, as .svg or .png; a name there is not lists all."
)
@click.option(
    "--set",
    "choices",
    multiple=True,
    metavar="CONTROL=VALUE",
    help="View of a chart or of Markdown, as basis=peak.",
)
def command(
    results: tuple[Path, ...], out: Path | None, form: str, chart: str | None, choices: tuple[str, ...]
) -> None:
    """Write the page of RESULTS: a results.json written by flopcensus run (or its folder).

    Records, and the JSON of estimate and compare, are taken as well, alone or beside it.
    """
    from bench.errors import InputError
    from bench.files import write_bytes_atomic
    from flopcensus.output import note
    from flopcensus.report.document import check_results
    from flopcensus.report.document.composing import compose

    sources = [path / "results.json" if path.is_dir() else path for path in results]
    if choices and not chart and form == "html":
        raise InputError("--set chooses the view of --chart or --format md; the page has controls of its own")
    document = compose(sources)
    checked = check_results(document, source=", ".join(str(path) for path in sources))
    target = out or sources[0].with_name(f"{chart}.svg" if chart else f"report.{form}")
    for source in sources:
        if target.exists() and target.samefile(source):
            raise InputError(f"{target}: the report would replace its own results; name another file with -o")
    if chart:
        data = _chart(checked, chart, choices, target)
    elif form == "md":
        data = _markdown(checked, choices)
    else:
        data = _page(document)
    write_bytes_atomic(target, data)
    note(f"{'chart' if chart else 'report'} written to {target}")


def _page(document: dict[str, object]) -> bytes:
    from flopcensus.output import warn
    from flopcensus.report import engine
    from flopcensus.report.page import render

    if not engine.available():
        warn("charts that follow controls need: pip install 'flopcensus[page]'; the page has its plain ones")
    return render(document).encode()


def _chart(results: Results, name: str, choices: tuple[str, ...], target: Path) -> bytes:
    from flopcensus.report.single import draw, figures_of, read_choices

    found = figures_of(results, "RESULTS")
    return draw(found, name, read_choices(choices, found), target)


def _markdown(results: Results, choices: tuple[str, ...]) -> bytes:
    from flopcensus.report.figures.all import figures
    from flopcensus.report.markdown import markdown
    from flopcensus.report.single import figures_of, read_choices

    chosen = read_choices(choices, figures_of(results, "RESULTS")) if choices else {}
    return markdown(results, figures(results), chosen).encode()
