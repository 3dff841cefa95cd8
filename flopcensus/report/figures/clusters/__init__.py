"""Figures of clusters: side by side, cut off from supply, and against dependence."""

from __future__ import annotations

from flopcensus.report.document.results import Comparison, Results
from flopcensus.report.document.world import Frontier
from flopcensus.report.figures.clusters.capacity import capacity_figures
from flopcensus.report.figures.clusters.cuts import cut_figures
from flopcensus.report.figures.clusters.exports import export_figures
from flopcensus.report.figures.clusters.frontier import frontier_figures
from flopcensus.report.figures.clusters.metrics import metric_figures
from flopcensus.report.figures.clusters.origin import origin_figures
from flopcensus.report.figures.figure import Figure


def cluster_figures(results: Results) -> tuple[Figure, ...]:
    """Return the figures of clusters, of supply cuts and of the frontier that the results hold."""
    comparison, frontier = results.comparison, results.frontier
    compared = _compared(comparison, frontier) if comparison and comparison.clusters else ()
    alone = frontier_figures(frontier, None) if frontier and not compared else ()
    return (*compared, *alone, *cut_figures(results.supply_cuts))


def _compared(comparison: Comparison, frontier: Frontier | None) -> tuple[Figure, ...]:
    return (
        *capacity_figures(comparison),
        *metric_figures(comparison),
        *origin_figures(comparison),
        *(frontier_figures(frontier, comparison) if frontier else ()),
        *export_figures(comparison),
    )
