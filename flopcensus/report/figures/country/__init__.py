"""Figures of one country: its accounts, whose it is at every level, on whom it depends, how sure that is."""

from __future__ import annotations

from flopcensus.report.document.cube import Cube
from flopcensus.report.document.results import Results
from flopcensus.report.figures.country.accounts import accounts_of_country, parts, per_head
from flopcensus.report.figures.country.evidence import evidence
from flopcensus.report.figures.country.profile import exposure, profile
from flopcensus.report.figures.country.targets import grades, targets
from flopcensus.report.figures.country.words import none_of
from flopcensus.report.figures.figure import Figure
from flopcensus.report.figures.world.holders import held


def country_figures(results: Results, cube: Cube) -> tuple[Figure, ...]:
    """Return the figures of one country; without pages of countries, what the cube and the census hold."""
    pages = results.countries
    found = [*accounts_of_country(held(cube))]
    if pages and pages.countries:
        found += [profile(pages), exposure(pages), parts(pages, none_of(pages)), per_head(pages, cube)]
        found += [targets(pages, none_of(pages))]
    found += evidence(results, none_of(pages) if pages else "")
    return (*found, *([grades(pages, none_of(pages))] if pages and pages.countries else []))
