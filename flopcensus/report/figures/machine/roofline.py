"""The measured roofline: what this machine's ceilings allow at each arithmetic intensity, and what it did."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.record import DeviceDescription, Record, Result
from bench.roofline import LADDER, Ceilings
from flopcensus.output import si
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.headed import decades
from flopcensus.report.figures.machine.labels import Labelled, place, spread_out
from flopcensus.report.figures.machine.words import (
    NOT_MEASURED,
    NOT_THE_ESTIMATE,
    by_precision,
    interval,
    named,
    rate,
    source,
    status,
)

_HEIGHT = 420
# pixels: between lines that share a label, and between labels
_CLOSE, _LINE = 9.0, 13.0
# plots of a wide screen and of a phone, less their axes; labels are placed for each
_WIDE, _NARROW = 520.0, 185.0
# factors of room left, right, below and above of what is drawn
_LEFT, _RIGHT, _BELOW, _ABOVE = 3.0, 4.0, 2.5, 4.0


def roofline_figures(record: Record) -> tuple[Figure, ...]:
    """Return a figure for each model of device, of that device of a model that has most results."""
    return tuple(
        _figure(record, device, place_of)
        for place_of, device in enumerate(_one_of_each(record), 1)
        if any(one.device == device.id for one in record.results)
    )


def _one_of_each(record: Record) -> list[DeviceDescription]:
    counted = Counter(one.device for one in record.results if one.status == "ok")
    best: dict[str, DeviceDescription] = {}
    for device in record.devices:
        known = best.get(device.name)
        if known is None or counted[device.id] > counted[known.id]:
            best[device.name] = device
    return list(best.values())


@dataclass(frozen=True)
class _Frame:
    """The ends of both axes. Units: FLOP/B, FLOP/s."""

    x0: float
    x1: float
    y0: float
    y1: float

    def height_of(self, value: float) -> float:
        """Pixels from the bottom."""
        return _HEIGHT * math.log(value / self.y0) / math.log(self.y1 / self.y0)

    def value_at(self, pixels: float) -> float:
        """The value at pixels from the bottom."""
        return float(self.y0 * (self.y1 / self.y0) ** (pixels / _HEIGHT))

    def along(self, intensity: float, width: float) -> float:
        """Pixels from the left."""
        return width * math.log(intensity / self.x0) / math.log(self.x1 / self.x0)


def _figure(record: Record, device: DeviceDescription, place_of: int) -> Figure:
    results = [one for one in record.results if one.device == device.id]
    ceilings = Ceilings.of(results, device.id)
    points = [one for one in results if _has_point(one)]
    frame = _frame(points, ceilings, device)
    rows = [
        *_roofs(ceilings, device, results, frame),
        *_points(points, frame),
        *(_in_table(one) for one in results if not _has_point(one) and not _is_ceiling(one, ceilings)),
    ]
    drawn = bool(points) or any(row["kind"] != "" for row in rows)
    alike = sum(one.name == device.name for one in record.devices)
    names = (*_COLUMNS, *_PLACES)
    return Figure(
        id="roofline" if place_of == 1 else f"roofline-{place_of}",
        section="machine",
        title=f"Roofline measured here, by precision, dense, FLOP/s: {device.name}",
        says="Both scales are logarithmic. Slanted lines are memory bandwidth, level lines the most arithmetic in a "
        "precision, solid as measured and dashed by the data sheet; each point is a workload with its 95 % interval.",
        rows=Rows(
            f"roofline_{place_of}", {name: [row.get(name) for row in rows] for name in names} if drawn else {}
        ),
        wide=True,
        columns=(
            Column("What", "name"),
            Column("Kind", "what"),
            Column("Arithmetic intensity", "intensity", "number", "FLOP/B"),
            Column("Rate", "rate:value", "worded"),
            Column("95 % interval", "interval:low", "worded"),
            Column("Of what the roof allows", "fraction", "share"),
            Column("Bound by", "bound"),
            Column("Status", "status"),
        ),
        spec=_chart(frame),
        source=source(record)
        + " Roofline after Williams, Waterman and Patterson (2009), with ceilings measured in the same run.",
        caveats=(
            NOT_THE_ESTIMATE,
            NOT_MEASURED,
            "What moves bytes and computes nothing, such as a copy, has no place here; it stands in the table.",
            "Small operands come from caches, which are faster than the memory drawn: their points may lie above it.",
            *((f"One of {alike} devices of this model: {device.id}.",) if alike > 1 else ()),
        ),
        empty="Nothing was measured that a roofline could show.",
    )


_COLUMNS = [
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
    "bound",
    "status",
]
_PLACES = [
    "x",
    "x2",
    "y",
    "y2",
    "label_x",
    "label_y",
    "wide",
    "wide_dx",
    "wide_dy",
    "narrow",
    "narrow_dx",
    "narrow_dy",
]


def _has_point(one: Result) -> bool:
    call = one.per_call
    return bool(one.status == "ok" and one.value and call and call.flop and call.bytes) and not _bounds(one)


def _bounds(one: Result) -> bool:
    return one.workload.startswith(("ceiling", LADDER))


def _is_ceiling(one: Result, ceilings: Ceilings) -> bool:
    """Whether it is drawn as a line."""
    lines = {(found.source, precision) for precision, found in ceilings.compute.items()}
    if ceilings.memory and one.workload == ceilings.memory.source and one.unit == "B/s":
        return True
    return one.status == "ok" and _bounds(one) and (one.workload, one.precision) in lines


def _call(one: Result) -> tuple[float, float]:
    """Return the intensity and the rate of a point. Units: FLOP/B, FLOP/s."""
    call = one.per_call
    if call is None:
        raise ValueError(f"{one.workload} has no call")
    return call.flop / call.bytes, call.flop / call.seconds


def _frame(points: Sequence[Result], ceilings: Ceilings, device: DeviceDescription) -> _Frame:
    calls = [_call(one) for one in points]
    roofs = [found.value for found in ceilings.compute.values()] + list(device.peak.values())
    slope = ceilings.memory.value if ceilings.memory else None
    xs = [x for x, _ in calls] + [roof / slope for roof in roofs if slope]
    x0, x1 = min(xs, default=0.1) / _LEFT, max(xs, default=100.0) * _RIGHT
    ys = [y for _, y in calls] + roofs + ([slope * x0] if slope else [])
    lows = [min(y for _, y in calls)] if calls else []
    y0 = min([*lows, *roofs, *ys], default=1e9) / _BELOW
    return _Frame(x0, x1, y0, max(ys, default=1e12) * _ABOVE)


def _roofs(
    ceilings: Ceilings, device: DeviceDescription, results: Sequence[Result], frame: _Frame
) -> list[dict[str, Any]]:
    """Return a row a line: bandwidth, the ceilings and the peaks."""
    slope = ceilings.memory.value if ceilings.memory else None
    found = {(one.workload, one.precision): one for one in results if one.status == "ok"}
    levels = [
        (precision, one.value, "ceiling", found.get((one.source, precision)), one.source)
        for precision, one in ceilings.compute.items()
    ]
    levels += [(precision, value, "peak", None, "data sheet") for precision, value in device.peak.items()]
    levels.sort(key=lambda one: (one[2], by_precision(one[0])))
    labels = _level_labels([(precision, value, kind) for precision, value, kind, *_ in levels], frame)
    rows = []
    for (precision, value, kind, result, by), (label, height) in zip(levels, labels, strict=True):
        begins = max(value / slope, frame.x0) if slope else frame.x0
        rows.append(
            {
                "name": f"{precision}, {'data sheet' if kind == 'peak' else by.replace('_', ' ')}",
                "what": "peak of the data sheet" if kind == "peak" else "measured ceiling",
                "kind": kind,
                "precision": precision,
                "value": value,
                "low": result.ci95[0] if result and result.ci95 else None,
                "rate": rate(value, "FLOP/s"),
                "interval": interval(result) if result else None,
                "status": "" if kind == "peak" else "ok",
                **{"x": begins, "x2": frame.x1, "y": value, "y2": value},
                **{"label_x": frame.x1, "label_y": frame.value_at(height) if label else None, "wide": label},
            }
        )
    if ceilings.memory and slope:
        rows.append(
            _memory(
                ceilings.memory.source, slope, results, frame, max((v for _, v, *_ in levels), default=0.0)
            )
        )
    return rows


def _level_labels(levels: Sequence[tuple[str, float, str]], frame: _Frame) -> list[tuple[str, float]]:
    """Return each level line's label and its height in pixels; lines close together share one."""
    heights = [frame.height_of(value) for _, value, _ in levels]
    order = sorted(range(len(levels)), key=lambda n: (levels[n][2], heights[n]))
    groups: list[list[int]] = []
    for n in order:
        last = groups[-1] if groups else []
        if last and levels[last[0]][2] == levels[n][2] and heights[n] - heights[last[0]] < _CLOSE:
            last.append(n)
        else:
            groups.append([n])
    spread = spread_out([heights[group[-1]] for group in groups], _LINE)
    labels = [("", 0.0)] * len(levels)
    for group, height in zip(groups, spread, strict=True):
        names = sorted((levels[n][0] for n in group), key=by_precision)
        first = levels[group[0]]
        peak = " peak" if first[2] == "peak" else ""
        value = f" {_short(first[1])}" if len(group) == 1 else ""
        labels[group[0]] = (f"{', '.join(names)}{peak}{value}", height)
    return labels


