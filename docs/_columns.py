"""The data dictionary: columns of tables that are written or shipped, from where the code keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from _markdown import plain, table

from accounting.census.flat import COLUMNS as LEDGER
from accounting.reference.country_figures import UNITS
from flopcensus.documents.bridge import BRIDGE_COLUMNS
from flopcensus.documents.brief import BRIEF_COLUMNS
from flopcensus.documents.compare import COMPARISON_COLUMNS
from flopcensus.documents.estimate_rows import ESTIMATE_COLUMNS, SERIES_COLUMNS
from flopcensus.documents.scenario import COLUMNS as SCENARIO_COLUMNS
from flopcensus.documents.supply_cut import COLUMNS as CUT_COLUMNS
from flopcensus.exports.dictionary import COLUMNS as EXPORTED
from flopcensus.exports.dictionary import dictionary_markdown

# command, and what --format csv of it holds
TABLES: Mapping[str, Sequence[str]] = {
    "estimate": ESTIMATE_COLUMNS,
    "estimate --years": SERIES_COLUMNS,
    "brief": BRIEF_COLUMNS,
    "bridge": BRIDGE_COLUMNS,
    "compare": COMPARISON_COLUMNS,
    "scenario": SCENARIO_COLUMNS,
    "supply-cut": CUT_COLUMNS,
}
# what the long table of exports does not have
OTHERS: Mapping[str, str] = {
    "amount": "capacity at this stage, in the unit of the row",
    "cluster": "id of the cluster",
    "date": "day that the stock is counted at",
    "denomination": "precision, dense or sparse, basis and unit of the stage",
    "effect": "what the step that leads to this stage changed, in the unit of the row",
    "effect_on_share": "what that step changed of the share, as a fraction",
    "grade": "quality of the data, A to E (docs/accounts.md)",
    "note": "how a figure is to be read",
    "place": "place in the chain that is cut: vendor, foundry, memory, packaging, provider, or all",
    "planned_share": "share of the mean that is planned today, as a fraction",
    "projected": "whether the date lies after the census's snapshot",
    "quantity": "what is measured",
    "section": "part of the brief",
    "source": "web address",
    "step": "step of the walk",
    "years_after": "years since the cut",
}
COUNTRIES: Mapping[str, str] = {
    "alpha2": "ISO 3166 alpha-2 code",
    "alpha3": "ISO 3166 alpha-3 code",
    "numeric": "ISO 3166 numeric code, three digits",
    "name": "name for people",
    "other_names": "names that are taken besides, joined by ;",
}
FIGURES: Mapping[str, str] = {
    "alpha2": "country, ISO 3166 alpha-2",
    "figure": "which figure; the next table has them",
    "value": "in the unit of the figure",
    "year": "year that it is of",
    "kind": "how it is known: measured, published, reported, derived, assumed",
    "source": "web address",
}


def dictionary_page() -> str:
    """Return the data dictionary in Markdown."""
    ledger = [(f"`{c.name}`", plain(c.meaning), "yes" if c.may_be_blank else "no") for c in LEDGER]
    by_command = [
        (f"`{command}`", ", ".join(f"`{one}`" for one in names)) for command, names in TABLES.items()
    ]
    names = sorted({name for columns in TABLES.values() for name in columns})
    meanings = [(f"`{name}`", plain(meaning_of(name))) for name in names]
    return "\n\n".join(
        [
            "# Data dictionary",
            "A blank cell is *not known* or *does not apply*, never 0. Figures are written so that the same "
            "float is read again.",
            "## The long table of exports",
            "`flopcensus export`; [formats](../exports.md).",
            dictionary_markdown().strip(),
            "## The ledger",
            "`flopcensus convert … -o FILE.csv` and `flopcensus.load_census().to_frame()`; "
            "[converting](../convert.md).",
            table(("column", "what stands in it", "may be blank"), ledger),
            "## What commands print as CSV",
            table(("command", "columns"), by_command),
            table(("column", "meaning"), meanings),
            "## Shipped tables",
            "`configs/countries.csv`:",
            table(("column", "meaning"), [(f"`{name}`", text) for name, text in COUNTRIES.items()]),
            "`configs/country_figures.csv` ([figures of countries](../country-figures.md)):",
            table(("column", "meaning"), [(f"`{name}`", text) for name, text in FIGURES.items()]),
            table(("figure", "unit"), [(f"`{name}`", plain(unit)) for name, unit in UNITS.items()]),
            "",
        ]
    )


def meaning_of(column: str) -> str:
    """Return what stands in a column that a command prints; where exports have it, in their words."""
    if column in OTHERS:
        return OTHERS[column]
    return next(one.meaning for one in EXPORTED if one.name == column)
