"""Whose clusters are: the shares of their holders on each level."""

from __future__ import annotations

from typing import Any

from flopcensus.report.document.results import Comparison
from flopcensus.report.figures.clusters.capacity import HYPOTHETICAL, SOURCE
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec
from flopcensus.report.figures.headings import leaving_room, row_words, under_headings
from flopcensus.report.figures.marks import GREY, interval_line
from flopcensus.report.words import level_name

_FIRST_LEVEL = "vendor_nation"


def origin_figures(comparison: Comparison) -> tuple[Figure, ...]:
    """Return the shares of holders by basis and level; none where no cluster says whose it is."""
    rows = _holders(comparison)
    if not len(rows):
        return ()
    levels = list(dict.fromkeys(rows.columns["level"]))
    # where the control asks for a level that clusters do not have
    levels.sort(key=lambda level: level != _FIRST_LEVEL)
    return (
        Figure(
            id="cluster-origin",
            section="clusters",
            title=f"Origin of the clusters by {{level}}: {{basis}}, {comparison.precision} dense",
            says="For each cluster a bar a holder, of its share; lines run from the 5th to the 95th percentile.",
            rows=rows,
            follows=("basis", "level"),
            only={
                "basis": tuple(dict.fromkeys(rows.columns["basis"])),
                "level": tuple(levels),
                "precision": (comparison.precision,),
            },
            columns=(
                Column("Cluster", "head"),
                Column("Holder", "name"),
                Column("Share", "share", "share"),
                Column("5 to 95 %", "share_p5:share_p95", "share_interval"),
            ),
            spec=_shares(),
            source=SOURCE,
            caveats=(
                HYPOTHETICAL,
                "A name such as “A or B” means that sources name both and not how much is whose.",
                "Clusters know the levels from who makes an accelerator on; for others, such as the territory, the "
                f"{level_name(levels[0])} is shown.",
            ),
            empty="This comparison holds no origin on {basis}.",
        ),
    )


def _holders(comparison: Comparison) -> Rows:
    rows: list[dict[str, Any]] = []
    for cluster in comparison.clusters:
        for basis, levels in cluster.origin.items():
            for level, holders in levels.items():
                ordered = sorted(holders, key=lambda one: (one.code == "unknown", -one.share, one.name))
                rows += [
                    {
                        "basis": basis,
                        "level": level,
                        "head": cluster.name,
                        "slot": slot,
                        "code": one.code,
                        "name": one.name,
                        "share": one.share,
                        "share_p5": one.share_p5,
                        "share_p95": one.share_p95,
                    }
                    for slot, one in enumerate(ordered, 1)
                ]
    return Rows.of("cluster_origin", rows)


def _shares() -> Spec:
    words = "(datum.share < 0.0005 ? 'under 0.1 %' : format(100 * datum.share, '.1f') + ' %') + ' · ' + datum.name"
    return under_headings(
        {
            "mark": {"type": "bar", "height": 13, "opacity": 0.55},
            "encoding": {
                "x": {
                    "field": "share",
                    "type": "quantitative",
                    "title": "share of capacity",
                    "scale": {"domain": [0, 1], **leaving_room()},
                    "axis": {"format": ".0%", "values": [0, 0.5, 1]},
                },
                "color": {
                    "condition": {"test": "datum.code == 'unknown'", "value": GREY},
                    "field": "name",
                    "type": "nominal",
                    "sort": None,
                    "legend": None,
                },
            },
        },
        interval_line("share_p5", "share_p95", tooltip=None),
        row_words("share_p95"),
        transform=[{"calculate": words, "as": "words"}],
    )
