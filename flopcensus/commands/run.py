"""``flopcensus run``: a whole study, ending in one page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flopcensus.output import note, say, warn

if TYPE_CHECKING:
    from bench.record import Record
    from flopcensus.studies.findings import Findings
    from flopcensus.studies.spec import BenchPart, StudySpec

_EXAMPLE = """\b
Examples:
  flopcensus run configs/studies/world.yaml
  flopcensus run world --without-bench -o results/paper
"""


@click.command("run", epilog=_EXAMPLE)
@click.argument("study", default="world")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder to write [default: results/STUDY]."
)
@click.option("--without-bench", is_flag=True, help="Do not measure this machine.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder that the paths of the study may not leave [default: that of the STUDY file].",
)
@click.option(
    "--bench-seconds", type=click.FloatRange(5, 86_400), help="Measure for this long, whatever STUDY says."
)
def command(
    study: str, out: Path | None, without_bench: bool, root: Path | None, bench_seconds: float | None
) -> None:
    """Run a STUDY (a YAML file, or a shipped id): measure, estimate, compare, report.

    Writes results.json, one CSV a table, and report.html. What is measured here is shown beside the
    estimate and never enters it.
    """
    if without_bench and bench_seconds is not None:
        raise click.UsageError("--without-bench and --bench-seconds exclude each other; give one")
    from bench.files import claimed
    from flopcensus.studies.findings import answer
    from flopcensus.studies.study import load_study
    from flopcensus.studies.views import with_views

    loaded = load_study(study, root)
    folder = out or Path("results") / loaded.spec.id
    note(f"study {loaded.spec.id}: {len(loaded.ledger.entries)} deployments at {loaded.spec.as_of}")
    findings = answer(loaded)
    # the tables of another run must not stand beside the results of this one
    click.get_current_context().with_resource(claimed(folder))
    # all but the measurement is on disk before the long part begins
    _write_tables(folder, findings)
    note(f"estimate written to {folder}")
    findings = with_views(findings)
    interrupted = False
    part = None if without_bench else _bench_part(loaded.spec, bench_seconds)
    if part is not None:
        _write_results(folder, findings)
        record, interrupted = _measure(part, folder)
        findings = replace(findings, record=record)
    _write_results(folder, findings)
    if interrupted:
        note(f"stopped; what was finished is in {folder}")
        raise KeyboardInterrupt
    _summarise(folder, findings)


def _bench_part(spec: StudySpec, seconds: float | None) -> BenchPart | None:
    """How to measure, if the study or the command line asks for it."""
    if seconds is None:
        return spec.bench
    from flopcensus.studies.spec import BenchPart

    return (spec.bench or BenchPart()).model_copy(update={"seconds": seconds})


def _measure(spec: BenchPart, folder: Path) -> tuple[Record | None, bool]:
    """Measure this machine; what was finished before an interruption is kept."""
    from bench.errors import FlopcensusError
    from bench.record import load_record
    from flopcensus.answering.bench import measure_here

    bench = folder / "bench"
    before = set(bench.glob("record-*.json"))
    try:
        return measure_here(spec.seconds, bench, spec.seed), False
    except FlopcensusError as error:
        # the accounts need no measurement of this machine
        warn(f"this machine is not measured: {error}")
        return None, False
    except KeyboardInterrupt:
        written = sorted(set(bench.glob("record-*.json")) - before)
        return (load_record(written[-1]) if written else None), True


def _write_tables(folder: Path, findings: Findings) -> None:
    from bench.files import write_text_atomic
    from flopcensus.documents.compare import comparison_csv
    from flopcensus.documents.estimate_rows import ESTIMATE_COLUMNS, estimate_rows
    from flopcensus.output import to_csv

    tables = folder / "tables"
    rows = [row for estimate in findings.estimates for row in estimate_rows(estimate)]
    for level in dict.fromkeys(row["level"] for row in rows):
        name = level.replace(",", "-").replace(" ", "-").replace("_", "-")
        chosen = [row for row in rows if row["level"] == level]
        write_text_atomic(tables / f"{name}.csv", to_csv(ESTIMATE_COLUMNS, chosen))
    frame = findings.study.ledger.to_frame()
    ledger = [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
    write_text_atomic(tables / "ledger.csv", to_csv(list(frame.columns), ledger))
    if findings.comparison:
        write_text_atomic(tables / "clusters.csv", comparison_csv(findings.comparison))


def _write_results(folder: Path, findings: Findings) -> None:
    from bench.files import write_text_atomic
    from flopcensus.documents.study import study_document, study_json
    from flopcensus.report.page import render

    document = study_document(findings)
    write_text_atomic(folder / "report.html", render(document))
    write_text_atomic(folder / "results.json", study_json(document))


def _summarise(folder: Path, findings: Findings) -> None:
    from flopcensus.records.table import print_record
    from flopcensus.tables.compare import print_comparison
    from flopcensus.tables.estimate import print_account, print_bases

    spec = findings.study.spec
    say(f"{spec.title}, at {spec.as_of}\n")
    if findings.record:
        say("measured here; shown beside the estimate, never in it:")
        print_record(findings.record)
        say("")
    print_bases(findings.estimates)
    last = findings.estimates[-1].accounts
    for account in last.accounts:
        if len(account.levels) == 1:
            print_account(account, last.denomination.unit, rows=6)
    if findings.comparison:
        print_comparison(findings.comparison)
    for text in dict.fromkeys(w for e in findings.estimates for w in e.warnings):
        warn(text)
    _next_commands(folder, spec)


def _next_commands(folder: Path, spec: StudySpec) -> None:
    say(f"Written to {folder}: report.html, results.json, tables/*.csv. Next, try:")
    say(f"  open {folder / 'report.html'} in a browser")
    say(f"  flopcensus estimate --as-of {spec.as_of} --group EU --basis delivered --unit h100e")
    say("  flopcensus compare all-nvidia hedged")
    say("  flopcensus bench --time-budget 300")
    say("  flopcensus catalogue measurements")