def _memory(by: str, slope: float, results: Sequence[Result], frame: _Frame, roof: float) -> dict[str, Any]:
    one = next((one for one in results if one.workload == by and one.value == slope), None)
    begins = max(frame.x0, frame.y0 / slope)
    ends = min(roof / slope if roof else frame.x1, frame.x1)
    return {
        "name": by.replace("_", " "),
        "what": "measured bandwidth",
        "kind": "memory",
        "precision": "memory",
        "value": slope,
        "low": one.ci95[0] if one and one.ci95 else None,
        "rate": rate(slope, "B/s"),
        "interval": interval(one) if one else None,
        "status": "ok",
        **{"x": begins, "x2": ends, "y": slope * begins, "y2": slope * ends},
        **{"label_x": begins * 1.6, "label_y": slope * begins * 1.6, "wide": f"memory {si(slope, 'B/s')}"},
    }


def _short(value: float) -> str:
    return si(value, "").strip().replace(" ", "")


def _points(points: Sequence[Result], frame: _Frame) -> list[dict[str, Any]]:
    calls = [_call(one) for one in points]
    words = [one.workload.replace("_", " ") for one in points]
    placed = {
        width: place(
            [
                Labelled(frame.along(x, width), _HEIGHT - frame.height_of(y), text)
                for (x, y), text in zip(calls, words, strict=True)
            ],
            width,
        )
        for width in (_WIDE, _NARROW)
    }
    rows = []
    for n, (one, (x, y)) in enumerate(zip(points, calls, strict=True)):
        wide, narrow = placed[_WIDE][n], placed[_NARROW][n]
        # the interval is of the value, which may be another quantity than FLOP/s: its factors carry over
        low, high = (
            (one.ci95[0] / one.value, one.ci95[1] / one.value) if one.ci95 and one.value else (1.0, 1.0)
        )
        rows.append(
            {
                "name": named(one),
                "what": "workload",
                "kind": "point",
                "precision": one.precision,
                "intensity": x,
                "value": y,
                "low": y * low,
                "high": y * high,
                "rate": rate(y, "FLOP/s"),
                "interval": f"{si(y * low, 'FLOP/s')} to {si(y * high, 'FLOP/s')}",
                "fraction": one.roofline.fraction if one.roofline else None,
                "bound": one.roofline.bound if one.roofline else None,
                "status": status(one),
                **{"x": x, "y": y},
                **{"wide": words[n] if wide else "", "narrow": words[n] if narrow else ""},
                **{"wide_dx": wide.dx if wide else 0.0, "wide_dy": wide.dy if wide else 0.0},
                **{"narrow_dx": narrow.dx if narrow else 0.0, "narrow_dy": narrow.dy if narrow else 0.0},
            }
        )
    return rows


