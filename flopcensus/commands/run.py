"""``flopcensus run``: a whole study, ending in one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopcensus.output import note, say, warn

if TYPE_CHECKING:
    from accounting.accounts.estimate import Estimate
    from accounting.planning.compare import Comparison
    from bench.record import Record
    from flopcensus.study import Study

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
@click.option("--bench-seconds", type=click.FloatRange(5, 86_400), help="Measure for this long instead.")
def command(study: str, out: Path | None, without_bench: bool, bench_seconds: float | None) -> None:
    """Run a STUDY (a YAML file, or a shipped id): measure, estimate, compare, report.

    Writes results.json, one CSV a table, and report.html. What is measured here is shown beside the
    estimate and never enters it.
    """
    from flopcensus.study import compare_study, estimate_study, load_study

    loaded = load_study(study)
    folder = out or Path("results") / loaded.spec.id
    note(f"study {loaded.spec.id}: {len(loaded.ledger.entries)} deployments at {loaded.spec.as_of}")
    estimates = estimate_study(loaded)
    comparison = compare_study(loaded)
    # the tables are on disk before the long part begins
    _write_tables(folder, loaded, estimates, comparison)
    note(f"estimate written to {folder}")
    record, interrupted = None, False
    if loaded.spec.bench and not without_bench:
        record, interrupted = _measure(loaded, folder, bench_seconds or loaded.spec.bench.seconds)
    _write_results(folder, loaded, estimates, comparison, record)
    if interrupted:
        note(f"stopped; what was finished is in {folder}")
        raise KeyboardInterrupt
    _summarise(folder, loaded, estimates, comparison, record)


def _measure(study: Study, folder: Path, seconds: float) -> tuple[Record | None, bool]:
    """Measure this machine; what was finished before an interruption is kept."""
    from bench.errors import MissingExtraError
    from bench.record import load_record
    from flopcensus.commands.bench import measure_here

    bench = folder / "bench"
    before = set(bench.glob("record-*.json"))
    seed = study.spec.bench.seed if study.spec.bench else 0
    try:
        return measure_here(seconds, bench, seed), False
    except MissingExtraError as error:
        warn(f"this machine is not measured: {error}")
        return None, False
    except KeyboardInterrupt:
        written = sorted(set(bench.glob("record-*.json")) - before)
        return (load_record(written[-1]) if written else None), True


def _write_tables(
    folder: Path, study: Study, estimates: Sequence[Estimate], comparison: Comparison | None
) -> None:
    from bench.files import write_text_atomic
    from flopcensus.output import to_csv
    from flopcensus.tables import ESTIMATE_COLUMNS, comparison_csv, estimate_rows

    tables = folder / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    rows = [row for estimate in estimates for row in estimate_rows(estimate)]
    for level in dict.fromkeys(row["level"] for row in rows):
        name = level.replace(",", "-").replace(" ", "-").replace("_", "-")
        chosen = [row for row in rows if row["level"] == level]
        write_text_atomic(tables / f"{name}.csv", to_csv(ESTIMATE_COLUMNS, chosen))
    frame = study.ledger.to_frame()
    ledger = [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
    write_text_atomic(tables / "ledger.csv", to_csv(list(frame.columns), ledger))
    if comparison:
        write_text_atomic(tables / "clusters.csv", comparison_csv(comparison))


def _write_results(
    folder: Path,
    study: Study,
    estimates: Sequence[Estimate],
    comparison: Comparison | None,
    record: Record | None,
) -> None:
    from bench.files import write_text_atomic
    from flopcensus.output import to_json
    from flopcensus.report.page import render
    from flopcensus.results import study_document

    document: dict[str, Any] = study_document(study, estimates, comparison, record)
    write_text_atomic(folder / "report.html", render(document))
    write_text_atomic(folder / "results.json", to_json(document))


def _summarise(
    folder: Path,
    study: Study,
    estimates: Sequence[Estimate],
    comparison: Comparison | None,
    record: Record | None,
) -> None:
    from flopcensus.record_view import print_record
    from flopcensus.tables import print_account, print_bases, print_comparison

    say(f"{study.spec.title}, at {study.spec.as_of}\n")
    if record:
        say("measured here; shown beside the estimate, never in it:")
        print_record(record)
        say("")
    print_bases(estimates)
    last = estimates[-1]
    for account in last.accounts.accounts:
        if len(account.levels) == 1:
            print_account(account, last.accounts.denomination.unit, rows=6)
    if comparison:
        print_comparison(comparison)
    for text in dict.fromkeys(w for e in estimates for w in e.warnings):
        warn(text)
    _next_commands(folder, study)


def _next_commands(folder: Path, study: Study) -> None:
    say(f"Written to {folder}: report.html, results.json, tables/*.csv. Next, try:")
    say(f"  open {folder / 'report.html'} in a browser")
    say(f"  flopcensus estimate --as-of {study.spec.as_of} --group EU --basis delivered --unit h100e")
    say("  flopcensus compare all-nvidia hedged")
    say("  flopcensus bench --time-budget 300")
    say("  flopcensus catalogue measurements")
