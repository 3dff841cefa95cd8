"""Whose a country's capacity is at every level, and what others could stop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from accounting.accounts.levels import MEANING
from flopcensus.report.document.countries import Countries, Country
from flopcensus.report.document.parts import ShareSpread
from flopcensus.report.figures.country.words import named, none_of, view_of
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import (
    grey_last,
    in_rows,
    interval_line,
    names_above,
    share_axis,
    share_words,
    words_at_right,
)
from flopcensus.report.words import level_name, share

_SOURCE = "flopcensus: the study's page of each country (flopcensus brief), with the draws of the study."
_ALL = "all levels at once"


def profile_figure(pages: Countries) -> Figure:
    """Return the country's own share on every level, and on all at once."""
    rows = [row for country in pages.countries for row in _levels(country, pages.names)]
    return Figure(
        id="country-profile",
        section="country",
        title=f"{{country}}’s own share, level by level, {view_of(pages)}",
        says="A bar a level, from owner to packaging: domestic, then what is not known or of one of several, then "
        "foreign; the line under the bar is the interval of the domestic share, which stands at the right.",
        rows=Rows.of("country_levels", rows),
        follows=("country",),
        columns=(
            Column("Level", "words"),
            Column("Domestic", "domestic", "share"),
            Column("5 to 95 %", "p5:p95", "share_interval"),
            Column("Domestic at most", "high", "share"),
            Column("Not known", "unknown", "share"),
            Column("Foreign", "foreign", "share"),
            Column("Largest foreign nation", "largest"),
            Column("Chance that it is the weakest level", "weakest", "share"),
            Column("Grade", "grade"),
        ),
        spec=_profile_spec(),
        source=_SOURCE + " Levels after Hawkins, Lehdonvirta and Wu (2025), and deeper ones.",
        caveats=(
            "These figures stay on the study's last basis, its precision and its date: of the controls, only "
            "the country moves them.",
            "“All levels at once” counts a chip only where every level is domestic; grey is what could be "
            "domestic and is not known.",
        ),
        empty=none_of(pages),
    )


def _levels(country: Country, names: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    own = country.profile
    for level in country.levels:
        largest = max(level.nations.items(), key=lambda one: one[1].share, default=None)
        said = f"{named(largest[0], names)}, {share(largest[1].share)}" if largest else ""
        yield {
            "words": f"{level_name(level.level)}: {MEANING.get(level.level, level.level)}",
            **_bar(country, level.domestic, level.domestic_high, f"domestic_{level.level}"),
            "unknown": level.unknown.share,
            "largest": said,
            "weakest": level.probability_weakest,
        }
    yield {
        "words": _ALL,
        **_bar(country, own.all_levels_domestic, own.all_levels_domestic_high, "all_levels_domestic"),
        "unknown": None,
        "largest": "",
        "weakest": None,
    }


def _bar(country: Country, low: ShareSpread, high: ShareSpread, figure: str) -> dict[str, Any]:
    grade = country.grades.get(figure)
    return {
        "country": country.code,
        "domestic": low.share,
        "p5": low.p5,
        "p95": low.p95,
        "high": max(high.share, low.share),
        "foreign": max(1.0 - max(high.share, low.share), 0.0),
        "grade": grade.grade if grade else None,
    }


def _profile_spec() -> Spec:
    parts = (("domestic", "zero", "domestic"), ("not known", "domestic", "high"), ("foreign", "high", "one"))
    x = {
        "type": "quantitative",
        "scale": {"domain": [0, 1], "nice": False},
        "axis": share_axis(),
        "title": "share of what stands there",
    }
    legend = {"title": None, "values": [name for name, _, _ in parts]}
    domain = grey_last(["domestic", "foreign"], "not known")
    bars = [
        {
            "mark": {"type": "bar", "height": 18, "opacity": 0.6},
            "encoding": {
                "x": x | {"field": start},
                "x2": {"field": end},
                "color": {"datum": name, "type": "nominal", "scale": {"domain": domain}, "legend": legend},
            },
        }
        for name, start, end in parts
    ]
    return vega_lite(
        height={"step": 42},
        transform=[
            {"calculate": "0", "as": "zero"},
            {"calculate": "1", "as": "one"},
            {"calculate": share_words("domestic"), "as": "said"},
        ],
        encoding={"y": in_rows("words", named=False)},
        layer=[names_above("words", 10), words_at_right("said"), *bars, interval_line(yOffset=12)],
    )


def exposure_figure(pages: Countries) -> Figure:
    """Return what each foreign nation could switch off, and what it could stop from growing."""
    kinds = (("stop_now", "switch off now"), ("stop_growth", "stop from growing"))
    rows: list[dict[str, Any]] = []
    for country in pages.countries:
        for one in country.profile.exposures:
            if max(one.stop_now.p95, one.stop_growth.p95) <= 0:
                continue
            for key, words in kinds:
                found: ShareSpread = getattr(one, key)
                row = {"country": country.code, "code": one.nation, "nation": named(one.nation, pages.names)}
                rows.append(row | {"can": words, "share": found.share, "p5": found.p5, "p95": found.p95})
    return Figure(
        id="country-exposure",
        section="country",
        title=f"{{country}}: what others could stop, {view_of(pages)}",
        says="Two bars a nation: the share that its firms own or operate, and could switch off now, and the share "
        "whose chips, dies, memory or packages its firms make, and could stop from growing; with intervals.",
        rows=Rows.of("country_exposure", rows),
        follows=("country",),
        columns=(
            Column("Nation", "nation"),
            Column("Could", "can"),
            Column("Share", "share", "share"),
            Column("5 to 95 %", "p5:p95", "share_interval"),
        ),
        spec=_exposure_spec([words for _, words in kinds]),
        source=_SOURCE,
        caveats=(
            "A union over the levels of each kind: a site may be exposed at several. What could be done is not "
            "what is likely to be done.",
            "What is not known, or of one of several nations, is in no nation's bar: bars are lower bounds.",
        ),
        empty=none_of(pages),
    )


def _exposure_spec(kinds: list[str]) -> Spec:
    return vega_lite(
        height={"step": 17, "for": "offset"},
        transform=[{"calculate": share_words("share"), "as": "said"}],
        encoding={"y": in_rows("nation"), "yOffset": {"field": "can", "type": "nominal", "sort": kinds}},
        layer=[
            words_at_right("said"),
            {
                "mark": {"type": "bar", "opacity": 0.55},
                "encoding": {
                    "x": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {"domain": [0, 1], "nice": False},
                        "axis": share_axis(),
                        "title": "share of what stands there",
                    },
                    "color": {
                        "field": "can",
                        "type": "nominal",
                        "scale": {"domain": kinds},
                        "legend": {"title": None, "columns": 2},
                    },
                },
            },
            interval_line(),
        ],
    )