def _in_table(one: Result) -> dict[str, Any]:
    """Return a row that is in the table only: no arithmetic, or not measured."""
    return {
        "name": named(one),
        "what": "ceiling" if _bounds(one) else "workload",
        "kind": "",
        "precision": one.precision,
        "value": one.value,
        "low": one.ci95[0] if one.ci95 else None,
        "rate": rate(one.value, one.unit),
        "interval": interval(one),
        "fraction": one.roofline.fraction if one.roofline else None,
        "bound": one.roofline.bound if one.roofline else None,
        "status": status(one),
    }


def _chart(frame: _Frame) -> Spec:
    x: Spec = {
        "field": "x",
        "type": "quantitative",
        "title": "arithmetic intensity, FLOP/B",
        "scale": {"type": "log", "domain": [frame.x0, frame.x1], "nice": False},
        "axis": decades(),
    }
    y: Spec = {
        "field": "y",
        "type": "quantitative",
        "title": "FLOP/s",
        "scale": {"type": "log", "domain": [frame.y0, frame.y1], "nice": False},
        "axis": decades(),
    }
    colour: Spec = {
        "field": "precision",
        "type": "nominal",
        "title": None,
        "sort": None,
        "legend": {"columns": {"expr": "containerSize()[0] < 480 ? 4 : 8"}, "symbolType": "circle"},
    }
    ends = {"x2": {"field": "x2"}, "y2": {"field": "y2"}}
    return vega_lite(
        height=_HEIGHT,
        # names of level lines end a little later than the layout thinks
        padding={"left": 5, "top": 5, "bottom": 5, "right": 14},
        layer=[
            _of("datum.kind == 'ceiling' || datum.kind == 'memory'")
            | {
                "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.8},
                "encoding": {"x": x, "y": y, "color": colour, **ends, "tooltip": _TOOLTIP},
            },
            _of("datum.kind == 'peak'")
            | {
                "mark": {"type": "rule", "strokeWidth": 1.6, "strokeDash": [6, 4]},
                "encoding": {"x": x, "y": y, "color": colour, **ends, "tooltip": _TOOLTIP},
            },
            _of("(datum.kind == 'ceiling' || datum.kind == 'peak') && datum.wide")
            | {
                "mark": {"type": "text", "align": "left", "baseline": "middle", "dx": 5, "fontSize": 11},
                "encoding": {
                    "x": x | {"field": "label_x"},
                    "y": y | {"field": "label_y"},
                    "text": {"field": "wide", "type": "nominal"},
                },
            },
            _of("datum.kind == 'memory'")
            | {
                "mark": {
                    "type": "text",
                    "align": "left",
                    "baseline": "top",
                    "dy": 3,
                    "dx": 6,
                    "fontSize": 11,
                },
                "encoding": {
                    "x": x | {"field": "label_x"},
                    "y": y | {"field": "label_y"},
                    "text": {"field": "wide", "type": "nominal"},
                },
            },
            _of("datum.kind == 'point'")
            | {
                "mark": {"type": "rule", "strokeWidth": 1.3, "opacity": 0.8, "clip": True, "tooltip": None},
                "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "color": colour},
            },
            _of("datum.kind == 'point'")
            | {
                "mark": {"type": "point", "size": 75, "opacity": 1},
                "encoding": {"x": x, "y": y, "color": colour, "tooltip": _TOOLTIP},
            },
            _names("wide", "containerSize()[0] < 560 ? 0 : 1", x, y),
            _names("narrow", "containerSize()[0] < 560 ? 1 : 0", x, y),
        ],
    )


_TOOLTIP = [
    {"field": "name", "title": "what"},
    {"field": "rate"},
    {"field": "interval", "title": "95 % interval"},
    {"field": "intensity", "type": "quantitative", "format": ".3~r", "title": "FLOP/B"},
    {"field": "fraction", "type": "quantitative", "format": ".1%", "title": "of the roof"},
    {"field": "bound", "title": "bound by"},
]


def _of(test: str) -> Spec:
    return {"transform": [{"filter": test}]}


def _names(field: str, shown: str, x: Spec, y: Spec) -> Spec:
    return _of("datum.kind == 'point'") | {
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "middle",
            "fontSize": 11,
            "dx": {"expr": f"datum.{field}_dx"},
            "dy": {"expr": f"datum.{field}_dy"},
            "opacity": {"expr": shown},
            "tooltip": None,
        },
        "encoding": {"x": x, "y": y, "text": {"field": field, "type": "nominal"}},
    }
