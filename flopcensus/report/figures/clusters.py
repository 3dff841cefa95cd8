"""Clusters side by side: capacity, origin, and how far each depends on one holder."""

from __future__ import annotations

from typing import Any

from flopcensus.report.document import Cluster, Comparison, Results
from flopcensus.report.document_parts import Spread
from flopcensus.report.document_world import Frontier
from flopcensus.report.figures.clusters_cuts import cut_figures
from flopcensus.report.figures.clusters_exports import export_figures
from flopcensus.report.figures.clusters_frontier import frontier_figures
from flopcensus.report.figures.clusters_metrics import metric_figures
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec
from flopcensus.report.figures.headed import headed, line, row_words, short_of, size_axis
from flopcensus.report.words import level_name

SOURCE = "flopcensus: the clusters as their files describe them, valued with the same draws."
HYPOTHETICAL = "Hypothetical clusters do not exist, and none enters the totals above."
_FIRST_LEVEL = "vendor_nation"


def cluster_figures(results: Results) -> tuple[Figure, ...]:
    """Return the figures of clusters, of supply cuts and of the frontier that the results hold."""
    comparison, frontier = results.comparison, results.frontier
    compared = _compared(comparison, frontier) if comparison and comparison.clusters else ()
    alone = frontier_figures(frontier, None) if frontier and not compared else ()
    return (*compared, *alone, *cut_figures(results.supply_cuts))


def _compared(comparison: Comparison, frontier: Frontier | None) -> tuple[Figure, ...]:
    return (
        _capacity(comparison),
        *metric_figures(comparison),
        *_origin(comparison),
        *(frontier_figures(frontier, comparison) if frontier else ()),
        *export_figures(comparison),
    )


def spread_columns(values: list[Spread]) -> dict[str, list[float]]:
    """Return quantiles and means as columns."""
    return {name: [getattr(one, name) for one in values] for name in AMOUNTS}


def _capacity(comparison: Comparison) -> Figure:
    found = [
        (cluster, slot, precision, basis, q)
        for slot, cluster in enumerate(comparison.clusters, 1)
        for precision, basis, q in _capacities(cluster, comparison)
    ]
    # by basis, and then by cluster
    bases = list(dict.fromkeys(basis for _, _, _, basis, _ in found))
    found.sort(key=lambda one: (bases.index(one[3]), one[1]))
    rows = Rows(
        "cluster_capacity",
        {
            "precision": [precision for _, _, precision, _, _ in found],
            "basis": [basis for _, _, _, basis, _ in found],
            "head": [basis for _, _, _, basis, _ in found],
            "slot": [slot for _, slot, _, _, _ in found],
            "cluster": [cluster.name for cluster, *_ in found],
            **spread_columns([q for *_, q in found]),
        },
    )
    scaled = _unit(comparison) == "FLOP/s"
    unit = "{unit}" if scaled else _unit(comparison)
    return Figure(
        id="cluster-capacity",
        section="clusters",
        title=f"Capacity of the clusters on every basis, {{precision}} dense, {unit}",
        says="For each basis a bar a cluster, to its median; lines run from the 5th to the 95th percentile.",
        rows=rows,
        follows=("precision",),
        only={"precision": tuple(dict.fromkeys(rows.columns["precision"]))},
        amounts=AMOUNTS if scaled else (),
        columns=(
            Column("Basis", "basis"),
            Column("Cluster", "cluster"),
            Column("Median", "p50", "amount", "" if scaled else unit),
            Column("5 to 95 %", "p5:p95", "interval", "" if scaled else unit),
            Column("Mean", "mean", "amount", "" if scaled else unit),
        ),
        spec=_bars(unit),
        source=SOURCE,
        caveats=(
            HYPOTHETICAL,
            "In H100 equivalents compare clusters within a basis: an H100e is another unit on each.",
        ),
    )


def _unit(comparison: Comparison) -> str:
    return comparison.clusters[0].unit


def _capacities(cluster: Cluster, comparison: Comparison) -> list[tuple[str, str, Spread]]:
    """Return capacities by precision and basis; older documents hold those of one precision."""
    if cluster.capacities and all(one.unit == cluster.unit for one in cluster.capacities):
        return [(one.precision, one.basis, one) for one in cluster.capacities]
    return [(comparison.precision, basis, q) for basis, q in cluster.capacity.items()]


