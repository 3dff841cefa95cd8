"""What a country's figures rest on: its facilities by capacity, and every deployment with its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flopcensus.report.document.countries import Countries, CountryFacility
from flopcensus.report.document.results import Facility, Range
from flopcensus.report.figures.country.words import none_of, view_of
from flopcensus.report.figures.figure import AMOUNTS, Column, Figure, Rows, Spec, vega_lite
from flopcensus.report.figures.marks import (
    amount_axis,
    in_rows,
    interval_line,
    names_above,
    share_words,
    words_at_right,
)
from flopcensus.report.words import AS_STATED, host

MOST = 12
_PLANNED = frozenset({"under_construction", "contracted", "announced"})
_STANDS = ("operational", "planned", "gone or never built")


def sites_figure(pages: Countries) -> Figure:
    """Return a country's largest facilities by capacity."""
    own = {"basis": pages.basis, "precision": pages.precision}
    rows = [
        {"country": country.code, **own, **_site(one)}
        for country in pages.countries
        for one in country.facilities
    ]
    return Figure(
        id="country-sites",
        section="country",
        title=f"{{country}}’s largest facilities, {view_of(pages)}, {{unit}}",
        says="Bars to the median of each facility, with intervals, largest first; at the right the share of what "
        "stands in the country.",
        rows=Rows.of("country_sites", rows),
        follows=("country",),
        amounts=AMOUNTS,
        order="mean",
        most=MOST,
        columns=(
            Column("Facility", "name"),
            Column("Owners", "owners"),
            Column("Accelerators", "accelerators"),
            Column("Median", "p50", "amount"),
            Column("5 to 95 %", "p5:p95", "interval"),
            Column("Share", "share", "share"),
            Column("Share of the variance", "spread", "share"),
            Column("Known", "kinds"),
            Column("First source", "host:source", "link"),
        ),
        spec=_site_bars(),
        source="flopcensus: the study's page of each country; each facility's sources are in the next figure.",
        caveats=(
            f"Up to {pages.facilities_at_most} facilities a country, in operation and valued. This figure stays on "
            "the study's own view.",
        ),
        empty=none_of(pages),
    )


def _site(one: CountryFacility) -> dict[str, Any]:
    batches = one.deployments
    source = one.sources[0] if one.sources else ""
    return {
        "name": one.name,
        "owners": ", ".join(f"{owner.name} ({owner.nation})" for owner in one.owners),
        "accelerators": ", ".join(dict.fromkeys(batch.accelerator for batch in batches)),
        **{key: getattr(one, key) for key in AMOUNTS},
        "share": one.share,
        "spread": max(one.share_of_variance, 0.0),
        "kinds": ", ".join(dict.fromkeys(batch.kind for batch in batches)),
        "host": host(source),
        "source": source,
    }


def _site_bars() -> Spec:
    size = {"field": "p50", "type": "quantitative", "axis": amount_axis(), "title": "{unit}"}
    return vega_lite(
        height={"step": 36},
        transform=[{"calculate": share_words("share"), "as": "said"}],
        encoding={"y": in_rows("name", named=False)},
        layer=[
            names_above("name", 7),
            words_at_right("said"),
            {"mark": {"type": "bar", "opacity": 0.55, "height": 11}, "encoding": {"x": size}},
            interval_line(),
        ],
    )


def deployments_figure(facilities: Sequence[Facility]) -> Figure:
    """Return every deployment of the census, whatever its status, with its source."""
    rows = [_deployment(one) for one in facilities]
    return Figure(
        id="country-census",
        section="country",
        title="Every deployment in {country} with its source, in accelerators",
        says="Bars to the stated count of each deployment, with the range of what is uncertain; what is planned has "
        "another colour. The table gives the source of each.",
        rows=Rows.of("country_census", rows),
        follows=("country",),
        order="best",
        most=MOST,
        columns=(
            Column("Facility", "facility"),
            Column("Owners", "owners"),
            Column("Accelerator", "accelerator"),
            Column("Count", "best", "number"),
            Column("5 to 95 %", "interval:low", "worded"),
            Column("In service", "in_service", "date"),
            Column("Status", "status"),
            Column("Known", "kind"),
            Column("Source", "host:source", "link"),
        ),
        spec=_counts(),
        source="flopcensus: the census of the study; each row names its own source.",
        caveats=(
            "The whole census, whatever the date: planned and retired deployments are in it, and no basis or "
            "precision is. A count that is not stated is not drawn.",
            "Accelerators of different models are not alike: counts say little of capacity.",
        ),
        empty="The census has nothing that stands in {country}.",
    )


def _deployment(one: Facility) -> dict[str, Any]:
    low, best, high = _range(one.count)
    return {
        "country": one.territory,
        "facility": one.facility,
        "owners": ", ".join(one.owners),
        "accelerator": one.accelerator,
        "low": low,
        "best": best,
        "high": high,
        "interval": _interval(low, high),
        "in_service": one.in_service,
        "status": one.status.replace("_", " "),
        "stands": _stands(one.status),
        "kind": one.kind,
        "host": host(one.source),
        "source": one.source,
    }


def _stands(status: str) -> str:
    """Return whether a deployment operates, is planned, or neither."""
    if status in _PLANNED:
        return "planned"
    return "operational" if status == "operational" else "gone or never built"


def _range(count: float | Range | None) -> tuple[float | None, float | None, float | None]:
    if isinstance(count, Range):
        return count.low, count.best, count.high
    return count, count, count


def _interval(low: float | None, high: float | None) -> str | None:
    if low is None or high is None:
        return None
    return AS_STATED if low == high else f"{low:,.0f} to {high:,.0f}"


def _counts() -> Spec:
    said = "!isValid(datum.best) ? 'not stated' : datum.best == 0 ? 'none' : format(datum.best, '.3~s')"
    return vega_lite(
        height={"step": 36},
        transform=[
            {"calculate": "datum.facility + ': ' + datum.accelerator", "as": "words"},
            {"window": [{"op": "row_number", "as": "row"}]},
            {"calculate": said, "as": "said"},
        ],
        encoding={"y": {"field": "row", "type": "ordinal", "axis": None}},
        layer=[
            names_above("words", 7),
            words_at_right("said"),
            {
                "mark": {"type": "bar", "opacity": 0.55, "height": 11},
                "encoding": {
                    "x": {
                        "field": "best",
                        "type": "quantitative",
                        "axis": amount_axis(),
                        "title": "accelerators",
                    },
                    "color": {
                        "field": "stands",
                        "type": "nominal",
                        "scale": {"domain": list(_STANDS)},
                        "legend": {"title": None, "columns": 2},
                    },
                },
            },
            {
                "transform": [{"filter": "isValid(datum.low) && datum.high > datum.low"}],
                **interval_line("low", "high"),
            },
        ],
    )
