"""What this machine delivers, and records of what others did."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.library.answer import Answer, table
from flopcensus.library.asking import Texts

if TYPE_CHECKING:
    import pandas as pd

    from bench.record import Record

_COLUMNS = (
    *("unit", "value", "ci95_low", "ci95_high", "settled", "status", "reason", "backend"),
    *(
        "fraction_of_peak",
        "fraction_of_ceiling",
        "clock_mhz",
        "power_w",
        "temperature_c",
        "energy_j_per_flop",
    ),
    *("sample_count", "sample_seconds", "correct", "throttled"),
)


@dataclass(frozen=True, repr=False, eq=False)
class BenchRecord(Answer):
    """One run on one node.

    Attributes:
        record: the record itself, typed; see ``flopcensus schema record``.
    """

    record: Record = field(repr=False)

    @property
    def file_name(self) -> str:
        """The name that the record is written under."""
        return self.record.file_name

    @cached_property
    def results(self) -> pd.DataFrame:
        """Every result, indexed by (device, workload, precision, shape), each value in its unit.

        ``value`` is the median over rounds, ``ci95_low`` to ``ci95_high`` its 95 % interval. Clock in MHz,
        power in W, temperature in °C, energy in J/FLOP, time in s.
        """
        from flopcensus.records.judgement import shape_text

        rows = []
        for one in self.record.results:
            low, high = one.ci95 or (None, None)
            shape = shape_text(one)
            rows.append(one.model_dump() | {"shape": shape, "ci95_low": low, "ci95_high": high})
        return table(rows, ("device", "workload", "precision", "shape"), _COLUMNS)

    @cached_property
    def devices(self) -> pd.DataFrame:
        """The devices, indexed by id; memory in B, power limit in W."""
        columns = ("kind", "name", "accelerator", "memory_bytes", "power_limit_w", "driver", "variant")
        rows = [one.model_dump() | {"device": one.id} for one in self.record.devices]
        return table(rows, ("device",), columns)

    def save(self, path: str | Path) -> Path:
        """Write the record; into a folder, it gets its own name. Returns the file.

        Raises:
            InputError: the file cannot be written.
        """
        from bench.files import write_text_atomic

        target = Path(path)
        target = target / self.file_name if target.is_dir() else target
        write_text_atomic(target, self.to_json())
        return target

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        found: dict[str, Any] = json.loads(self.to_json())
        return found

    def to_json(self) -> str:
        """Return the record as it stands in its file."""
        return self.record.to_json()

    def to_csv(self) -> str:
        """Return what ``flopcensus bench --format csv`` prints."""
        from flopcensus.records.table import record_csv

        return record_csv(self.record)

    def _title(self) -> str:
        names = ", ".join(f"{one.id}: {one.name}" for one in self.record.devices)
        return f"{self.record.node}, {self.record.created:%Y-%m-%d %H:%M} UTC; {names}"

    def _shown(self) -> dict[str, pd.DataFrame]:
        shown = self.results[self.results["status"] != "skipped"]
        return {"results": shown[["unit", "value", "ci95_low", "ci95_high", "settled", "status", "backend"]]}


def read_record(path: str | Path) -> BenchRecord:
    """Read a record that ``flopcensus bench`` wrote.

    Raises:
        RecordError: the file is absent, no record, cut short, or of a newer version.
    """
    from bench.record import load_record

    return BenchRecord(load_record(Path(path)))


def bench(
    *,
    device: str = "auto",
    quick: bool = False,
    full: bool = False,
    time_budget: float | None = None,
    workload: Texts = (),
    precision: Texts = (),
    out: str | Path = "results/bench",
    seed: int = 0,
    storage_dir: str | Path | None = None,
    force: bool = False,
    resume: str | Path | None = None,
    progress: bool = False,
) -> BenchRecord:
    """Measure what this machine's accelerators, or its CPU, really deliver. Needs the extra ``bench``.

    Args:
        device: auto (every GPU, else the CPU), all, cpu, cuda, cuda:0, ….
        quick: take 60 s in place of 300 s.
        full: take 30 min.
        time_budget: take so long instead. Unit: s.
        workload: names or families: gemm, memory, all, ….
        precision: fp64, fp32, bf16, ….
        out: folder for the record, which is written as on the command line.
        seed: draws the operands and the order of rounds.
        storage_dir: folder whose storage is measured; that of ``out`` where left out.
        force: measure a device even though others use it.
        resume: continue the run in this folder that was cut off, with its own plan.
        progress: show on stderr what runs.

    Raises:
        InputError: an unknown workload or precision, no room in ``out``, or quick and full at once.
        DeviceError: a device asked for is not here, is busy, or cannot be opened.
        MissingExtraError: torch is not installed.
    """
    from bench.errors import InputError
    from bench.plan import Mode, Plan, budget_of
    from bench.progress import silent
    from bench.workloads import is_grouped
    from flopcensus.answering.bench import resume_bench, run_bench

    shown = None if progress else silent
    if resume is not None:
        return BenchRecord(resume_bench(Path(resume), shown, force=force))
    if quick and full:
        raise InputError("quick and full exclude each other")
    if workload and is_grouped(_listed(workload)):
        raise InputError("what several ranks do together is measured from the command line: flopcensus bench")
    mode: Mode = "quick" if quick else "full" if full else "default"
    chosen, seconds = budget_of(mode, time_budget)
    storage = None if storage_dir is None else str(Path(storage_dir).resolve())
    plan = Plan(chosen, seconds, device, _listed(workload), _listed(precision), seed, force, storage)
    return BenchRecord(run_bench(plan, Path(out), shown))


def _listed(texts: Texts) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)
