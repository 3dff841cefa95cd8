"""Figures of countries: people, product, the carbon and the price of electricity, cooling overhead.

The table is long: a row a country and figure, each with its year, unit and source, since no source has all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from accounting.errors import Fault, InputFaults, nearest
from accounting.reference.csv_facts import read_rows
from accounting.validation import Kind

_COLUMNS = ["alpha2", "figure", "value", "year", "kind", "source"]
UNITS: Mapping[str, str] = {
    "population": "people",
    "gdp_usd": "current US dollars a year",
    "carbon_intensity_g_per_kwh": "grams of CO2 equivalent per kWh of electricity generated, life cycle",
    "industrial_electricity_price_usd_per_kwh": "US dollars per kWh for industry, taxes as in the source",
    "pue": "typical power usage effectiveness of data centres",
}
_YEAR = re.compile(r"(19|20)\d\d")


@dataclass(frozen=True)
class CountryFigure:
    """One figure of one country in the unit that ``UNITS`` gives for its name."""

    country: str
    figure: str
    value: float
    year: int
    kind: Kind
    source: str


def load_country_figures(path: Path, countries: Mapping[str, object]) -> dict[tuple[str, str], CountryFigure]:
    """Read the table by (alpha-2 code, figure), the latest year of each.

    Args:
        path: a CSV with the columns alpha2, figure, value, year, kind, source.
        countries: the codes that are known.

    Raises:
        InputFaults: the file is absent, its columns differ, or any row is wrong; every fault is listed.
    """
    rows = read_rows(path, _COLUMNS)
    if faults := [fault for line, row in rows for fault in _faults(path, line, row, countries)]:
        raise InputFaults(faults)
    latest: dict[tuple[str, str], CountryFigure] = {}
    for figure in (_figure(row) for _, row in rows):
        key = (figure.country, figure.figure)
        if key not in latest or latest[key].year < figure.year:
            latest[key] = figure
    return latest


def _faults(path: Path, line: int, row: Mapping[str, str], countries: Mapping[str, object]) -> list[Fault]:
    checks = (
        ("alpha2", row["alpha2"] in countries, "unknown country code", ""),
        ("figure", row["figure"] in UNITS, "unknown figure", nearest(row["figure"], UNITS)),
        ("value", _positive(row["value"]), "must be a number above 0", ""),
        ("year", bool(_YEAR.fullmatch(row["year"])), "must be a year", ""),
        ("kind", row["kind"] in get_args(Kind), f"must be one of {', '.join(get_args(Kind))}", ""),
        ("source", row["source"].startswith(("https://", "http://")), "must be a web address", ""),
    )
    return [
        Fault(str(path), line, 1, column, message, f"'{row[column]}'", mend)
        for column, fine, message, mend in checks
        if not fine
    ]


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False


def _figure(row: Mapping[str, str]) -> CountryFigure:
    kind: Kind = row["kind"]  # type: ignore[assignment]  # checked against the words of Kind before
    return CountryFigure(
        row["alpha2"], row["figure"], float(row["value"]), int(row["year"]), kind, row["source"]
    )
