"""Matrix products by precision, against the best ceiling of the same run and the data sheet's peak."""

from __future__ import annotations

from typing import Any

from bench.assessing.roofline import CEILINGS
from bench.record import DeviceDescription, Record, Result
from flopcensus.output import si
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec
from flopcensus.report.figures.headings import leaving_room, legend_columns, row_words, under_headings
from flopcensus.report.figures.machine.words import (
    NOT_THE_ESTIMATE,
    by_precision,
    devices,
    interval,
    rate,
    source,
    status,
)
from flopcensus.report.figures.marks import amount_axis, interval_line

_WORKLOAD = "gemm"
_MEASURED, _CEILING, _PEAK = "measured", "best ceiling of this run", "peak of the data sheet"
# what of an interval is drawn, over the largest value that is: a starved machine's runs over pages
_EDGE = 1.25


def matmul_figures(record: Record) -> tuple[Figure, ...]:
    """Return the figure; none where no matrix product was asked for."""
    rows = _rows(record)
    if not rows:
        return ()
    cut = any(row["cut"] for row in rows)
    return (
        Figure(
            id="matmul",
            section="machine",
            title=f"Matrix products measured here, by precision, dense, FLOP/s: {_who(record)}",
            says="For each precision a bar to the measured median with its 95 % interval, a mark at the best ceiling "
            "measured in the same run; a third at the peak of the data sheet where there is one.",
            rows=Rows.of("matmul", rows),
            columns=(
                Column("Precision", "head"),
                Column("Device", "device"),
                Column("Measured", "rate:value", "worded"),
                Column("95 % interval", "interval:low", "worded"),
                Column("Best ceiling", "ceiling_words:ceiling", "worded"),
                Column("Of the ceiling", "of_ceiling", "share"),
                Column("Peak", "peak_words:peak", "worded"),
                Column("Of peak", "of_peak", "share"),
                Column("Shape", "shape"),
                Column("Status", "status"),
            ),
            spec=_bars(peaks=any(row["peak"] for row in rows)),
            source=source(record),
            caveats=(
                NOT_THE_ESTIMATE,
                "What was skipped or failed has no bar, but says so; the table has the reason.",
                *(
                    ("An arrow marks an interval that runs beyond the chart; the table has its end.",)
                    if cut
                    else ()
                ),
                "The best ceiling is what instructions without memory access gave in the same run; on a machine "
                "that others disturb, a matrix product may come out above it.",
            ),
            empty="No matrix product was measured.",
        ),
    )


def _who(record: Record) -> str:
    return ", ".join(dict.fromkeys(device.name for device in record.devices))


def _rows(record: Record) -> list[dict[str, Any]]:
    mine = sorted(
        (one for one in record.results if one.workload == _WORKLOAD),
        key=lambda one: by_precision(one.precision),
    )
    described = {device.id: device for device in record.devices}
    names, slots = devices(record), list(dict.fromkeys(one.device for one in mine))
    made = [_row(one, record, described[one.device], len(slots) > 1, names) for one in mine]
    known = [row[key] for row in made for key in ("value", "ceiling", "peak") if row[key] is not None]
    edge = _EDGE * max(known, default=1.0)
    for one, row in zip(mine, made, strict=True):
        high = row["high"]
        row["slot"] = 1 + slots.index(one.device)
        row["cut"] = high is not None and high > edge
        row["shown_high"] = min(high, edge) if high is not None else None
        row["end"] = max((row[key] or 0.0 for key in ("shown_high", "ceiling", "peak")), default=0.0)
    return made


def _row(
    one: Result, record: Record, device: DeviceDescription, several: bool, names: dict[str, str]
) -> dict[str, Any]:
    peak, ceiling = device.peak.get(one.precision), _ceiling(record, one)
    value = one.value
    of_peak = value / peak if value and peak else None
    of_ceiling = value / ceiling if value and ceiling else None
    return {
        "head": one.precision,
        "device": names[one.device],
        "value": value,
        "low": one.ci95[0] if one.ci95 else None,
        "high": one.ci95[1] if one.ci95 else None,
        "ceiling": ceiling,
        "peak": peak,
        "of_ceiling": of_ceiling,
        "of_peak": of_peak,
        "rate": rate(value, one.unit),
        "interval": interval(one),
        "ceiling_words": si(ceiling, one.unit) if ceiling else None,
        "peak_words": si(peak, one.unit) if peak else None,
        "shape": " × ".join(f"{size:,}" for size in one.shape.values()) or None,
        "status": status(one),
        "words": _words(one, of_peak, of_ceiling, one.device if several else ""),
    }


def _words(one: Result, of_peak: float | None, of_ceiling: float | None, device: str) -> str:
    if one.value is None:
        return " · ".join(filter(None, (one.status, device)))
    share = (
        f"{of_peak:.0%} of peak" if of_peak else f"{of_ceiling:.0%} of ceiling" if of_ceiling else ""
    ).replace("%", " %")
    doubt = "" if one.status == "ok" else one.status
    return " · ".join(filter(None, (si(one.value, one.unit), device or share, doubt)))


def _ceiling(record: Record, of: Result) -> float | None:
    """Return the best ceiling of a result's device, precision and unit."""
    return max(
        (
            one.value
            for one in record.results
            if one.workload.startswith(CEILINGS)
            and (one.device, one.precision, one.unit) == (of.device, of.precision, of.unit)
            and one.status == "ok"
            and one.value
        ),
        default=None,
    )


def _bars(*, peaks: bool) -> Spec:
    x = {
        "field": "value",
        "type": "quantitative",
        "title": "FLOP/s",
        "axis": amount_axis(),
        "scale": leaving_room(),
    }
    colour: Spec = {
        "type": "nominal",
        "title": None,
        "scale": {"domain": [_MEASURED, _CEILING, *([_PEAK] if peaks else [])]},
    }
    colour["legend"] = {"symbolType": "square", "symbolOpacity": 1, **legend_columns(3)}
    tooltip = [
        {"field": "head", "title": "precision"},
        {"field": "device"},
        {"field": "rate", "title": "measured"},
        {"field": "interval", "title": "95 % interval"},
        {"field": "ceiling_words", "title": "best ceiling"},
        {"field": "peak_words", "title": "peak"},
        {"field": "status"},
    ]
    return under_headings(
        {
            "mark": {"type": "bar", "height": 13, "opacity": 0.55},
            "encoding": {"x": x, "color": colour | {"datum": _MEASURED}, "tooltip": tooltip},
        },
        _known("shown_high") | interval_line("low", "shown_high", tooltip=None),
        {
            "transform": [{"filter": "datum.cut"}],
            "mark": {"type": "point", "shape": "triangle-right", "size": 40, "opacity": 1, "tooltip": None},
            "encoding": {"x": {"field": "shown_high", "type": "quantitative"}},
        },
        _mark("ceiling", colour | {"datum": _CEILING}),
        *([_mark("peak", colour | {"datum": _PEAK})] if peaks else []),
        row_words("end"),
    )


def _known(field: str) -> Spec:
    return {"transform": [{"filter": f"isValid(datum.{field})"}]}


def _mark(field: str, colour: Spec) -> Spec:
    return _known(field) | {
        "mark": {"type": "tick", "thickness": 3, "height": 17, "opacity": 1, "tooltip": None},
        "encoding": {"x": {"field": field, "type": "quantitative"}, "color": colour},
    }
