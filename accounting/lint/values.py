"""Rules about values: what a row says its chips do, against what the chips are known to do."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from accounting.lint.material import CLUSTERS, Line, Material
from accounting.lint.rates import (
    H100E_BASIS,
    H100E_OP_PER_S,
    PRECISIONS_OF,
    RATE_TOLERANCE,
    all_counted,
    best_rate,
    column_of,
    counted,
    expected_h100e,
    known_rates,
    matching,
    off,
    total_factor,
)
from accounting.lint.rule import Evidence, Figure, Repair, Severity, rule
from accounting.reference.accelerators import Accelerator, Precision

_LOGS = {"Max OP/s": "Max OP/s (log)", "16-bit OP/s": "16-bit OP/s (log)"}


@rule(
    "per-chip-rate",
    "A rate per chip off the accelerator's known peak",
    "error",
    "OP/s ÷ chips must be the dense peak of the column's precision; a rate of another precision, of "
    "structured sparsity or of the vector units counts each chip too high or too low.",
)
def per_chip_rate(material: Material) -> Iterator[Evidence]:
    """Find columns of OP/s whose rate per chip is not the chip's; alike rows are one finding."""
    for lines in material.by_file(CLUSTERS).values():
        groups: defaultdict[tuple[str, str, str], list[Line]] = defaultdict(list)
        for line in lines:
            for name in PRECISIONS_OF:
                if (rate := _rate_off(line, name, material)) is not None:
                    groups[line.entry.accelerator or "", name, f"{rate:.2e}"].append(line)
        for (chip, name, _), rows in groups.items():
            yield _off_peak(material.facts.accelerators[chip], name, rows, lines)


def _rate_off(line: Line, name: str, material: Material) -> float | None:
    """Return a row's rate per chip where no rate that the column may hold is near it."""
    one, value = counted(line, material.facts), line.entry.values.get(name)
    if one is None or not value:
        return None
    accelerator, count = one
    known = known_rates(accelerator, name)
    rate = value / count
    return rate if known and all(off(rate, stated, RATE_TOLERANCE) for stated in known) else None


def _off_peak(accelerator: Accelerator, name: str, rows: Sequence[Line], lines: Sequence[Line]) -> Evidence:
    column, stated = column_of(name), known_rates(accelerator, name)[0]
    counts = {line.place: line.entry.count.best for line in rows if line.entry.count}
    rate = rows[0].entry.values[name] / counts[rows[0].place]
    repaired = {place: count * stated for place, count in counts.items()}
    what = matching(accelerator, rate)
    words, basis, severity = _explained(what, name, accelerator)
    precision = next(p for p in PRECISIONS_OF[name] if accelerator.peak.get(p) == stated)
    return Evidence(
        rows=tuple(counts),
        found=Figure(rate, "FLOP/s per chip", basis),
        expected=Figure(stated, "FLOP/s per chip", f"{precision} dense peak"),
        message=f"'{column}' gives {accelerator.name} {rate / 1e12:,.4g} TFLOP/s each, {words}; "
        f"its {precision} dense peak is {stated / 1e12:,.4g} TFLOP/s",
        factor=total_factor(lines, name, repaired),
        ratio=rate / stated,
        # what no rate of the sheet explains may be right, and is not repaired
        repairs=tuple(Repair(line.file, line.line, column, repaired[line.place]) for line in rows if what)
        + tuple(
            Repair(line.file, line.line, log, math.log10(repaired[line.place]))
            for line in rows
            if what and (log := _LOGS.get(column)) and line.cells.get(log)
        ),
        severity=severity,
    )


def _explained(
    what: Sequence[tuple[Precision, bool]], name: str, accelerator: Accelerator
) -> tuple[str, str, Severity]:
    if not what:
        return "which is no rate of its sheet", "not known", "warning"
    precision, sparse = what[0]
    label = f"{precision} {'sparse' if sparse else 'dense'}"
    if sparse:
        return f"which is its {label} rate: sparse for dense", f"{label} peak", "error"
    if precision in {"fp32", "fp64"} and name in {"bf16", "fp8"}:
        return f"which is its {precision} vector rate, not its tensor rate", f"{precision} peak", "error"
    return f"which is its {label} rate: the wrong precision", f"{label} peak", "error"


@rule(
    "h100e-count",
    "H100 equivalents that disagree with count × chip",
    "error",
    "H100 equivalents are the fastest dense rate of 8 bits or more ÷ 1.979e15; a row off that counts "
    "its chips by another rate.",
)
def h100e_count(material: Material) -> Iterator[Evidence]:
    """Find rows of one chip whose H100e are not count × chip; rows of one chip and ratio are one finding."""
    for lines in material.by_file(CLUSTERS).values():
        groups: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in lines:
            found = line.entry.values.get("h100e")
            expected = expected_h100e(line, material.facts)
            if counted(line, material.facts) and found and expected and off(found, expected, RATE_TOLERANCE):
                groups[line.entry.accelerator or "", f"{found / expected:.2g}"].append(line)
        for (chip, _), rows in groups.items():
            yield _h100e_off(material, material.facts.accelerators[chip], rows, lines)


