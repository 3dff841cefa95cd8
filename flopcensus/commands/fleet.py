"""``flopcensus fleet``: the records of many nodes merged, and the sick nodes named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from flopcensus.answering.fleet import Fleet

EXIT_SICK = 1
_EXAMPLE = """\b
Examples:
  flopcensus fleet results/bench
  flopcensus fleet today/ --baseline last-month/ --format json
  flopcensus fleet results/bench --format openmetrics -o fleet.prom
  flopcensus fleet results/bench --anonymise --records-to public/
  flopcensus fleet tonight/ --history site/ -o fleet.html
  flopcensus fleet --history site/ --since 2026-01-01 --node r03n05 --metric gemm
"""


@click.command("fleet", epilog=_EXAMPLE)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="Earlier records of the same nodes: each is compared with itself, and the fleet as a whole.",
)
@click.option(
    "--false-alarms",
    "rate",
    type=float,
    default=0.05,
    show_default=True,
    metavar="RATE",
    help="Chance, at most, that a fleet without a fault shows any outlier.",
)
@click.option("--force", is_flag=True, help="Judge records that cannot be compared, each group apart.")
@click.option("--anonymise", is_flag=True, help="Leave out host names, serial numbers, users and paths.")
@click.option(
    "--records-to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="With --anonymise: also write the records without names into this folder.",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DATASET",
    help="Add the records of DIR to this Parquet dataset; without DIR, ask it which nodes lost speed.",
)
@click.option(
    "--since",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="Ask the history from this night (UTC) on.",
)
@click.option("--node", metavar="NAME", help="Ask the history for this node only.")
@click.option(
    "--metric", metavar="WORKLOAD", help='Ask the history for this workload only: gemm, "gemm bf16".'
)
@click.option("--compact", is_flag=True, help="Leave one file a date in the history.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "csv", "parquet", "openmetrics", "html"]),
    help="How results are written [default: table; html where FILE ends in .html].",
)
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="File [default: stdout].")
@click.pass_context
def command(
    context: click.Context, /, folder: Path | None, output: str | None, out: Path | None, **options: Any
) -> None:
    """Merge the records of many nodes in DIR, show how they are spread, and name the nodes to drain.

    Reads every .json and .json.gz file below DIR; what is no record, or one twice, is set aside and listed.
    A device is judged by its peers one-sidedly, from five nodes on. Exit code 1 means that a node is sick.

    With --history and without DIR: says which nodes of a history of nightly runs have lost speed, and since
    when.
    """
    from flopcensus.answering.fleet import run_fleet

    output = output or ("html" if out is not None and out.suffix.lower() in (".html", ".htm") else "table")
    if folder is None:
        if _ask_history(options, output, out):
            context.exit(EXIT_SICK)
        return
    _require_sense(output, out, options)
    fleet = run_fleet(folder, options)
    if options["records_to"] is not None:
        _write_records(fleet, options["records_to"])
    _show(fleet, output, out)
    if fleet.is_sick:
        context.exit(EXIT_SICK)


def _ask_history(options: dict[str, Any], output: str, out: Path | None) -> bool:
    """Answer from the history alone; return whether a node has lost speed."""
    from bench.files import write_text_atomic
    from flopcensus.answering.fleet_history import Question, ask, compact
    from flopcensus.documents.fleet_history import COLUMNS, document, rows
    from flopcensus.output import note, to_csv, to_json
    from flopcensus.tables.fleet_history import print_answer

    path = options["history"]
    if path is None:
        raise click.UsageError("give DIR, a folder of records, or --history DATASET to ask a history")
    if output not in ("table", "json", "csv"):
        raise click.UsageError(f"a history answers as table, json or csv (found {output})")
    if output == "table" and out is not None:
        raise click.UsageError("a table is for the terminal: give -o with --format json or csv")
    for name in ("baseline", "force", "anonymise", "records_to"):
        if options[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} is about the records of DIR: give DIR")
    if options["compact"]:
        note(compact(path))
        return False
    since = options["since"].date() if options["since"] else None
    answer = ask(path, Question(since, options["node"], options["metric"], options["rate"]))
    if output == "table":
        print_answer(answer)
        return answer.is_sick
    text = to_json(document(answer)) if output == "json" else to_csv(COLUMNS, rows(answer))
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text_atomic(out, text)
    return answer.is_sick


def _require_sense(output: str, out: Path | None, options: dict[str, Any]) -> None:
    for name in ("since", "node", "metric", "compact"):
        if options[name]:
            raise click.UsageError(f"--{name} asks a history: leave out DIR, and give --history DATASET")
    if options["history"] is not None and options["anonymise"]:
        raise click.UsageError("a history holds the names of nodes: add to it without --anonymise")
    if options["records_to"] is not None and not options["anonymise"]:
        raise click.UsageError("--records-to writes records without names: give --anonymise too")
    if output == "parquet" and out is None:
        raise click.UsageError("Parquet is no text: name a file with -o")
    if output == "table" and out is not None:
        raise click.UsageError(
            "a table is for the terminal: give -o with --format json, csv, parquet, openmetrics or html"
        )


def _write_records(fleet: Fleet, folder: Path) -> None:
    import msgspec

    from bench.files import claimed, write_bytes_atomic
    from bench.fleets.anonymising import anonymised
    from bench.fleets.decoding import plain
    from flopcensus.output import Meter, note

    kept = [file for place, file in enumerate(fleet.gathered.files) if place not in fleet.reading.withdrawn]
    # the nodes of two fleets have the same public names
    click.get_current_context().with_resource(claimed(folder))
    meter = Meter("records written")
    seen: dict[str, int] = {}
    for number, file in enumerate(sorted(kept), 1):
        document = anonymised(msgspec.json.decode(plain(Path(file).read_bytes())), fleet.public)
        node = document["node"]
        seen[node] = seen.get(node, 0) + 1
        write_bytes_atomic(folder / f"record-{node}-{seen[node]}.json", msgspec.json.encode(document) + b"\n")
        meter(number, len(kept))
    note(f"{len(kept)} records without names written to {folder}")


def _show(fleet: Fleet, output: str, out: Path | None) -> None:
    from bench.files import write_bytes_atomic, write_text_atomic
    from flopcensus.documents.fleet import COLUMNS, document, flat_rows
    from flopcensus.output import to_csv, to_json
    from flopcensus.tables.fleet import print_fleet

    if output == "table":
        print_fleet(fleet)
        return
    if output == "parquet":
        from flopcensus.documents.fleet_parquet import to_parquet

        assert out is not None  # noqa: S101  (refused above)
        write_bytes_atomic(out, to_parquet(flat_rows(fleet)))
        return
    if output == "json":
        text = to_json(document(fleet))
    elif output == "html":
        from flopcensus.report.fleet_page import render

        text = render(fleet)
    elif output == "csv":
        text = to_csv(COLUMNS, flat_rows(fleet))
    else:
        from flopcensus.documents.fleet_openmetrics import openmetrics

        text = openmetrics(fleet)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text_atomic(out, text)
