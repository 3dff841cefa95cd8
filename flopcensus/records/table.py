"""A bench record as a table for people, and as CSV for spreadsheets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from bench.record import DeviceDescription, Record, Result
from flopcensus.output import percent, print_table, say, si, to_csv
from flopcensus.records.judgement import print_judgement, shape_text
from flopcensus.records.together import print_together

CSV_FIELDS = (
    "workload",
    "device",
    "precision",
    "shape",
    "metric",
    "unit",
    "value",
    "ci95_low",
    "ci95_high",
    "sample_count",
    "sample_seconds",
    "settled",
    "clock_mhz",
    "power_w",
    "energy_j_per_flop",
    "energy_j_per_token",
    "energy_source",
    "fraction_of_peak",
    "fraction_of_ceiling",
    "fraction_of_matmul",
    "fraction_of_bandwidth",
    "flop_per_s",
    "bytes_per_s",
    "tokens_per_s",
    "burst",
    "steady",
    "together",
    "backend",
    "correct",
    "repeatable",
    "throttled",
    "seconds_spent",
    "status",
    "reason",
)
# a share of CPU time taken by others from which a figure may have moved
_DISTURBANCE = 0.02
_NOTHING = ("", "–")


def print_record(record: Record) -> None:
    """Print what was measured: the devices, a row a result, and what would make it better."""
    for device in record.devices:
        say(f"{device.id}: {device.name}{_device_details(device)}")
    shown = [result for result in record.results if result.status != "skipped"]
    together = [result for result in shown if result.exchange or result.scaling]
    _print_rows(record, [one for one in shown if not _is_rung(one) and one not in together])
    print_together(together)
    rungs = [result for result in shown if _is_rung(result)]
    if rungs:
        print_table("by working set", *_ladder(record, rungs))
    print_judgement(record)
    for line in (*_skipped(record), *_notes(record), *_disturbances(record)):
        say(line)
    say(_advice(record))


def record_csv(record: Record) -> str:
    """Return the results as CSV, a row each."""
    return to_csv(CSV_FIELDS, [_csv_row(result) for result in record.results])


def _print_rows(record: Record, results: Sequence[Result]) -> None:
    rows = [_row(result) for result in results]
    if not rows:
        return
    columns = _columns(record, rows)
    print_table("", columns, [[row[column] for column in columns] for row in rows])


def _is_rung(result: Result) -> bool:
    """Whether it is one of a ladder of working sets, which reads better by itself."""
    return result.workload == "memory_ladder" and bool(result.shape)


def _ladder(record: Record, rungs: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Return the rungs, the smallest working set first."""
    several = len(record.devices) > 1
    columns = ["working set", *(["device"] if several else []), "bandwidth", "95 % interval", "status"]
    rows = []
    for result in sorted(rungs, key=lambda one: (one.device, _working_set(one))):
        size = si(float(_working_set(result)), "B", 3)
        value = si(result.value, result.unit, 4) if result.value else "–"
        rows.append([size, *([result.device] if several else []), value, _interval(result), result.status])
    return columns, rows


def _working_set(result: Result) -> int:
    return result.shape.get("bytes", 0)


def _skipped(record: Record) -> list[str]:
    """Return why results were skipped, each reason once."""
    skipped = [result for result in record.results if result.status == "skipped"]
    return [f"skipped {line}" for line in _grouped((result, result.reason or "") for result in skipped)]


def _notes(record: Record) -> list[str]:
    """Return the notes on all results, each once."""
    remarks = _grouped((result, note) for result in record.results for note in result.notes)
    every = _grouped((result, "") for result in record.results if result.status != "skipped")
    return [
        f"all: {line.removeprefix(every[0])}" if every and line.startswith(every[0]) else line
        for line in remarks
    ]


def _grouped(remarks: Iterable[tuple[Result, str]]) -> list[str]:
    """Return each remark once, after the results that it is about."""
    about: dict[str, list[str]] = {}
    for result, remark in remarks:
        about.setdefault(remark, []).append(f"{result.workload} {result.precision}")
    return [f"{', '.join(dict.fromkeys(names))}: {remark}" for remark, names in about.items()]


def _disturbances(record: Record) -> list[str]:
    """Return one line on all rounds that something disturbed; none where nothing did."""
    rounds = [detail for result in record.results for detail in result.round_details]
    causes = Counter(detail.disturbed.partition(" (")[0] for detail in rounds if detail.disturbed)
    if not causes:
        return []
    told = ", ".join(f"{cause} ({count})" for cause, count in causes.most_common())
    return [f"{causes.total()} of {len(rounds)} rounds were disturbed: {told}; the record says which"]


def _columns(record: Record, rows: Sequence[dict[str, str]]) -> list[str]:
    # a column that says nothing in any row only pushes the others apart
    names = [name for name in (rows[0] if rows else ()) if any(row[name] not in _NOTHING for row in rows)]
    return [name for name in names if name != "device" or len(record.devices) > 1]


def _row(result: Result) -> dict[str, str]:
    return {
        "workload": result.workload,
        "precision": result.precision,
        "device": result.device,
        "value": si(result.value, result.unit, 4) if result.value else "–",
        "95 % interval": _interval(result),
        "of peak": "–" if result.fraction_of_peak is None else percent(result.fraction_of_peak),
        "of ceiling": "–" if result.fraction_of_ceiling is None else percent(result.fraction_of_ceiling),
        "settled": {True: "yes", False: "no", None: "–"}[result.settled],
        "status": result.status,
        "shape": shape_text(result),
        "backend": result.backend or "",
        "reason": result.reason or "",
    }


def _interval(result: Result) -> str:
    if result.ci95 is None:
        return "–"
    return " to ".join(si(bound, result.unit, 4) for bound in result.ci95)


def _device_details(device: DeviceDescription) -> str:
    cores = f", {device.cores_usable:g} cores usable" if device.cores_usable else ""
    isa = f", {' '.join(device.isa)}" if device.isa else ""
    spec = f", taken as {device.accelerator}" if device.accelerator else ""
    variant = f", {device.variant}" if device.variant else ""
    return f"{cores}{isa}{spec}{variant}"


def _advice(record: Record) -> str:
    took = f"took {record.seconds_spent:.0f} s{disturbance(record)}"
    if any(result.settled is False for result in record.results):
        return (
            f"{took}; not settled: interval wider than ±1 %; an idle machine or a longer --time-budget helps"
        )
    return took


def disturbance(record: Record) -> str:
    """What else the CPUs were doing, where it was enough to move a figure."""
    causes = {"other_load_fraction": "other processes", "steal_fraction": "the virtual machine's host"}
    shares = {cause: record.environment.get(name) for name, cause in causes.items()}
    told = [f"{cause} took {share:.0%} of CPU time" for cause, share in shares.items() if _disturbs(share)]
    return "".join(f"; {one}" for one in told)


def _disturbs(share: object) -> bool:
    return isinstance(share, float) and share >= _DISTURBANCE


def _csv_row(result: Result) -> dict[str, Any]:
    data = result.model_dump(mode="json")
    low, high = result.ci95 or (None, None)
    shape = " ".join(f"{key}={size}" for key, size in result.shape.items())
    return data | {"shape": shape, "ci95_low": low, "ci95_high": high}
