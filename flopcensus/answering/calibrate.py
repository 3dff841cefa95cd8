"""From bench records to the measurements of a calibration file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounting.capacity.efficiency.measurements import Measurement
    from accounting.capacity.efficiency.scaling import ScalingSeries


def run_calibrate(records: Sequence[Path]) -> tuple[Measurement, ...]:
    """Return what records measured; repeated runs and several nodes are pooled.

    Raises RecordError and InputError.
    """
    from accounting.capacity.efficiency.evidence import from_records
    from bench.record import load_record

    return from_records([(path, load_record(path)) for path in records])


def scaling_of(records: Sequence[Path]) -> tuple[ScalingSeries, ...]:
    """Return the series of scaling that records of several ranks hold.

    Raises RecordError and InputError.
    """
    from accounting.capacity.efficiency.evidence import series_from_record
    from bench.record import load_record

    return tuple(one for path in records for one in series_from_record(load_record(path), path))


def to_yaml(measurements: Sequence[Measurement], series: Sequence[ScalingSeries] = ()) -> str:
    """Return measurements, and series of scaling, as a calibration file; rates with their units."""
    import yaml

    rows: dict[str, Any] = {"measurements": [plain(m) for m in measurements]}
    if series:
        rows["scaling"] = [one.model_dump(mode="json", exclude_defaults=True) for one in series]
    return str(yaml.safe_dump(rows, sort_keys=False, allow_unicode=True))


def plain(measurement: Measurement) -> dict[str, Any]:
    """Return a measurement as the file states it, without what is not known."""
    row = measurement.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    for name, unit in (("achieved", "FLOP/s"), ("achieved_bandwidth", "B/s")):
        if name in row:
            row[name] = f"{row[name]} {unit}"
    return row