def _h100e_off(
    material: Material, accelerator: Accelerator, rows: Sequence[Line], lines: Sequence[Line]
) -> Evidence:
    repaired = {line.place: expected_h100e(line, material.facts) or 0.0 for line in rows}
    found = math.fsum(line.entry.values["h100e"] for line in rows)
    expected = math.fsum(repaired.values())
    count = math.fsum(line.entry.count.best for line in rows if line.entry.count)
    what = matching(accelerator, found / count * H100E_OP_PER_S)
    label = f"{what[0][0]} {'sparse' if what[0][1] else 'dense'}" if what else ""
    words = f", its {label} rate over an 8-bit base" if label else ""
    return Evidence(
        rows=tuple(repaired),
        found=Figure(found, "H100e", f"{label} rate ÷ 8-bit H100" if label else "not known"),
        expected=Figure(expected, "H100e", H100E_BASIS),
        message=f"{count:,.0f} {accelerator.name} are put at {found:,.0f} H100e, "
        f"{found / count:.4g} each{words}; count × chip is {expected:,.0f}, {expected / count:.4g} each",
        factor=total_factor(lines, "h100e", repaired),
        ratio=found / expected,
        # a figure that is no rate of the sheet may be right
        repairs=tuple(cell for line in rows if what for cell in _row_repairs(material, line)),
        severity=None if what else "warning",
    )


def _row_repairs(material: Material, line: Line) -> Iterator[Repair]:
    """Yield the cells of a row that follow from count × chip: H100e, the highest and the 8-bit rate."""
    expected = expected_h100e(line, material.facts)
    if expected is None:
        return
    rate = expected * H100E_OP_PER_S
    cells = {"H100 equivalents": expected, "Max OP/s": rate, "Max OP/s (log)": math.log10(rate)}
    chips = all_counted(line, material.facts) or ()
    rates = [(known_rates(accelerator, "fp8"), count) for accelerator, count in chips]
    if all(known for known, _ in rates):
        eight = math.fsum(known[0] * count for known, count in rates)
        if off(line.entry.values.get("fp8", 0.0), eight, RATE_TOLERANCE):
            cells[column_of("fp8")] = eight
    for column, value in cells.items():
        if column in line.cells:
            yield Repair(line.file, line.line, column, value)


@rule(
    "mixed-chips",
    "Adding chips lowers the total",
    "error",
    "A row of several chips must count at least what each of them does alone; where the fastest rate of "
    "one chip serves for all, chips without that rate drop out.",
)
def mixed_chips(material: Material) -> Iterator[Evidence]:
    """Find rows of several chips that count less than the sum of their chips."""
    for lines in material.by_file(CLUSTERS).values():
        before = {line.entry.superseded_by: line for line in lines if line.entry.superseded_by}
        for line in lines:
            found, expected = line.entry.values.get("h100e"), expected_h100e(line, material.facts)
            if not (line.entry.further_chips and found and expected):
                continue
            if found < expected / (1 + RATE_TOLERANCE):
                yield _mixed(material, line, before.get(line.entry.id), lines)


def _mixed(material: Material, line: Line, earlier: Line | None, lines: Sequence[Line]) -> Evidence:
    found, expected = line.entry.values["h100e"], expected_h100e(line, material.facts) or 0.0
    chips = all_counted(line, material.facts) or ()
    parts = ", ".join(
        f"{count:,.0f} {chip.name} ({count * (best_rate(chip) or 0) / H100E_OP_PER_S:,.0f})"
        for chip, count in chips
    )
    was = earlier.entry.values.get("h100e") if earlier else None
    fell = f", and less than the {was:,.0f} before they were added" if was and was > found else ""
    return Evidence(
        rows=(line.place, *((earlier.place,) if earlier and fell else ())),
        found=Figure(found, "H100e", H100E_BASIS),
        expected=Figure(expected, "H100e", H100E_BASIS),
        message=f"{line.entry.facility_name} holds {parts} but is put at {found:,.0f} H100e, not "
        f"{expected:,.0f}{fell}",
        factor=total_factor(lines, "h100e", {line.place: expected}),
        ratio=found / expected,
        repairs=tuple(_row_repairs(material, line)),
    )


@rule(
    "zero-for-missing",
    "Zero where a figure is missing",
    "error",
    "A chip that is there does more than nothing: 0 stands for a missing figure, and is summed as one.",
)
def zero_for_missing(material: Material) -> Iterator[Evidence]:
    """Find rates of 0 of rows that have chips, by column, and in tables of accelerators."""
    for lines in material.by_file(CLUSTERS).values():
        for name in (*PRECISIONS_OF, "max", "h100e"):
            rows = [
                line
                for line in lines
                if line.entry.values.get(name) == 0 and line.entry.count and line.entry.count.best > 0
            ]
            if rows:
                yield _zero(tuple(line.place for line in rows), column_of(name))
    columns = {column for sheet in material.sheets for column in sheet.table.columns if _is_rate(column)}
    for column in sorted(columns):
        sheets = [sheet for sheet in material.sheets if sheet.number(column) == 0]
        if sheets:
            yield _zero(tuple(sheet.place for sheet in sheets), column)


def _is_rate(column: str) -> bool:
    return "performance (" in column or column in {"ML OP/s", "Max performance"}


def _zero(rows: tuple[str, ...], column: str) -> Evidence:
    return Evidence(
        rows,
        Figure(0.0, "OP/s"),
        Figure(None),
        f"'{column}' is 0 in {len(rows)} row{'s' if len(rows) > 1 else ''}: a missing figure is blank, not 0",
    )