def _bars(unit: str) -> Spec:
    said = "unit_words" if unit == "{unit}" else f"'{unit}'"
    amount = (
        f"datum.p50 == 0 ? 'none' : {said} == 'H100e' ? format(datum.p50, datum.p50 < 10 ? '.1f' : ',.0f') + ' H100e'"
        f" : replace(format(datum.p50, '.3s'), /([a-zA-Z])$/, ' $1') + {said}"
    )
    size = {"field": "p50", "type": "quantitative", "title": unit, "scale": short_of()}
    return headed(
        {
            "mark": {"type": "bar", "height": 13, "opacity": 0.55},
            "encoding": {
                "x": size | {"axis": size_axis()},
                "color": {"field": "cluster", "type": "nominal", "sort": None, "legend": None},
                "tooltip": [
                    {"field": "cluster"},
                    {"field": "p50", "type": "quantitative", "format": ".3s", "title": f"median, {unit}"},
                    {"field": "p5", "type": "quantitative", "format": ".3s", "title": "5 %"},
                    {"field": "p95", "type": "quantitative", "format": ".3s", "title": "95 %"},
                ],
            },
        },
        line(),
        row_words("p95"),
        transform=[{"calculate": f"({amount}) + ' · ' + datum.cluster", "as": "words"}],
    )


def _origin(comparison: Comparison) -> tuple[Figure, ...]:
    rows = _holders(comparison)
    if not len(rows):
        return ()
    levels = list(dict.fromkeys(rows.columns["level"]))
    # where the control asks for a level that clusters do not have
    levels.sort(key=lambda level: level != _FIRST_LEVEL)
    return (
        Figure(
            id="cluster-origin",
            section="clusters",
            title=f"Origin of the clusters by {{level}}: {{basis}}, {comparison.precision} dense",
            says="For each cluster a bar a holder, of its share; lines run from the 5th to the 95th percentile.",
            rows=rows,
            follows=("basis", "level"),
            only={
                "basis": tuple(dict.fromkeys(rows.columns["basis"])),
                "level": tuple(levels),
                "precision": (comparison.precision,),
            },
            columns=(
                Column("Cluster", "head"),
                Column("Holder", "name"),
                Column("Share", "share", "share"),
                Column("5 to 95 %", "share_p5:share_p95", "share_interval"),
            ),
            spec=_shares(),
            source=SOURCE,
            caveats=(
                HYPOTHETICAL,
                "A name such as “A or B” means that sources name both and not how much is whose.",
                "Clusters know the levels from who makes an accelerator on; for others, such as the territory, the "
                f"{level_name(levels[0])} is shown.",
            ),
            empty="This comparison holds no origin on {basis}.",
        ),
    )


def _holders(comparison: Comparison) -> Rows:
    rows: list[dict[str, Any]] = []
    for cluster in comparison.clusters:
        for basis, levels in cluster.origin.items():
            for level, holders in levels.items():
                ordered = sorted(holders, key=lambda one: (one.code == "unknown", -one.share, one.name))
                rows += [
                    {
                        "basis": basis,
                        "level": level,
                        "head": cluster.name,
                        "slot": slot,
                        "code": one.code,
                        "name": one.name,
                        "share": one.share,
                        "share_p5": one.share_p5,
                        "share_p95": one.share_p95,
                    }
                    for slot, one in enumerate(ordered, 1)
                ]
    names = ("basis", "level", "head", "slot", "code", "name", "share", "share_p5", "share_p95")
    return Rows("cluster_origin", {name: [row[name] for row in rows] for name in names})


def _shares() -> Spec:
    words = "(datum.share < 0.0005 ? 'under 0.1 %' : format(100 * datum.share, '.1f') + ' %') + ' · ' + datum.name"
    return headed(
        {
            "mark": {"type": "bar", "height": 13, "opacity": 0.55},
            "encoding": {
                "x": {
                    "field": "share",
                    "type": "quantitative",
                    "title": "share of capacity",
                    "scale": {"domain": [0, 1], **short_of()},
                    "axis": {"format": ".0%", "values": [0, 0.5, 1]},
                },
                "color": {
                    "condition": {"test": "datum.code == 'unknown'", "value": "#8a9099"},
                    "field": "name",
                    "type": "nominal",
                    "sort": None,
                    "legend": None,
                },
            },
        },
        line("share_p5", "share_p95"),
        row_words("share_p95"),
        transform=[{"calculate": words, "as": "words"}],
    )
