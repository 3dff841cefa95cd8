"""How results of a record read in figures: what they are of, and what there is instead of a value."""

from __future__ import annotations

from bench.record import Record, Result
from flopcensus.output import si
from flopcensus.report.words import NOT_AVAILABLE, between

# by the width of a number; others stand after these, by name
_PRECISIONS = ("fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp6", "fp4", "int4")
NOT_THE_ESTIMATE = "Measured on the machine that wrote these results; nothing of it enters the estimate."
NOT_MEASURED = "What was skipped, failed or gave a wrong output has no point: the table says which, and why."


def source(record: Record) -> str:
    """Say where a record's figures come from."""
    ended = "; stopped before its end" if record.interrupted else ""
    return (
        f"flopcensus bench on {record.node}, {record.created:%Y-%m-%d %H:%M} UTC, {record.mode}, "
        f"{record.seconds_spent:,.0f} s{ended}. Intervals are of 95 %, over rounds and processes."
    )


def by_precision(precision: str) -> tuple[int, str]:
    """Return a key that sorts precisions from wide to narrow."""
    known = precision in _PRECISIONS
    return (_PRECISIONS.index(precision) if known else len(_PRECISIONS), precision)


def named(result: Result) -> str:
    """Name what was measured: ``training step, bf16``."""
    return f"{result.workload.replace('_', ' ')}, {result.precision}"


def rate(value: float | None, unit: str) -> str:
    """Write a rate, or that there is none."""
    return si(value, unit) if value else NOT_AVAILABLE


def interval(result: Result) -> str | None:
    """Write a result's 95 % interval."""
    if result.ci95 is None:
        return None
    return between(si(result.ci95[0], result.unit), si(result.ci95[1], result.unit))


def status(result: Result) -> str:
    """Say the status and its reason."""
    return f"{result.status}: {result.reason}" if result.reason else result.status


def devices(record: Record) -> dict[str, str]:
    """Return names of devices by id, with the id where several have one name."""
    names = [device.name for device in record.devices]
    return {d.id: d.name if names.count(d.name) == 1 else f"{d.name} {d.id}" for d in record.devices}
