"""What export rules make of clusters: a grid of rules and clusters."""

from __future__ import annotations

from typing import Any

from flopcensus.report.document import ClusterRule, Comparison
from flopcensus.report.figures.figure import Column, Figure, Rows, Spec, label_room, vega_lite

_REACHED, _NOT_REACHED = "reached", "not reached"
_NOT_THEN = ", rule not in force then"
_STATES = (_REACHED, _REACHED + _NOT_THEN, _NOT_REACHED, _NOT_REACHED + _NOT_THEN)


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
            says="A grid of clusters and rules: yes where a rule reaches a cluster, no where it does not; faint where "
            "the rule is not in force when the cluster comes into service.",
            rows=Rows("cluster_exports", {name: [row[name] for row in rows] for name in rows[0]}),
            columns=(
                Column("Cluster", "cluster"),
                Column("Rule", "rule"),
                Column("Reached", "state"),
                Column("What it makes of the cluster", "found"),
                Column("Citation", "citation"),
            ),
            spec=_grid(),
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
        "found": rule.found,
        "citation": rule.citation,
    }


def _grid() -> Spec:
    faint = {"test": "test(/not in force/, datum.state)", "value": 0.25}
    return vega_lite(
        height={"step": 34},
        encoding={
            "x": {
                "field": "rule",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"orient": "top", "labelAngle": -35, "labelLimit": 110, "domain": False},
            },
            "y": {"field": "cluster", "type": "nominal", "sort": None, "title": None, "axis": label_room()},
        },
        layer=[
            {
                "mark": {"type": "rect", "cornerRadius": 2},
                "encoding": {
                    "color": {
                        "field": "word",
                        "type": "nominal",
                        "scale": {"domain": ["no", "yes"]},
                        "legend": None,
                    },
                    "opacity": {"condition": faint, "value": 0.6},
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
                "mark": {"type": "text", "baseline": "middle", "tooltip": None},
                "encoding": {"text": {"field": "word", "type": "nominal"}},
            },
        ],
    )
