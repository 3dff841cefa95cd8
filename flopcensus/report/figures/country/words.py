"""What figures of one country say alike: which view they show, and why there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping

from accounting.reference.names import ALTERNATIVES
from flopcensus.report.document.countries import Countries


def none_of(pages: Countries) -> str:
    """Return why a country has no page."""
    if pages.least_share is None:
        return "The study names the countries that have a page; {country} is none of them."
    least = f"{pages.least_share:.1%}".replace("%", " %")
    return f"{{country}} hosts or owns less than {least} of what is counted: it has no page in this study."


def view_of(pages: Countries) -> str:
    """Return the view that the pages of countries are in: they stay on it."""
    return f"at {pages.as_of}: {pages.basis}, {pages.precision} dense"


def named(code: str, names: Mapping[str, str]) -> str:
    """Return the name of a nation, or of one of several."""
    return " or ".join(names.get(part, part) for part in code.split(ALTERNATIVES))
