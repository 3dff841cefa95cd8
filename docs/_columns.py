"""The data dictionary: columns of tables that are written or shipped, from where the code keeps them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from _markdown import plain, table
from _printed import Printed, printed

from accounting.census.flat import COLUMNS as LEDGER
from accounting.reference.country_figures import UNITS
from flopcensus.exports.dictionary import COLUMNS as EXPORTED
from flopcensus.exports.dictionary import dictionary_markdown

# what the long table of exports does not have
OTHERS: Mapping[str, str] = {
    "amount": "capacity at this stage, in the unit of the row",
    "cluster": "id of the cluster",
    "date": "day that the stock is counted at",
    "denomination": "precision, dense or sparse, basis and unit of the stage",
    "effect": "what the step that leads to this stage changed, in the unit of the row",
    "effect_on_share": "what that step changed of the share, as a fraction",
    "id": "unlike all others of its kind",
    "kind": "how the figure is known",
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
        f"### `{command}`\n\n"
        + table(("column", "meaning"), [(f"`{name}`", plain(meaning_of(name, one))) for name in one.columns])
        for command, one in printed().items()
    ]
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
            "`flopcensus COMMAND … --format csv`, or `-o FILE.csv` where a command writes one.",
            *by_command,
            "## Shipped tables",
            "`configs/countries.csv`:",
            table(("column", "meaning"), [(f"`{name}`", text) for name, text in COUNTRIES.items()]),
            "`configs/country_figures.csv` ([figures of countries](../country-figures.md)):",
            table(("column", "meaning"), [(f"`{name}`", text) for name, text in FIGURES.items()]),
            table(("figure", "unit"), [(f"`{name}`", plain(unit)) for name, unit in UNITS.items()]),
            "",
        ]
    )


def meaning_of(column: str, one: Printed) -> str:
    """Return what stands in a column, by its command, its model or exports; blank where none says."""
    if one.own and column in one.own:
        return one.own[column]
    for model in one.models:
        found = {field.alias or name: field for name, field in model.model_fields.items()}.get(column)
        if found is not None and found.description:
            return re.sub(r"\s*Unit: ([^.]+)\.?$", r" (\1)", found.description).strip()
    exported = {each.name: each.meaning for each in EXPORTED}
    return OTHERS.get(column) or exported.get(column, "")
