"""The rows of a roofline: its lines, its points, and what is in the table alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.assessing.roofline import LADDER, Ceilings
from bench.record import DeviceDescription, Result
from flopcensus.output import si
from flopcensus.report.figures.machine.frame import (
    HEIGHT,
    NARROW,
    WIDE,
    Frame,
    Level,
    frame_of,
    level_labels,
    point_of,
)
from flopcensus.report.figures.machine.labels import Labelled, Offset, place
from flopcensus.report.figures.machine.words import by_precision, interval, named, rate, status
from flopcensus.report.words import between

Row = dict[str, Any]
# what the table shows, and where the chart draws it
COLUMNS = (
    *(
        "name",
        "what",
        "kind",
        "precision",
        "intensity",
        "value",
        "low",
        "high",
        "rate",
        "interval",
        "fraction",
    ),
    *("bound", "status", "x", "x2", "y", "y2", "label_x", "label_y"),
    *("wide", "wide_dx", "wide_dy", "narrow", "narrow_dx", "narrow_dy"),
)


def roofline_rows(results: Sequence[Result], device: DeviceDescription) -> tuple[list[Row], Frame]:
    """Return the rows of one device's results, and the axes that they stand on.

    ``kind`` says what a row is drawn as: ``ceiling``, ``peak``, ``memory`` or ``point``; "" is not drawn.
    """
    ceilings = Ceilings.of(results, device.id)
    points = [one for one in results if _has_point(one)]
    frame = frame_of(points, ceilings, device)
    undrawn = [one for one in results if not _has_point(one) and not _is_line(one, ceilings)]
    rows = [
        *_lines(results, ceilings, device, frame),
        *_points(points, frame),
        *(_in_table(one) for one in undrawn),
    ]
    return rows, frame


def _has_point(one: Result) -> bool:
    call = one.per_call
    computes = bool(call and call.flop and call.bytes)
    return one.status == "ok" and bool(one.value) and computes and not _bounds(one)


def _bounds(one: Result) -> bool:
    """Whether it measures what bounds other workloads, and is none of them."""
    return one.workload.startswith(("ceiling", LADDER))


def _is_line(one: Result, ceilings: Ceilings) -> bool:
    """Whether it is the one that a line of the chart was measured by."""
    if one.status != "ok":
        return False
    memory, level = ceilings.memory, ceilings.compute.get(one.precision)
    if memory and one.unit == "B/s" and (one.workload, one.value) == (memory.source, memory.value):
        return True
    return _bounds(one) and level is not None and level.source == one.workload


def _lines(
    results: Sequence[Result], ceilings: Ceilings, device: DeviceDescription, frame: Frame
) -> list[Row]:
    levels = _levels(results, ceilings, device)
    labels = level_labels(levels, frame)
    slope = ceilings.memory.value if ceilings.memory else None
    rows = [_level(one, slope, frame, *label) for one, label in zip(levels, labels, strict=True)]
    if ceilings.memory:
        source, most = ceilings.memory.source, max((one.value for one in levels), default=None)
        by = next((o for o in results if (o.workload, o.value) == (source, ceilings.memory.value)), None)
        rows.append(_memory(source, ceilings.memory.value, by, most, frame))
    return rows


def _levels(results: Sequence[Result], ceilings: Ceilings, device: DeviceDescription) -> list[Level]:
    """Return the measured ceilings and then the peaks, each from wide to narrow precision."""
    found = {(one.workload, one.precision): one for one in results if one.status == "ok"}
    levels = [
        Level(precision, one.value, one.source, found.get((one.source, precision)))
        for precision, one in ceilings.compute.items()
    ]
    levels += [Level(precision, value, None) for precision, value in device.peak.items()]
    return sorted(levels, key=lambda one: (one.kind, by_precision(one.precision)))


def _level(one: Level, slope: float | None, frame: Frame, label: str, height: float) -> Row:
    # memory no longer bounds from here on
    begins = max(one.value / slope, frame.x0) if slope else frame.x0
    return {
        "name": f"{one.precision}, {one.by.replace('_', ' ') if one.by else 'data sheet'}",
        "what": "measured ceiling" if one.by else "peak of the data sheet",
        "kind": one.kind,
        "precision": one.precision,
        "value": one.value,
        "low": _low(one.result),
        "rate": rate(one.value, "FLOP/s"),
        "interval": interval(one.result) if one.result else None,
        "status": "ok" if one.by else "",
        "x": begins,
        "x2": frame.x1,
        "y": one.value,
        "y2": one.value,
        "label_x": frame.x1,
        "label_y": frame.rate_at(height) if label else None,
        "wide": label,
    }


def _memory(source: str, slope: float, by: Result | None, most: float | None, frame: Frame) -> Row:
    """Return the slanted line of memory bandwidth (``slope``, B/s), up to the highest level line."""
    begins = max(frame.x0, frame.y0 / slope)
    ends = min(most / slope if most else frame.x1, frame.x1)
    at = 1.6 * begins
    return {
        "name": source.replace("_", " "),
        "what": "measured bandwidth",
        "kind": "memory",
        "precision": "memory",
        "value": slope,
        "low": _low(by),
        "rate": rate(slope, "B/s"),
        "interval": interval(by) if by else None,
        "status": "ok",
        "x": begins,
        "x2": ends,
        "y": slope * begins,
        "y2": slope * ends,
        "label_x": at,
        "label_y": slope * at,
        "wide": f"memory {si(slope, 'B/s')}",
    }


def _low(one: Result | None) -> float | None:
    return one.ci95[0] if one and one.ci95 else None


def _points(points: Sequence[Result], frame: Frame) -> list[Row]:
    """Return a row a workload; its name is left out where it would cover another."""
    wide, narrow = (_placed(points, frame, width) for width in (WIDE, NARROW))
    return [
        _point(one) | _label("wide", one, at) | _label("narrow", one, at_narrow)
        for one, at, at_narrow in zip(points, wide, narrow, strict=True)
    ]


def _placed(points: Sequence[Result], frame: Frame, width: float) -> list[Offset | None]:
    at = [(point_of(one), one) for one in points]
    return place(
        [Labelled(frame.along(x, width), HEIGHT - frame.height_of(y), _words(one)) for (x, y), one in at],
        width,
    )


def _label(size: str, one: Result, at: Offset | None) -> Row:
    return {
        size: _words(one) if at else "",
        f"{size}_dx": at.dx if at else 0.0,
        f"{size}_dy": at.dy if at else 0.0,
    }


def _words(one: Result) -> str:
    return one.workload.replace("_", " ")


def _point(one: Result) -> Row:
    x, y = point_of(one)
    value = one.value or 1.0
    # the interval is of the value, which may be another quantity than FLOP/s: its factors carry over
    low, high = (y * end / value for end in one.ci95 or (value, value))
    return {
        **_in_table(one),
        "what": "workload",
        "kind": "point",
        "intensity": x,
        "value": y,
        "low": low,
        "high": high,
        "rate": rate(y, "FLOP/s"),
        "interval": between(si(low, "FLOP/s"), si(high, "FLOP/s")),
        "x": x,
        "y": y,
    }


def _in_table(one: Result) -> Row:
    """Return a row that is in the table only: no arithmetic, or not measured."""
    return {
        "name": named(one),
        "what": "ceiling" if _bounds(one) else "workload",
        "kind": "",
        "precision": one.precision,
        "value": one.value,
        "low": _low(one),
        "rate": rate(one.value, one.unit),
        "interval": interval(one),
        "fraction": one.roofline.fraction if one.roofline else None,
        "bound": one.roofline.bound if one.roofline else None,
        "status": status(one),
    }
