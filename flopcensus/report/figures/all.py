"""All figures of a study, in the order of the page."""

from __future__ import annotations

from dataclasses import dataclass

from flopcensus.report.document.results import Results
from flopcensus.report.figures.clusters import cluster_figures
from flopcensus.report.figures.controls import Controls, controls
from flopcensus.report.figures.country import country_figures
from flopcensus.report.figures.figure import Figure, Section
from flopcensus.report.figures.machine import machine_figures
from flopcensus.report.figures.world import world_figures

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
        *(world_figures(results, results.cube) if results.cube else ()),
        *(country_figures(results, results.cube) if results.cube else ()),
        *cluster_figures(results),
        *machine_figures(results),
    )
    return Figures(controls(results), found) if found else None
