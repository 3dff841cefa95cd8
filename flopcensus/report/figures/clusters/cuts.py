"""Supply cuts over time: capacity without the cut, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flopcensus.report.document.world import CutPlace, SupplyCut
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import decades, quantile_tooltip
from flopcensus.report.words import listed

_WITHOUT = "without the cut"
_TOGETHER = "together"
# a place where less than this is lost in the end looks like no cut; it is in the table
_SEEN = 0.02


def cut_figures(cuts: Sequence[SupplyCut]) -> tuple[Figure, ...]:
    """Return a figure a scenario; one that could not be worked out says why."""
    return tuple(_figure(cut, place) for place, cut in enumerate(cuts, 1))


def _figure(cut: SupplyCut, place: int) -> Figure:
    scaled = cut.unit == "FLOP/s"
    unit = "{unit}" if scaled else cut.unit or ""
    of = "" if scaled else unit
    about = f": {cut.basis}, {cut.precision} dense, {unit}" if cut.basis else ""
    return Figure(
        id=f"cut-{place}",
        section="clusters",
        title=f"{'Hypothetical: ' if cut.hypothetical else ''}{cut.name}{about}",
        says="Lines of the median over time without the cut and with it, at each place of the chain and at all "
        "together, with bands from the 5th to the 95th percentile of the first and the last.",
        rows=_rows(cut, place),
        amounts=AMOUNTS if scaled else (),
        columns=(
            Column("Date", "date", "date"),
            Column("Line", "line"),
            Column("Median", "p50", "amount", of),
            Column("5 to 95 %", "p5:p95", "interval", of),
            Column("Lost", "lost", "share"),
            Column("Lost, 5 to 95 %", "lost_p5:lost_p95", "share_interval"),
        ),
        spec=_lines(unit),
        source=_source(cut),
        caveats=_caveats(cut),
        empty=cut.reason or "This scenario has no day to show.",
    )


def _rows(cut: SupplyCut, place: int) -> Rows:
    rows: list[dict[str, Any]] = []
    if cut.places:
        rows += [_row(cut, _WITHOUT, year.date, year.baseline, None, "band") for year in cut.places[0].years]
    for at in cut.places:
        kind = "band" if at is cut.places[-1] else "line" if _seen(at) else ""
        rows += [_row(cut, _name(at), year.date, year.cut, year.share_lost, kind) for year in at.years]
    return Rows.of(f"cut_{place}", rows)


def _row(cut: SupplyCut, name: str, date: str, q: Any, lost: Any, kind: str) -> dict[str, Any]:
    return {
        "line": name,
        "date": date,
        "basis": cut.basis,
        "precision": cut.precision,
        "kind": kind,
        **{key: getattr(q, key) for key in AMOUNTS},
        "lost": lost.p50 if lost else None,
        "lost_p5": lost.p5 if lost else None,
        "lost_p95": lost.p95 if lost else None,
    }


def _name(at: CutPlace) -> str:
    return "cut at all together" if at.at == _TOGETHER else f"cut at the {at.at.replace('_', ' ')}"


def _seen(at: CutPlace) -> bool:
    return bool(at.years) and at.years[-1].share_lost.p50 >= _SEEN


def _source(cut: SupplyCut) -> str:
    named = "; ".join(f"{one.title} ({one.date}), {one.url}" for one in cut.sources)
    return f"flopcensus: the scenario {cut.id}, and its parameters (docs/planning.md). {named}".strip()


def _caveats(cut: SupplyCut) -> tuple[str, ...]:
    scale = "The scale is logarithmic: equal steps are equal factors."
    few = "Places where next to nothing is lost are in the table and not in the chart."
    many = any(not _seen(at) for at in cut.places[:-1])
    growth = f"Without the cut, capacity follows {cut.growth}." if cut.growth else ""
    where = f"Counted is what stands in {cut.group or listed(list(cut.countries))}." if cut.countries else ""
    said = [where, scale, few if many else "", growth, cut.note or "", *cut.assumptions, *cut.warnings]
    return tuple(text[:1].upper() + text[1:] for text in said if text)


def _lines(unit: str) -> Spec:
    x = {"field": "date", "type": "temporal", "title": None, "axis": {"tickCount": 6, "format": "%Y"}}
    y = {"type": "quantitative", "scale": {"type": "log", "nice": False}}
    axis = decades()
    return vega_lite(
        height=300,
        transform=[{"filter": "datum.kind != '' && datum.p5 > 0"}],
        encoding={
            "x": x,
            "color": {
                "field": "line",
                "type": "nominal",
                "sort": None,
                "title": None,
                "legend": {
                    "columns": {"expr": "containerSize()[0] < 480 ? 2 : 4"},
                    "symbolType": "stroke",
                    "symbolOpacity": 1,
                    "symbolStrokeWidth": 3,
                },
            },
        },
        layer=[
            {
                "transform": [{"filter": "datum.kind == 'band'"}],
                "mark": {"type": "area", "opacity": 0.18, "tooltip": None},
                "encoding": {"y": y | {"field": "p5", "title": unit, "axis": axis}, "y2": {"field": "p95"}},
            },
            {"mark": {"type": "line", "tooltip": None}, "encoding": {"y": y | {"field": "p50"}}},
            {
                "mark": {"type": "point", "size": 36},
                "encoding": {
                    "y": y | {"field": "p50"},
                    "tooltip": [
                        {"field": "line"},
                        {"field": "date", "type": "temporal", "format": "%Y-%m-%d"},
                        *quantile_tooltip(unit),
                        {"field": "lost", "type": "quantitative", "format": ".1%"},
                    ],
                },
            },
        ],
    )
