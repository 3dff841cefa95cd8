"""All figures of a study, in the order of the page."""

from __future__ import annotations

from dataclasses import dataclass

from flopcensus.report.document import Results
from flopcensus.report.document_cube import Cube
from flopcensus.report.figures.accounts import accounts_figures
from flopcensus.report.figures.bases import bases_figures
from flopcensus.report.figures.clusters import cluster_figures
from flopcensus.report.figures.controls import Controls, controls
from flopcensus.report.figures.country import country_figures
from flopcensus.report.figures.figure import Figure, Section
from flopcensus.report.figures.flow import flow_figures
from flopcensus.report.figures.inequality import inequality_figures
from flopcensus.report.figures.levels import levels_figures
from flopcensus.report.figures.machine import machine_figures
from flopcensus.report.figures.unlocated import unlocated_figures
from flopcensus.report.figures.walk import walk_figures
from flopcensus.report.figures.years import years_figures

TITLES: dict[Section, str] = {
    "world": "The world",
    "country": "One country",
    "clusters": "Clusters",
    "machine": "This machine",
}


@dataclass(frozen=True)
class Figures:
    """The figures of a page and the controls that they follow."""

    controls: Controls
    figures: tuple[Figure, ...]

    def of(self, section: Section) -> tuple[Figure, ...]:
        """Return the figures of a section."""
        return tuple(figure for figure in self.figures if figure.section == section)


def figures(results: Results) -> Figures | None:
    """Return a study's figures; None where there are none, as in results written before there was a cube."""
    if results.estimates and not results.cube:
        # written before there was a cube: the page's own charts show more than figures could
        return None
    found = (
        *(_of_cube(results, results.cube) if results.cube else ()),
        *cluster_figures(results),
        *machine_figures(results),
    )
    return Figures(controls(results), found) if found else None


def _of_cube(results: Results, cube: Cube) -> tuple[Figure, ...]:
    return (
        *accounts_figures(cube),
        *levels_figures(cube),
        *flow_figures(cube),
        *bases_figures(results, cube),
        *walk_figures(results.bridge),
        *years_figures(cube),
        *inequality_figures(results.world),
        *unlocated_figures(results.sold),
        *country_figures(results, cube),
    )
