"""Power, cost, carbon, water, sovereignty and export rules of clusters side by side."""

from __future__ import annotations

from collections.abc import Sequence

from flopcensus.report.blocks.charts import Measure, bar_chart
from flopcensus.report.blocks.layout import Block, Cell, Chart, Key, Table, columns, row
from flopcensus.report.document.results import Cluster, ClusterMetric, Comparison, Difference
from flopcensus.report.words import AS_STATED, NOT_AVAILABLE, between, level_name, share, shares
from flopcensus.tables.compare import figure

# (id, title, metrics of one unit)
_CHARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("power", "Power at the meter", ("facility_full_load_w", "facility_power_w")),
    ("cost", "Cost a year", ("cost_usd_per_year", "electricity_usd_per_year")),
    ("levelised", "Levelised cost of 10²¹ FLOP delivered", ("levelised_usd_per_1e21_flop",)),
    ("carbon", "Carbon a year", ("carbon_kg_per_year", "operational_carbon_kg_per_year")),
)


def blocks(comparison: Comparison) -> tuple[Block, ...]:
    """Return what the document holds of it; older documents hold none."""
    clusters = comparison.clusters
    names = list(dict.fromkeys(name for c in clusters for name in c.metrics))
    found: list[Block] = []
    if names:
        charts = [_chart(comparison, *each) for each in _CHARTS]
        found.append(
            Block(
                "economics",
                "Power, cost, carbon and water",
                ("Power in training rests on measured nodes; docs/planning.md has the models and defaults.",),
                tuple(chart for chart in charts if chart is not None),
                (_table(clusters, names),),
            )
        )
    if any(c.sovereignty for c in clusters):
        found.append(Block("sovereignty", "Sovereignty and concentration", (), (), (_sovereignty(clusters),)))
    if any(rule.reached for c in clusters for rule in c.export_rules):
        sentence = "Not legal advice. A rule that was not in force then says what it would have asked."
        found.append(Block("exports", "Export rules", (sentence,), (), (_exports(clusters),)))
    return tuple(found)


def quantity_of(difference: Difference, comparison: Comparison) -> str:
    """Name the quantity that two clusters differ in, as ``delivered bf16`` or ``cost a year``."""
    if difference.metric == "capacity":
        return " ".join(filter(None, (difference.basis, difference.precision)))
    known = (c.metrics.get(difference.metric) for c in comparison.clusters)
    return next((metric.label for metric in known if metric), difference.metric)


def _chart(comparison: Comparison, id: str, title: str, names: Sequence[str]) -> Chart | None:
    clusters = comparison.clusters
    groups = []
    for name in names:
        measures = [_measure(c.metrics[name], n) for n, c in enumerate(clusters) if name in c.metrics]
        if measures:
            label = next(c.metrics[name].label for c in clusters if name in c.metrics)
            groups.append((label, measures))
    if not groups:
        return None
    unit = next(c.metrics[name].unit for name in names for c in clusters if name in c.metrics)
    keys = tuple(Key(n, cluster.name, str(n + 1)) for n, cluster in enumerate(clusters))
    described = "; ".join(f"{label}: {', '.join(m.text for m in measures)}" for label, measures in groups)
    return Chart(
        f"economics-{id}-chart",
        title,
        f"Bars to the median, lines from the 5th to the 95th percentile. {described}.",
        "series",
        keys,
        bars=bar_chart(groups, lambda value: figure(value, unit) if value else "0", numbered=True),
    )


def _measure(metric: ClusterMetric, series: int) -> Measure:
    return Measure(metric.p50, metric.p5, metric.p95, figure(metric.p50, metric.unit), series)


def _table(clusters: Sequence[Cluster], names: Sequence[str]) -> Table:
    rows = []
    for name in names:
        label = next(c.metrics[name].label for c in clusters if name in c.metrics)
        rows.append(row(label, *(_cell(c.metrics.get(name)) for c in clusters)))
    heads = columns("Figure", *(c.name for c in clusters), figures=len(clusters))
    caption = "Clusters side by side: median, and 5th to 95th percentile below it."
    return Table("economics-table", caption, heads, tuple(rows))


def _cell(metric: ClusterMetric | None) -> Cell:
    if metric is None:
        return Cell(NOT_AVAILABLE)
    ends = (figure(metric.p5, metric.unit), figure(metric.p95, metric.unit))
    return Cell(figure(metric.p50, metric.unit), AS_STATED if metric.p5 == metric.p95 else between(*ends))


def _sovereignty(clusters: Sequence[Cluster]) -> Table:
    rows = []
    for c in clusters:
        if c.sovereignty is None:
            continue
        joint = c.sovereignty.joint
        domestic = Cell(share(joint.share), shares(joint.p5, joint.p95))
        rows.append(row(c.name, "domestic at all levels at once", domestic))
        rows.append(row(c.name, "least domestic at", level_name(c.sovereignty.weakest)))
        rows += [row(c.name, f"HHI by {level_name(k)}", f"{v.hhi:,.0f}") for k, v in c.concentration.items()]
    heads = columns("Cluster", "Of", "Figure", figures=1)
    return Table(
        "sovereignty-table", "Sovereignty and concentration of the clusters", heads, tuple(rows), heads=2
    )


def _exports(clusters: Sequence[Cluster]) -> Table:
    rows = tuple(
        row(
            c.name, rule.rule, "in force" if rule.in_force else "not in force then", rule.found, rule.citation
        )
        for c in clusters
        for rule in c.export_rules
        if rule.reached
    )
    heads = columns("Cluster", "Rule", "When it comes into service", "Class", "Citation")
    return Table("exports-table", "What export rules make of the clusters", heads, rows, heads=2)
