"""What was measured here: one record, shown beside the estimate."""

from __future__ import annotations

from bench.record import DeviceDescription, Record, Result
from flopcensus.output import percent, si
from flopcensus.report.blocks.layout import Cell, Table, columns, row
from flopcensus.report.words import between

# what explains a surprising figure, in the order of asking
_ENVIRONMENT = {
    "os": "Operating system",
    "python": "Python",
    "torch": "torch",
    "cuda": "CUDA",
    "rocm": "ROCm",
    "torch_threads": "Threads",
    "cpu_capability": "CPU capability",
    "governor": "Clock governor",
    "virtual_machine": "Virtual machine",
    "other_load_fraction": "Load of other programs",
    "steal_fraction": "Time taken by other guests",
}


def facts(record: Record) -> tuple[tuple[str, str], ...]:
    """Return the run's circumstances as (name, value)."""
    spent = f"{record.seconds_spent:,.0f} s of a budget of {record.budget_seconds:,.0f} s"
    ended = ", stopped before its end" if record.interrupted else ""
    run = [
        ("Node", record.node),
        ("Begun", record.created.strftime("%Y-%m-%d %H:%M %Z")),
        ("Run", f"{record.mode}, {spent}{ended}"),
        ("flopcensus", record.flopcensus_version),
    ]
    known = [(label, record.environment.get(key), key) for key, label in _ENVIRONMENT.items()]
    return (*run, *((label, _plain(value, key)) for label, value, key in known if value is not None))


def _plain(value: str | float | bool, key: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and key.endswith("_fraction"):
        return percent(value)
    return str(value)


def devices(record: Record) -> Table:
    """Return the devices as a table."""
    heads = columns("Device", "Name", "Accelerator", "Memory", "Detail")
    rows = tuple(
        row(
            d.id,
            d.name,
            d.accelerator or "not among the known ones",
            si(float(d.memory_bytes), "B") if d.memory_bytes else "not available",
            _detail(d),
        )
        for d in record.devices
    )
    return Table("devices-table", "Devices of this node", heads, rows)


def _detail(device: DeviceDescription) -> str:
    details = [
        device.architecture,
        f"{device.cores_usable:g} cores usable" if device.cores_usable else None,
        f"{device.units:,} units" if device.units else None,
        f"driver {device.driver}" if device.driver else None,
        f"power limit {si(device.power_limit_w, 'W')}" if device.power_limit_w else None,
        " ".join(device.isa),
    ]
    return ", ".join(detail for detail in details if detail)


def results(record: Record) -> Table:
    """Return every result, those that failed too."""
    heads = (
        *columns("Workload", "Precision", "Device", "Shape"),
        *columns("Median", "95 % interval", "Of peak", "Rounds", figures=4),
        *columns("Status"),
    )
    rows = tuple(_result(result) for result in record.results)
    caption = "Measured here: median over rounds with its 95 % interval"
    return Table("results-table", caption, heads, rows)


def _result(result: Result) -> tuple[Cell, ...]:
    interval = "–"
    if result.ci95:
        interval = between(si(result.ci95[0], result.unit), si(result.ci95[1], result.unit))
    return row(
        result.workload,
        result.precision,
        result.device,
        _shape(result.shape),
        si(result.value, result.unit),
        interval,
        percent(result.fraction_of_peak) if result.fraction_of_peak else "–",
        str(len(result.rounds)),
        Cell(_status(result), result.reason or ""),
    )


def _shape(shape: dict[str, int]) -> str:
    if len(shape) > 1:
        return " × ".join(f"{size:,}" for size in shape.values())
    return ", ".join(f"{size:,} {name}" for name, size in shape.items())


def _status(result: Result) -> str:
    """Say the status, and what a reader must know of a figure that is there."""
    remarks = [
        None if result.settled is None else "settled" if result.settled else "not settled",
        "throttled" if result.throttled else None,
        "output never checked" if result.correct is None and result.value is not None else None,
    ]
    return ", ".join([result.status, *(remark for remark in remarks if remark)])
