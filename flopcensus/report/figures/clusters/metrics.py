"""Power, energy, carbon, water and cost of clusters: each in its unit, and as ratios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flopcensus.report.blocks import economics
from flopcensus.report.document.results import Comparison, Difference
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec
from flopcensus.report.figures.headings import leaving_room, row_words, under_headings
from flopcensus.report.figures.marks import interval_line
from flopcensus.report.words import AS_STATED, between, ratios
from flopcensus.tables.compare import figure as written

# what charts show; tables hold all
_SHOWN = (
    "facility_full_load_w",
    "facility_power_w",
    "energy_j_per_year",
    "carbon_kg_per_year",
    "water_m3_per_year",
    "capital_usd",
    "cost_usd_per_year",
    "levelised_usd_per_1e21_flop",
)
_SOURCE = (
    "flopcensus: the models and defaults of docs/planning.md, with the parameters that each cluster states."
)
_HYPOTHETICAL = "Hypothetical clusters do not exist, and none enters the totals above."
_MOST_PAIRED = 5


def metric_figures(comparison: Comparison) -> tuple[Figure, ...]:
    """Return the figures and their ratios; none where the document holds none of either."""
    return (*_figures(comparison), *_ratios(comparison))


def _order(names: Sequence[str]) -> list[str]:
    return [name for name in _SHOWN if name in names] + [name for name in names if name not in _SHOWN]


def _figures(comparison: Comparison) -> tuple[Figure, ...]:
    clusters = comparison.clusters
    names = _order(list(dict.fromkeys(name for c in clusters for name in c.metrics)))
    rows = [row for name in names for row in _of_metric(comparison, name)]
    if not rows:
        return ()
    return (
        Figure(
            id="cluster-economics",
            section="clusters",
            title=f"Power, carbon, water and cost of the clusters, running {comparison.precision} dense",
            says="For each quantity a bar a cluster, to its median, against the largest of that quantity; "
            "lines run from the 5th to the 95th percentile.",
            rows=Rows.of("cluster_economics", rows),
            columns=(
                Column("Quantity", "head"),
                Column("Cluster", "cluster"),
                Column("Median", "median:p50", "worded"),
                Column("5 to 95 %", "interval:p5", "worded"),
            ),
            spec=_bars(),
            source=_SOURCE,
            caveats=(
                _HYPOTHETICAL,
                "Bars of one quantity compare with one another and not with those of the next: each has its unit.",
                "Power in training rests on measured nodes. Where a maker publishes no power of its accelerator, "
                "what rests on it is not available, and in no bar.",
                "The table holds more quantities than the chart, the CSV every percentile in base units.",
            ),
        ),
    )


def _of_metric(comparison: Comparison, name: str) -> list[dict[str, Any]]:
    """Return a row a cluster, also where one has no such figure; ends of bars are shares of the largest."""
    found = [(slot, c, c.metrics.get(name)) for slot, c in enumerate(comparison.clusters, 1)]
    known = [metric for _, _, metric in found if metric is not None]
    largest = max((metric.p95 for metric in known), default=0.0) or 1.0
    label = known[0].label[:1].upper() + known[0].label[1:]
    rows: list[dict[str, Any]] = []
    for slot, cluster, metric in found:
        low, middle, high = (metric.p5, metric.p50, metric.p95) if metric else (None, None, None)
        median = written(metric.p50, metric.unit) if metric else None
        rows.append(
            {
                "metric": name,
                "unit": known[0].unit,
                "head": label,
                "slot": slot,
                "cluster": cluster.name,
                "p5": low,
                "p50": middle,
                "p95": high,
                "median": median,
                "interval": _interval(low, high, metric.unit) if metric else None,
                "from": low / largest if low is not None else None,
                "to": middle / largest if middle is not None else 0.0,
                "end": high / largest if high is not None else 0.0,
                "words": f"{median or 'not available'} · {cluster.name}",
                "drawn": name in _SHOWN,
            }
        )
    return rows


def _interval(low: float | None, high: float | None, unit: str) -> str | None:
    if low is None or high is None:
        return None
    return AS_STATED if low == high else between(written(low, unit), written(high, unit))


def _bars() -> Spec:
    scale = {"domain": [0, 1], "nice": False, **leaving_room()}
    return under_headings(
        {
            "mark": {"type": "bar", "height": 13, "opacity": 0.55},
            "encoding": {
                "x": {"field": "to", "type": "quantitative", "axis": None, "scale": scale},
                "color": {"field": "cluster", "type": "nominal", "sort": None, "legend": None},
                "tooltip": [
                    {"field": "head", "title": "quantity"},
                    {"field": "cluster"},
                    {"field": "median"},
                    {"field": "interval", "title": "5 to 95 %"},
                ],
            },
        },
        {"transform": [{"filter": "isValid(datum.from)"}], **interval_line("from", "end", tooltip=None)},
        row_words("end"),
        transform=[{"filter": "datum.drawn"}],
    )


def _ratios(comparison: Comparison) -> tuple[Figure, ...]:
    if not comparison.differences:
        return ()
    names = {c.id: c.name for c in comparison.clusters}
    first = comparison.clusters[0].id
    partners = [c.id for c in comparison.clusters[1 : 1 + _MOST_PAIRED]]
    slots = {partner: slot for slot, partner in enumerate(partners, 1)}
    several = len(comparison.clusters) > 2
    ordered = sorted(comparison.differences, key=_rank)
    rows = [
        {
            "head": _what(one, comparison),
            "slot": slots.get(one.b, 0) if one.a == first else 0,
            "pair": f"{names.get(one.a, one.a)} ÷ {names.get(one.b, one.b)}",
            "p5": one.ratio.p5,
            "p50": one.ratio.p50,
            "p95": one.ratio.p95,
            "interval": ratios(one.ratio),
            "chance": one.probability_a_more,
            "words": _words(one, names.get(one.b, one.b) if several else ""),
            "drawn": _is_shown(one) and one.a == first and one.b in slots and one.ratio.p5 > 0,
        }
        for one in ordered
    ]
    against = "the others" if several else names.get(partners[0], "") if partners else ""
    return (
        Figure(
            id="cluster-ratios",
            section="clusters",
            title=f"{comparison.clusters[0].name} against {against}: ratios, {comparison.precision} dense",
            says="Points at the median of each ratio with a line from the 5th to the 95th percentile; 1 means alike.",
            rows=Rows.of("cluster_ratios", rows),
            columns=(
                Column("Of", "head"),
                Column("Ratio", "pair"),
                Column("Median", "p50", "number"),
                Column("5 to 95 %", "interval:p5", "worded"),
                Column("Chance that the first has more", "chance", "share"),
            ),
            spec=_points(),
            source=_SOURCE,
            caveats=(
                "All clusters use the same draws, so that what they share does not blur a ratio: its interval is "
                "narrower than the two figures' own would suggest.",
                "The scale is logarithmic. The table holds every pair and every quantity.",
            ),
        ),
    )


def _rank(one: Difference) -> int:
    """Capacity first, then what is shown, in its order."""
    if one.metric == "capacity":
        return -1
    return _SHOWN.index(one.metric) if one.metric in _SHOWN else len(_SHOWN)


def _is_shown(one: Difference) -> bool:
    return one.metric == "capacity" or one.metric in _SHOWN


def _what(one: Difference, comparison: Comparison) -> str:
    said = economics.quantity_of(one, comparison)
    if one.metric == "capacity":
        return f"Capacity, {said}"
    return said[:1].upper() + said[1:]


def _words(one: Difference, other: str) -> str:
    said = ratios(one.ratio)
    if other:
        return f"{one.ratio.p50:.2f} · ÷ {other}"
    return f"{one.ratio.p50:.2f}" + (f" ({said})" if said != AS_STATED else "")


def _points() -> Spec:
    x = {
        "field": "p50",
        "type": "quantitative",
        "title": "ratio",
        "scale": {"type": "log", "nice": False, "padding": 8, **leaving_room()},
        "axis": {"tickCount": 5, "format": "~r"},
    }
    return under_headings(
        {
            "mark": {"type": "tick", "height": 19, "thickness": 1, "opacity": 0.6, "tooltip": None},
            "encoding": {"x": {"datum": 1, "type": "quantitative"}},
        },
        interval_line(tooltip=None),
        {
            "mark": {"type": "point", "size": 60, "opacity": 1},
            "encoding": {
                "x": x,
                "color": {"field": "pair", "type": "nominal", "sort": None, "legend": None},
                "tooltip": [
                    {"field": "head", "title": "of"},
                    {"field": "pair", "title": "ratio"},
                    {"field": "p50", "type": "quantitative", "format": ".3r", "title": "median"},
                    {"field": "interval", "title": "5 to 95 %"},
                    {
                        "field": "chance",
                        "type": "quantitative",
                        "format": ".1%",
                        "title": "chance that the first has more",
                    },
                ],
            },
        },
        row_words("p95"),
        transform=[{"filter": "datum.drawn"}],
    )
