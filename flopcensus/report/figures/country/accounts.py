"""A country's domestic and national account, their parts, and capacity per head."""

from __future__ import annotations

from typing import Any

from flopcensus.report.document.countries import Countries
from flopcensus.report.document.cube import Cube
from flopcensus.report.figures.country.words import none_of, view_of
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec, counted, vega_lite
from flopcensus.report.figures.marks import (
    amount_axis,
    in_rows,
    interval_line,
    names_above,
    share_words,
    words_at_right,
)
from flopcensus.report.figures.world.holders import HOLDERS, SOURCE

_BRIEF = "flopcensus: the study's page of each country (flopcensus brief)."
_PARTS = {
    "home": "home: here, controlled from here",
    "foreign": "foreign: here, controlled from abroad",
    "abroad": "abroad: elsewhere, controlled from here",
    "domestic": "domestic account: home and foreign",
    "national": "national account: home and abroad",
}
_PEOPLE = 1e6
_DOLLARS = 1e9


def accounts_figure(rows: Rows) -> Figure:
    """Return the domestic beside the national account, from the rows of all holders."""
    return Figure(
        id="country-accounts",
        section="country",
        title="{country}’s accounts, at {year}: {basis}, {precision}, {unit}",
        says="Two bars to the median, with intervals: what stands in the country, and what its companies and "
        "bodies own anywhere; at the right the share of the world's.",
        rows=rows,
        follows=("basis", "precision", "year", "country"),
        where={"level": ("territory", "provider")},
        amounts=AMOUNTS,
        columns=(Column("Level", "level"), *HOLDERS[1:]),
        spec=_two_bars(),
        source=SOURCE,
        caveats=(
            "Shares are of what the census lists in the view, not of the world.",
            "The national account is by the ultimate controlling unit, wherever the capacity stands.",
        ),
        empty="The census has nothing in this view that stands in {country} or is owned from there.",
    )


def _two_bars() -> Spec:
    words = (
        "datum.level == 'territory' ? 'domestic account: stands in the country' : "
        "'national account: owned from the country'"
    )
    return vega_lite(
        height={"step": 42},
        transform=[
            {"calculate": words, "as": "words"},
            {"calculate": share_words("share"), "as": "said"},
        ],
        encoding={"y": in_rows("level", named=False) | {"sort": ["territory", "provider"]}},
        layer=[names_above("words"), words_at_right("said"), *_bars("level", ["territory", "provider"])],
    )


def _bars(colour: str, domain: list[str]) -> list[Spec]:
    size = {"field": "p50", "type": "quantitative", "axis": amount_axis(), "title": "{unit}"}
    by: Spec = {"field": colour, "type": "nominal", "legend": None, "scale": {"domain": domain}}
    return [
        {"mark": {"type": "bar", "opacity": 0.55, "height": 15}, "encoding": {"x": size, "color": by}},
        interval_line(),
    ]


def parts_figure(pages: Countries) -> Figure:
    """Return what both accounts are made of: home, foreign, abroad."""
    rows: list[dict[str, Any]] = []
    for country in pages.countries:
        held = country.national_account.levels
        for name, words in _PARTS.items():
            kind = "sum" if name in {"domestic", "national"} else "part"
            amounts = {key: getattr(held[name], key) for key in AMOUNTS}
            # an H100e is that of these rows' own view, whatever is chosen
            own = {"basis": pages.basis, "precision": pages.precision}
            rows.append(
                {"country": country.code, **own, "part": name, "words": words, "kind": kind, **amounts}
            )
    return Figure(
        id="country-parts",
        section="country",
        title=f"{{country}}: who controls what, {view_of(pages)}, {{unit}}",
        says="Bars to the median, with intervals: three parts, then the two accounts that they add up to.",
        rows=Rows.of("country_parts", rows),
        follows=("country",),
        amounts=AMOUNTS,
        columns=(
            Column("Part", "words"),
            Column("Mean", "mean", "amount"),
            Column("Median", "p50", "amount"),
            Column("5 to 95 %", "p5:p95", "interval"),
        ),
        spec=vega_lite(
            height={"step": 40},
            encoding={"y": in_rows("words", named=False)},
            layer=[names_above("words"), *_bars("kind", ["part", "sum"])],
        ),
        source=_BRIEF,
        caveats=("Means add up, medians do not. This figure stays on the study's own view.",),
        empty=none_of(pages),
    )


def heads_figure(pages: Countries, cube: Cube) -> Figure:
    """Return capacity per million people of all countries with a page, in every view."""
    return Figure(
        id="country-heads",
        section="country",
        title="{country} per million people, at {year}: {basis}, {precision}, {unit}",
        says="Countries by capacity that stands there per million people, with intervals; the chosen one stands out.",
        rows=_heads(pages, cube),
        follows=("basis", "precision", "year"),
        amounts=(*AMOUNTS, "per_product"),
        order="mean",
        columns=(
            Column("Country", "name"),
            Column("Median per million people", "p50", "amount"),
            Column("5 to 95 %", "p5:p95", "interval"),
            Column("Median per billion dollars of product", "per_product", "amount"),
        ),
        spec=_heads_spec(),
        source="flopcensus: the census by territory; people and product of the World Bank, as in configs/country_figures.csv.",
        caveats=(
            "Countries with a page in this study and a known number of people. People and product are of their "
            "last year, at every date.",
        ),
    )


def _heads(pages: Countries, cube: Cube) -> Rows:
    people, product = _weights(pages)
    names = {country.code: country.name for country in pages.countries}
    columns, shown = dict(cube.columns), counted(cube)
    rows = []
    for n, (level, code) in enumerate(zip(columns["level"], columns["code"], strict=True)):
        if level != "territory" or code not in people or not shown(n):
            continue
        view = {
            "basis": columns["basis"][n],
            "precision": columns["precision"][n],
            "year": columns["as_of"][n],
        }
        amounts = {key: float(f"{columns[key][n] / people[code]:.4g}") for key in AMOUNTS}
        dollars = float(f"{columns['p50'][n] / product[code]:.4g}") if code in product else None
        rows.append({**view, "code": code, "name": names[code], **amounts, "per_product": dollars})
    return Rows.of("country_heads", rows)


def _weights(pages: Countries) -> tuple[dict[str, float], dict[str, float]]:
    """Return millions of people and billions of dollars: what the pages divided by."""
    people: dict[str, float] = {}
    product: dict[str, float] = {}
    for country in pages.countries:
        head = country.headline
        if country.members:
            continue
        if head.per_head and head.per_head.mean:
            people[country.code] = head.capacity.mean / head.per_head.mean / _PEOPLE
        if head.per_gdp_usd and head.per_gdp_usd.mean:
            product[country.code] = head.capacity.mean / head.per_gdp_usd.mean / _DOLLARS
    return people, product


def _heads_spec() -> Spec:
    chosen = {"condition": {"test": "datum.code == country", "value": 0.9}, "value": 0.35}
    return vega_lite(
        height={"step": 19},
        encoding={"y": in_rows("name")},
        layer=[
            {
                "mark": {"type": "bar", "height": 11},
                "encoding": {
                    "x": {
                        "field": "p50",
                        "type": "quantitative",
                        "axis": amount_axis(),
                        "title": "{unit} per million people",
                    },
                    "opacity": chosen,
                },
            },
            interval_line(),
        ],
    )
