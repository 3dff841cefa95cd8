"""A country's aims and how far it is from each; grades of its figures."""

from __future__ import annotations

from typing import Any

from flopcensus.report.document.countries import Countries, Stated, Target
from flopcensus.report.figures.country.words import none_of, view_of
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import in_rows, interval_line, names_above, share_axis, words_at_right
from flopcensus.report.words import host, level_name

_FIGURES = {
    "domestic": "capacity, domestic account",
    "national": "capacity, national account",
    "share_of_world": "share of the world",
    "per_head": "capacity per head",
    "largest_site": "largest site",
    "all_levels_domestic": "domestic at all levels",
}
_KINDS = ("grade", "by kind", "by spread")


def targets_figure(pages: Countries) -> Figure:
    """Return how much of each aim is reached; aims without a comparable capacity say why."""
    rows: list[dict[str, Any]] = []
    for country in pages.countries:
        rows += [{"country": country.code, **_target(one)} for one in country.targets]
        for aim, reason in country.targets_not_comparable.items():
            rows.append({"country": country.code, **_not_comparable(aim, reason)})
    return Figure(
        id="country-targets",
        section="country",
        title=f"{{country}}’s aims, {view_of(pages)}",
        says="A point an aim at the share of it that is reached, with its interval; the stroke stands at all of it. "
        "Aims that state no capacity say so.",
        rows=Rows.of("country_targets", rows),
        follows=("country",),
        columns=(
            Column("Aim", "name"),
            Column("By", "by", "date"),
            Column("State", "state"),
            Column("Reached", "p50", "share"),
            Column("5 to 95 %", "p5:p95", "share_interval"),
            Column("Chance, at the world's growth", "probability", "share"),
            Column("Aim in FLOP/s", "target", "amount", "FLOP/s"),
            Column("Read as", "reading"),
            Column("Known", "kind"),
            Column("Source", "host:source", "link"),
        ),
        spec=_aims(),
        source="flopcensus: programmes as their sources state them, read as capacity where they state one.",
        caveats=(
            "The chance is that of reaching the aim by its day at the world's growth; where the day has passed, "
            "that of having reached it.",
            "This figure stays on the study's own view; aims and what is reached are both valued on its basis.",
        ),
        empty=f"No aim of {{country}} is known. {none_of(pages)}",
    )


def _target(one: Target) -> dict[str, Any]:
    target = one.target.best if isinstance(one.target, Stated) else one.target
    return {
        "name": one.name,
        "aim": f"{one.programme}/{one.aim}",
        "words": f"{one.by}, {one.state.replace('_', ' ')}: {one.name}",
        "by": one.by,
        "state": one.state.replace("_", " "),
        **{key: getattr(one.reached, key) for key in ("p5", "p50", "p95")},
        "probability": one.probability,
        "target": target,
        "reading": one.reading,
        "kind": one.kind,
        "host": host(one.source),
        "source": one.source,
    }


def _not_comparable(aim: str, reason: str) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("by", "state", "p5", "p50", "p95", "probability", "target", "kind", "host", "source")
    )
    return {"name": aim, "aim": aim, "words": f"{aim}: {reason}", **empty, "reading": reason}


def _aims() -> Spec:
    said = (
        "!isValid(datum.p50) ? 'not comparable' : datum.p50 > 10 ? format(datum.p50, '.0f') + ' ×' : "
        "format(100 * datum.p50, '.0f') + ' %'"
    )
    at = {"type": "quantitative", "title": "share of the aim that is reached", "axis": share_axis()}
    known = [{"filter": "isValid(datum.p50)"}]
    return vega_lite(
        height={"step": 40},
        transform=[{"calculate": said, "as": "said"}],
        encoding={"y": in_rows("aim", named=False)},
        layer=[
            names_above("words"),
            words_at_right("said"),
            {
                "transform": [*known, {"calculate": "1", "as": "all"}],
                "mark": {"type": "tick", "thickness": 2, "height": 16},
                "encoding": {"x": at | {"field": "all"}},
            },
            {"transform": known, **interval_line()},
            {
                "transform": known,
                "mark": {"type": "point", "opacity": 1, "size": 70},
                "encoding": {"x": {"field": "p50", "type": "quantitative"}},
            },
        ],
    )


def grades_figure(pages: Countries) -> Figure:
    """Return the quality grades of a country's figures."""
    rows = [
        {
            "country": country.code,
            "figure": _FIGURES.get(name) or f"domestic: {level_name(name.removeprefix('domestic_'))}",
            "grade": one.grade,
            "by kind": one.by_kind,
            "by spread": one.by_spread,
        }
        for country in pages.countries
        for name, one in sorted(country.grades.items(), key=lambda pair: pair[0] not in _FIGURES)
    ]
    return Figure(
        id="country-grades",
        section="country",
        title=f"{{country}}: grades of its figures, {view_of(pages)}",
        says="A grade from A, the best, to D for each figure: the worse of one by how it is known and one by how "
        "wide its interval is.",
        rows=Rows.of("country_grades", rows),
        follows=("country",),
        columns=(
            Column("Figure", "figure"),
            Column("Grade", "grade"),
            Column("By how it is known", "by kind"),
            Column("By its spread", "by spread"),
        ),
        spec=_letters(),
        source="flopcensus: a convention of its own (docs/accounts.md).",
        caveats=(
            "By kind: A, three quarters or more measured or published; B, with what is reported; C, half or more "
            "of anything but assumed; D, the rest. By spread, the 95th percentile ÷ the 5th: A up to 1.25, B up "
            "to 2, C up to 4, D beyond.",
            "A grade speaks of what is counted; it knows nothing of what nobody has located.",
        ),
        empty=none_of(pages),
    )


def _letters() -> Spec:
    shade = {"domain": ["A", "B", "C", "D"], "range": [0.55, 0.36, 0.2, 0.08]}
    return vega_lite(
        height={"step": 24},
        transform=[{"fold": list(_KINDS), "as": ["what", "letter"]}],
        encoding={
            "y": in_rows("figure") | {"axis": {"labelLimit": 210}},
            "x": {
                "field": "what",
                "type": "nominal",
                "sort": list(_KINDS),
                "title": None,
                "axis": {"orient": "top", "labelAngle": 0, "domain": False, "ticks": False},
            },
        },
        layer=[
            {
                "mark": {"type": "rect", "xOffset": 1, "x2Offset": -1, "yOffset": 1, "y2Offset": -1},
                "encoding": {
                    "fillOpacity": {
                        "field": "letter",
                        "type": "ordinal",
                        "scale": shade,
                        "legend": None,
                    }
                },
            },
            {
                "mark": {"type": "text", "fontWeight": 600},
                "encoding": {"text": {"field": "letter", "type": "nominal"}},
            },
        ],
    )
