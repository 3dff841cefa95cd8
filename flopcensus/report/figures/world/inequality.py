"""Lorenz curves: how unequally capacity is spread over people and over product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flopcensus.report.document.world import Inequality, World
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import GREY, share_axis

_PER = {"population": "people", "gdp_usd": "product"}
_SIDE = {"territory": "host", "provider": "owner"}
# a thinned curve is off by less than this share
_CLOSE = 0.001


def inequality_figures(found: World | None) -> tuple[Figure, ...]:
    """Return the Lorenz curves with their Gini coefficients."""
    if found is None or not found.inequality:
        return ()
    curves = [(_name(one), one) for one in found.inequality]
    rows = [row for name, one in curves for row in _points(name, one)]
    return (
        Figure(
            id="lorenz",
            section="world",
            title=f"Inequality between nations, at {found.as_of}: {found.basis}, {found.precision} dense",
            says="Lorenz curves: how much of the capacity the nations with the least of it hold together, by their "
            "people or product, by where it stands (host) and, dashed, by who owns it; the straight line is equality. "
            "The Gini coefficient stands with each name, with its interval.",
            rows=Rows.of("lorenz", rows),
            columns=(
                Column("Curve", "curve"),
                Column("Gini", "gini", "number"),
                Column("5 to 95 %", "gini_words"),
                Column("Share of people or product", "x", "share"),
                Column("Share of capacity", "y", "share"),
                Column("Nations", "nations", "number"),
                Column("of them with none", "without", "number"),
                Column("Capacity left out", "left_out", "share"),
            ),
            spec=_curves([name for name, _ in curves]),
            source="flopcensus: the census by nation; people and product of the World Bank (docs/accounts.md).",
            caveats=(
                "Each nation is a group of equal persons, or dollars: inequality between persons is larger.",
                "Curves are of means; the interval is that of the coefficient. What stands in nations without a "
                "figure of people or product is left out.",
                "This figure stays on the study's last basis, its precision and its date.",
            ),
        ),
    )


def _name(one: Inequality) -> str:
    what = f"{_SIDE.get(one.level, one.level)}, by {_PER.get(one.per, one.per)}"
    return f"{what}: {one.gini.p50:.2f} ({one.gini.p5:.2f} to {one.gini.p95:.2f})"


def _points(name: str, one: Inequality) -> list[dict[str, Any]]:
    return [
        {
            "curve": name,
            "side": one.level,
            "x": x,
            "y": y,
            "gini": one.gini.p50,
            "gini_words": f"{one.gini.p5:.3f} to {one.gini.p95:.3f}",
            "nations": one.nations,
            "without": one.without,
            "left_out": one.left_out.share,
        }
        for x, y in thinned(one.lorenz)
    ]


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out points of a line that lie on it: after Douglas and Peucker (1973), by height.

    >>> thinned([(0.0, 0.0), (0.3, 0.0), (0.5, 0.0), (1.0, 1.0)])
    [(0.0, 0.0), (0.5, 0.0), (1.0, 1.0)]
    """
    if len(points) < 3:
        return list(points)
    (x0, y0), (x1, y1) = points[0], points[-1]
    slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
    off = [abs(y - y0 - slope * (x - x0)) for x, y in points]
    farthest = max(range(len(points)), key=off.__getitem__)
    if off[farthest] < _CLOSE:
        return [points[0], points[-1]]
    return thinned(points[: farthest + 1])[:-1] + thinned(points[farthest:])


def _curves(names: list[str]) -> Spec:
    square = {"type": "quantitative", "scale": {"domain": [0, 1], "nice": False}, "axis": share_axis()}
    equal = [{"x": 0, "y": 0}, {"x": 1, "y": 1}]
    legend = {"title": None, "columns": 1, "labelLimit": 340, "symbolStrokeWidth": 3}
    return vega_lite(
        height=340,
        encoding={
            "x": square | {"field": "x", "title": "share of people or product, least capacity first"},
            "y": square | {"field": "y", "title": "share of capacity"},
        },
        layer=[
            {
                "data": {"values": equal},
                "mark": {"type": "line", "strokeDash": [4, 4], "strokeWidth": 1, "stroke": GREY},
            },
            {
                "mark": {"type": "line"},
                "encoding": {
                    "color": {
                        "field": "curve",
                        "type": "nominal",
                        "scale": {"domain": names},
                        "legend": legend,
                    },
                    "strokeDash": {
                        "field": "side",
                        "type": "nominal",
                        "legend": None,
                        "scale": {"domain": ["territory", "provider"], "range": [[1, 0], [6, 4]]},
                    },
                    "order": {"field": "x", "type": "quantitative"},
                },
            },
        ],
    )
