"""The measured roofline: what this machine's ceilings allow at each arithmetic intensity, and what it did.

After Williams, Waterman and Patterson (2009), doi:10.1145/1498765.1498785, with ceilings measured in the same
run.
"""

from __future__ import annotations

from collections import Counter

from bench.record import DeviceDescription, Record
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.machine.frame import HEIGHT, Frame
from flopcensus.report.figures.machine.roofline_rows import COLUMNS, roofline_rows
from flopcensus.report.figures.machine.words import NOT_MEASURED, NOT_THE_ESTIMATE, source
from flopcensus.report.figures.marks import decades

_METHOD = " Roofline after Williams, Waterman and Patterson (2009), with ceilings measured in the same run."
_TOOLTIP = [
    {"field": "name", "title": "what"},
    {"field": "rate"},
    {"field": "interval", "title": "95 % interval"},
    {"field": "intensity", "type": "quantitative", "format": ".3~r", "title": "FLOP/B"},
    {"field": "fraction", "type": "quantitative", "format": ".1%", "title": "of the roof"},
    {"field": "bound", "title": "bound by"},
]
_LABEL = {"type": "text", "align": "left", "fontSize": 11}


def roofline_figures(record: Record) -> tuple[Figure, ...]:
    """Return a figure for each model of device, of that device of a model that has most results."""
    measured = {one.device for one in record.results}
    return tuple(
        _figure(record, device, number)
        for number, device in enumerate(_one_of_each(record), 1)
        if device.id in measured
    )


def _one_of_each(record: Record) -> list[DeviceDescription]:
    counted = Counter(one.device for one in record.results if one.status == "ok")
    best: dict[str, DeviceDescription] = {}
    for device in record.devices:
        known = best.get(device.name)
        if known is None or counted[device.id] > counted[known.id]:
            best[device.name] = device
    return list(best.values())


def _figure(record: Record, device: DeviceDescription, number: int) -> Figure:
    rows, frame = roofline_rows([one for one in record.results if one.device == device.id], device)
    drawn = any(row["kind"] for row in rows)
    alike = sum(one.name == device.name for one in record.devices)
    return Figure(
        id="roofline" if number == 1 else f"roofline-{number}",
        section="machine",
        title=f"Roofline measured here, by precision, dense, FLOP/s: {device.name}",
        says="Both scales are logarithmic. Slanted lines are memory bandwidth, level lines the most arithmetic in a "
        "precision, solid as measured and dashed by the data sheet; each point is a workload with its 95 % interval.",
        rows=Rows(f"roofline_{number}", {n: [row.get(n) for row in rows] for n in COLUMNS} if drawn else {}),
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
        source=source(record) + _METHOD,
        caveats=(
            NOT_THE_ESTIMATE,
            NOT_MEASURED,
            "What moves bytes and computes nothing, such as a copy, has no place here; it stands in the table.",
            "Small operands come from caches, which are faster than the memory drawn: their points may lie above it.",
            *((f"One of {alike} devices of this model: {device.id}.",) if alike > 1 else ()),
        ),
        empty="Nothing was measured that a roofline could show.",
    )


def _chart(frame: Frame) -> Spec:
    x = _axis("x", "arithmetic intensity, FLOP/B", frame.x0, frame.x1)
    y = _axis("y", "FLOP/s", frame.y0, frame.y1)
    colour: Spec = {
        "field": "precision",
        "type": "nominal",
        "title": None,
        "sort": None,
        "legend": {"columns": {"expr": "containerSize()[0] < 480 ? 4 : 8"}, "symbolType": "circle"},
    }
    return vega_lite(
        height=HEIGHT,
        # names of level lines end a little later than the layout thinks
        padding={"left": 5, "top": 5, "bottom": 5, "right": 14},
        layer=[*_lines(x, y, colour), *_points(x, y, colour)],
    )


def _axis(field: str, title: str, low: float, high: float) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"type": "log", "domain": [low, high], "nice": False},
        "axis": decades(),
    }


def _lines(x: Spec, y: Spec, colour: Spec) -> list[Spec]:
    """Return the lines, solid as measured and dashed by the data sheet, and their labels."""
    solid = {"type": "rule", "strokeWidth": 2, "opacity": 0.8}
    dashed = {"type": "rule", "strokeWidth": 1.6, "strokeDash": [6, 4]}
    ends = {"x2": {"field": "x2"}, "y2": {"field": "y2"}}
    line = {"x": x, "y": y, "color": colour, **ends, "tooltip": _TOOLTIP}
    words = {
        "x": x | {"field": "label_x"},
        "y": y | {"field": "label_y"},
        "text": {"field": "wide", "type": "nominal"},
    }
    level, memory = _LABEL | {"baseline": "middle", "dx": 5}, _LABEL | {"baseline": "top", "dy": 3, "dx": 6}
    return [
        {"transform": _where("ceiling", "memory"), "mark": solid, "encoding": line},
        {"transform": _where("peak"), "mark": dashed, "encoding": line},
        {
            "transform": [*_where("ceiling", "peak"), {"filter": "datum.wide"}],
            "mark": level,
            "encoding": words,
        },
        {"transform": _where("memory"), "mark": memory, "encoding": words},
    ]


def _points(x: Spec, y: Spec, colour: Spec) -> list[Spec]:
    """Return the workloads with their intervals and names; names stand otherwise on a phone."""
    interval = {"type": "rule", "strokeWidth": 1.3, "opacity": 0.8, "clip": True, "tooltip": None}
    ends = {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "color": colour}
    return [
        {"transform": _where("point"), "mark": interval, "encoding": ends},
        {
            "transform": _where("point"),
            "mark": {"type": "point", "size": 75, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": colour, "tooltip": _TOOLTIP},
        },
        _names("wide", "containerSize()[0] < 560 ? 0 : 1", x, y),
        _names("narrow", "containerSize()[0] < 560 ? 1 : 0", x, y),
    ]


def _names(field: str, opacity: str, x: Spec, y: Spec) -> Spec:
    mark = _LABEL | {
        "baseline": "middle",
        "dx": {"expr": f"datum.{field}_dx"},
        "dy": {"expr": f"datum.{field}_dy"},
        "opacity": {"expr": opacity},
        "tooltip": None,
    }
    encoding = {"x": x, "y": y, "text": {"field": field, "type": "nominal"}}
    return {"transform": _where("point"), "mark": mark, "encoding": encoding}


def _where(*kinds: str) -> list[Spec]:
    """Return what keeps rows of these kinds."""
    return [{"filter": {"field": "kind", "oneOf": list(kinds)}}]
