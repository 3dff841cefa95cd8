"""What export rules make of clusters: a grid of rules and clusters."""

from __future__ import annotations

from typing import Any

from flopcensus.report.document.results import ClusterRule, Comparison
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, label_room, vega_lite
from flopcensus.report.figures.marks import GREY

_REACHED, _NOT_REACHED = "reached", "not reached"
_NOT_THEN = ", rule not in force then"


def export_figures(comparison: Comparison) -> tuple[Figure, ...]:
    """Return the grid; none where no cluster was held against a rule."""
    rows = [_row(c.name, rule) for c in comparison.clusters for rule in c.export_rules]
    if not rows:
        return ()
    return (
        Figure(
            id="cluster-exports",
            section="clusters",
            title="Which export rules reach the clusters",
            says="A grid of clusters and rules: coloured where a rule reaches a cluster, faint where the rule is not "
            "in force when the cluster comes into service.",
            rows=Rows.of("cluster_exports", rows),
            columns=(
                Column("Cluster", "cluster"),
                Column("Rule", "rule"),
                Column("Reached", "state"),
                Column("What it makes of the cluster", "found"),
                Column("Citation", "citation"),
            ),
            spec=_grid(len(comparison.clusters)),
            source="flopcensus: the rules of configs/export_rules.yaml, each with its citation.",
            caveats=(
                "Not legal advice. A rule reaches a cluster where it stops what the cluster needs, or asks a licence "
                "for it.",
                "A rule that is not in force then says what it would have asked.",
            ),
        ),
    )


def _row(cluster: str, rule: ClusterRule) -> dict[str, Any]:
    reached = _REACHED if rule.reached else _NOT_REACHED
    return {
        "cluster": cluster,
        "rule": rule.rule,
        "state": reached if rule.in_force else reached + _NOT_THEN,
        "word": "yes" if rule.reached else "no",
        "said": reached if rule.in_force else f"{reached} (not in force)",
        "found": rule.found,
        "citation": rule.citation,
    }


def _grid(clusters: int) -> Spec:
    few = clusters <= 4
    # what the longest words need, beside the names of rules
    wide = 100 + 190 * clusters
    across = {"labelAngle": 0, "labelLimit": {"expr": f"width / {clusters}"}} if few else {"labelAngle": -90}
    faint = {"test": "test(/not in force/, datum.state)", "value": 0.2}
    grey = {"test": "datum.word == 'no'", "value": GREY}
    return vega_lite(
        height={"step": 30},
        transform=[
            {"calculate": f"containerSize()[0] < {wide} ? datum.word : datum.said", "as": "shown"},
        ],
        encoding={
            "x": {
                "field": "cluster",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"orient": "top", "labelLimit": 210, "domain": False, "ticks": False, **across},
            },
            "y": {"field": "rule", "type": "nominal", "sort": None, "title": None, "axis": label_room()},
        },
        layer=[
            {
                "mark": {"type": "rect", "cornerRadius": 3},
                "encoding": {
                    # the second colour of the page
                    "color": {
                        "condition": grey,
                        "field": "word",
                        "type": "nominal",
                        "scale": {"domain": ["no", "yes"]},
                        "legend": None,
                    },
                    "opacity": {
                        "condition": [{"test": "datum.word == 'no'", "value": 0.2}, faint],
                        "value": 0.5,
                    },
                    "tooltip": [
                        {"field": "cluster"},
                        {"field": "rule"},
                        {"field": "state"},
                        {"field": "found", "title": "class"},
                        {"field": "citation"},
                    ],
                },
            },
            {
                "mark": {
                    "type": "text",
                    "baseline": "middle",
                    "limit": {"expr": f"width / {clusters} - 6"},
                    "tooltip": None,
                },
                "encoding": {"text": {"field": "shown", "type": "nominal"}},
            },
        ],
    )
