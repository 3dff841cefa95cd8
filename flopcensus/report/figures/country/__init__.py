"""Figures of one country: its accounts, whose it is at every level, on whom it depends, how sure that is."""

from __future__ import annotations

from flopcensus.report.document.cube import Cube
from flopcensus.report.document.results import Results
from flopcensus.report.figures.country.accounts import accounts_figure, heads_figure, parts_figure
from flopcensus.report.figures.country.evidence import deployments_figure, sites_figure
from flopcensus.report.figures.country.profile import exposure_figure, profile_figure
from flopcensus.report.figures.country.targets import grades_figure, targets_figure
from flopcensus.report.figures.figure import Figure
from flopcensus.report.figures.world.holders import held


def country_figures(results: Results, cube: Cube) -> tuple[Figure, ...]:
    """Return the figures of one country; without pages of countries, what the cube and the census hold."""
    pages = results.countries
    accounts, deployments = accounts_figure(held(cube)), deployments_figure(results.facilities)
    if pages is None or not pages.countries:
        return (accounts, deployments)
    return (
        accounts,
        profile_figure(pages),
        exposure_figure(pages),
        parts_figure(pages),
        heads_figure(pages, cube),
        targets_figure(pages),
        sites_figure(pages),
        deployments,
        grades_figure(pages),
    )
