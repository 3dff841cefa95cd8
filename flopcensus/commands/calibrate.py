"""``flopcensus calibrate``: from bench records to a calibration file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from accounting.capacity.measurements import Measurement


@click.command("calibrate", epilog="Example: flopcensus calibrate results/bench/record-*.json -o mine.yaml")
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write [default: stdout].")
def command(records: tuple[Path, ...], out: Path | None) -> None:
    """Turn bench RECORDS into measurements that estimate takes with --calibration."""
    from accounting.capacity.measurements import from_record
    from bench.files import write_text_atomic
    from bench.record import load_record
    from flopcensus.output import note

    measurements = [m for path in records for m in from_record(load_record(path), path)]
    text = _yaml(measurements)
    if out is None:
        click.echo(text, nl=False)
        return
    write_text_atomic(out, text)
    note(f"{len(measurements)} measurements written to {out}; to use them:")
    note(f"  flopcensus estimate --calibration {out}")
    if any(m.basis == "sustained" for m in measurements):
        note("training steps of one accelerator are kept; sustained is at scale and does not take them")


def _yaml(measurements: list[Measurement]) -> str:
    import yaml

    rows = {"measurements": [_plain(m) for m in measurements]}
    return str(yaml.safe_dump(rows, sort_keys=False, allow_unicode=True))


def _plain(measurement: Measurement) -> dict[str, Any]:
    plain = measurement.model_dump(mode="json", exclude_none=True)
    for name, unit in (("achieved", "FLOP/s"), ("achieved_bandwidth", "B/s")):
        if name in plain:
            plain[name] = f"{plain[name]} {unit}"
    return plain
