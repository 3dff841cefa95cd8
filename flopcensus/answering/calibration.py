"""From bench records to the measurements of a calibration file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounting.capacity.measurements import Measurement


def run_calibrate(records: Sequence[Path]) -> tuple[Measurement, ...]:
    """Return what records measured; repeated runs and several nodes are pooled.

    Raises RecordError and InputError.
    """
    from accounting.capacity.evidence import from_records
    from bench.record import load_record

    return from_records([(path, load_record(path)) for path in records])


def to_yaml(measurements: Sequence[Measurement]) -> str:
    """Return measurements as a calibration file; rates with their units."""
    import yaml

    rows = {"measurements": [plain(m) for m in measurements]}
    return str(yaml.safe_dump(rows, sort_keys=False, allow_unicode=True))


def plain(measurement: Measurement) -> dict[str, Any]:
    """Return a measurement as the file states it, without what is not known."""
    row = measurement.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    for name, unit in (("achieved", "FLOP/s"), ("achieved_bandwidth", "B/s")):
        if name in row:
            row[name] = f"{row[name]} {unit}"
    return row
