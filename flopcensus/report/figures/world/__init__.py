"""Figures of the whole census: who holds it, on which basis, since when, and what is not in it."""

from __future__ import annotations

from flopcensus.report.document.cube import Cube
from flopcensus.report.document.results import Results
from flopcensus.report.figures.figure import Figure
from flopcensus.report.figures.world.bases import bases_figures
from flopcensus.report.figures.world.flow import flow_figures
from flopcensus.report.figures.world.holders import held, holders_figure
from flopcensus.report.figures.world.inequality import inequality_figures
from flopcensus.report.figures.world.levels import levels_figures
from flopcensus.report.figures.world.map import map_figure
from flopcensus.report.figures.world.unlocated import unlocated_figures
from flopcensus.report.figures.world.walk import walk_figures
from flopcensus.report.figures.world.years import years_figures


def world_figures(results: Results, cube: Cube) -> tuple[Figure, ...]:
    """Return the figures of the world, in the order of the page."""
    rows = held(cube)
    return (
        map_figure(rows, cube),
        holders_figure(rows),
        *levels_figures(cube),
        *flow_figures(cube),
        *bases_figures(results, cube),
        *walk_figures(results.bridge),
        *years_figures(cube),
        *inequality_figures(results.world),
        *unlocated_figures(results.sold),
    )
