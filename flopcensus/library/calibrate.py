"""From bench records to measurements that an estimate takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.library.answer import Answer, as_days, table
from flopcensus.library.asking import as_files

if TYPE_CHECKING:
    import pandas as pd

    from accounting.capacity.efficiency.measurements import Measurement
    from flopcensus.library.bench import BenchRecord

_COLUMNS = (
    *("metric", "achieved_flop_per_s", "achieved_bytes_per_s", "nodes", "accelerators"),
    *("software", "date", "kind", "source"),
)


@dataclass(frozen=True, repr=False, eq=False)
class Measurements(Answer):
    """What records measured, pooled over runs and nodes; give them to `estimate` as ``calibration``."""

    measurements: tuple[Measurement, ...] = field(repr=False)

    file_name = "calibration.yaml"

    def __len__(self) -> int:
        """Return the number of measurements."""
        return len(self.measurements)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The measurements, indexed by (accelerator, basis, precision); rates in FLOP/s and B/s."""
        rows = [
            {
                **one.model_dump(exclude={"achieved", "achieved_bandwidth", "nodes", "accelerators"}),
                "precision": one.precision or one.regime,
                "achieved_flop_per_s": one.achieved,
                "achieved_bytes_per_s": one.achieved_bandwidth,
                "nodes": one.nodes.best if one.nodes else None,
                "accelerators": one.accelerators.best if one.accelerators else None,
            }
            for one in self.measurements
        ]
        return as_days(table(rows, ("accelerator", "basis", "precision"), _COLUMNS), "date")

    def to_yaml(self) -> str:
        """Return the calibration file that ``flopcensus calibrate`` writes."""
        from flopcensus.answering.calibrate import to_yaml

        return to_yaml(self.measurements)

    def save(self, path: str | Path) -> Path:
        """Write the calibration file, and return its path.

        Raises:
            InputError: the file cannot be written.
        """
        from bench.files import write_text_atomic

        write_text_atomic(Path(path), self.to_yaml())
        return Path(path)

    def to_dict(self) -> dict[str, Any]:
        """Return what the calibration file holds."""
        from flopcensus.answering.calibrate import plain

        return {"measurements": [plain(one) for one in self.measurements]}

    def to_csv(self) -> str:
        """Return `frame` as CSV, with cells that a spreadsheet would run made harmless."""
        from flopcensus.documents.catalogue.rows import frame_rows
        from flopcensus.output import to_csv

        frame = self.frame.reset_index()
        return to_csv([str(name) for name in frame.columns], frame_rows(frame))

    def _title(self) -> str:
        return f"{len(self)} measurements"

    def _shown(self) -> dict[str, pd.DataFrame]:
        columns = ["metric", "achieved_flop_per_s", "achieved_bytes_per_s", "nodes", "date"]
        return {"measurements": self.frame[columns].dropna(axis="columns", how="all")}


def calibrate(records: str | Path | BenchRecord | Iterable[str | Path | BenchRecord]) -> Measurements:
    """Turn bench records into measurements; repeated runs and several nodes are pooled.

    Args:
        records: files, or what `bench` and `read_record` return.

    Raises:
        RecordError: a file is not a record.
        InputError: a record holds nothing that calibrates.
    """
    from flopcensus.answering.calibrate import run_calibrate

    with as_files(records) as files:
        return Measurements(run_calibrate(files))
