"""The capacity of clusters side by side, on every basis."""

from __future__ import annotations

from flopcensus.report.document.parts import Spread
from flopcensus.report.document.results import Cluster, Comparison
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec
from flopcensus.report.figures.headings import leaving_room, row_words, under_headings
from flopcensus.report.figures.marks import amount_axis, interval_line, quantile_tooltip

SOURCE = "flopcensus: the clusters as their files describe them, valued with the same draws."
HYPOTHETICAL = "Hypothetical clusters do not exist, and none enters the totals above."


def spread_columns(values: list[Spread]) -> dict[str, list[float]]:
    """Return quantiles and means as columns."""
    return {name: [getattr(one, name) for one in values] for name in AMOUNTS}


def capacity_figures(comparison: Comparison) -> tuple[Figure, ...]:
    """Return the capacity of every cluster in every precision and on every basis that it is known on.

    None where no cluster has any that is known.
    """
    found = [
        (cluster, slot, precision, basis, q)
        for slot, cluster in enumerate(comparison.clusters, 1)
        for precision, basis, q in _capacities(cluster, comparison)
    ]
    if not found:
        return ()
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
    return (
        Figure(
            id="cluster-capacity",
            section="clusters",
            title=f"Capacity of the clusters on every basis, {{precision}}, {unit}",
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
    size = {"field": "p50", "type": "quantitative", "title": unit, "scale": leaving_room()}
    return under_headings(
        {
            "mark": {"type": "bar", "height": 13, "opacity": 0.55},
            "encoding": {
                "x": size | {"axis": amount_axis()},
                "color": {"field": "cluster", "type": "nominal", "sort": None, "legend": None},
                "tooltip": [
                    {"field": "cluster"},
                    *quantile_tooltip(unit),
                ],
            },
        },
        interval_line(tooltip=None),
        row_words("p95"),
        transform=[{"calculate": f"({amount}) + ' · ' + datum.cluster", "as": "words"}],
    )
