"""Hypothetical clusters side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from flopcensus.output import percent
from flopcensus.report.blocks import economics
from flopcensus.report.blocks.charts import Measure, Part, bar_chart, stack_chart
from flopcensus.report.blocks.layout import Block, Cell, Chart, Key, Table, columns, row
from flopcensus.report.document.parts import Spread
from flopcensus.report.document.results import Cluster, Comparison, Row
from flopcensus.report.words import (
    NOT_AVAILABLE,
    amount,
    level_name,
    listed,
    ratios,
    share,
    shares,
    spread,
    tick,
)


def standing(comparison: Comparison) -> str:
    """Say which of the clusters exist."""
    real = [cluster.name for cluster in comparison.clusters if not cluster.hypothetical]
    if not real:
        return "These clusters are hypothetical: none of them exists, and none enters the totals above."
    return f"Hypothetical, but for {listed(real)}. None enters the totals above."


def blocks(comparison: Comparison) -> tuple[Block, ...]:
    """Return capacity, origin, economics, export rules and differences."""
    if not comparison.clusters:
        return ()
    return (
        _capacity(comparison),
        *_origins(comparison),
        *economics.blocks(comparison),
        *_differences(comparison),
    )


def _bases(comparison: Comparison) -> list[str]:
    return list(dict.fromkeys(basis for c in comparison.clusters for basis in c.capacity))


def _keys(comparison: Comparison) -> tuple[Key, ...]:
    return tuple(Key(n, cluster.name, str(n + 1)) for n, cluster in enumerate(comparison.clusters))


def _capacity(comparison: Comparison) -> Block:
    clusters = comparison.clusters
    unit = clusters[0].unit
    groups = [
        (
            basis,
            [
                _measure(c.capacity[basis], place, c.unit)
                for place, c in enumerate(clusters)
                if basis in c.capacity
            ],
        )
        for basis in _bases(comparison)
    ]
    described = "; ".join(
        f"{c.name}: " + ", ".join(f"{b} {amount(q.p50, c.unit)}" for b, q in c.capacity.items())
        for c in clusters
    )
    chart = Chart(
        "clusters-chart",
        f"Capacity of the clusters, {comparison.precision} dense",
        f"Bars to the median, lines from the 5th to the 95th percentile. {described}.",
        "series",
        _keys(comparison),
        bars=bar_chart(groups, lambda value: tick(value, unit), numbered=True),
    )
    return Block("clusters-capacity", "Capacity and power", (), (chart,), (_capacity_table(comparison),))


def _measure(q: Spread, series: int, unit: str) -> Measure:
    return Measure(q.p50, q.p5, q.p95, amount(q.p50, unit), series)


def _capacity_table(comparison: Comparison) -> Table:
    clusters = comparison.clusters

    def line(label: str, cell: Callable[[Cluster], Cell]) -> tuple[Cell, ...]:
        return row(label, *(cell(cluster) for cluster in clusters))

    rows = [
        row(basis, *(_cell(c.capacity.get(basis), c.unit) for c in clusters)) for basis in _bases(comparison)
    ]
    rows.append(line("accelerators", lambda c: Cell(f"{c.accelerators:,.0f}")))
    rows.append(line("IT power", lambda c: _cell(c.it_power_w, "W")))
    rows.append(line("facility power", lambda c: _cell(c.facility_power_w, "W")))
    names = [c.name + (" (hypothetical)" if c.hypothetical else "") for c in clusters]
    caption = (
        f"Clusters side by side, {comparison.precision} dense: median, and 5th to 95th percentile below it. "
        f"Power is {NOT_AVAILABLE} where the maker publishes none for an accelerator."
    )
    return Table("clusters-table", caption, columns("Quantity", *names, figures=len(names)), tuple(rows))


def _cell(q: Spread | None, unit: str) -> Cell:
    return Cell(amount(q.p50, unit), spread(q, unit)) if q else Cell(NOT_AVAILABLE)


def _origins(comparison: Comparison) -> list[Block]:
    """Return a block a level of origin, on the last basis that all clusters have."""
    shared = [b for b in _bases(comparison) if all(b in c.origin for c in comparison.clusters)]
    if not shared:
        return []
    basis = shared[-1]
    levels = dict.fromkeys(level for c in comparison.clusters for level in c.origin[basis])
    return [_origin(comparison, basis, level, place) for place, level in enumerate(levels)]


def _origin(comparison: Comparison, basis: str, level: str, place: int) -> Block:
    per_cluster = [(c, c.origin[basis].get(level, ())) for c in comparison.clusters]
    holders = _holders(rows for _, rows in per_cluster)
    series = {code: n for n, code in enumerate(holders)}
    stacks = [(c.name, [_part(r, series[r.code]) for r in rows]) for c, rows in per_cluster]
    described = "; ".join(f"{label}: {', '.join(part.words for part in parts)}" for label, parts in stacks)
    name = level_name(level)
    chart = Chart(
        f"origin-{place}-chart",
        f"Shares of {basis} capacity",
        f"By {name}. {described}.",
        "series",
        tuple(Key(n, holders[code], str(n + 1)) for code, n in series.items()),
        stacks=stack_chart(stacks),
    )
    rows = tuple(
        row(c.name, r.name, share(r.share), shares(r.share_p5, r.share_p95))
        for c, rows in per_cluster
        for r in rows
    )
    heads = columns("Cluster", name.capitalize(), "Share", "Share, 5 to 95 %", figures=2)
    table = Table(f"origin-{place}-table", f"Share of {basis} capacity by {name}", heads, rows, heads=2)
    return Block(f"origin-{place}", f"Origin by {name}", (), (chart,), (table,))


def _part(found: Row, series: int) -> Part:
    return Part(found.share, series, str(series + 1), f"{found.name} {share(found.share)}")


def _holders(tables: Iterable[Sequence[Row]]) -> dict[str, str]:
    """Return names by code, in order of appearance."""
    return {holder.code: holder.name for rows in tables for holder in rows}


def _differences(comparison: Comparison) -> list[Block]:
    if not comparison.differences:
        return []
    names = {c.id: c.name for c in comparison.clusters}
    rows = tuple(
        row(
            f"{names.get(d.a, d.a)} ÷ {names.get(d.b, d.b)}",
            economics.quantity_of(d, comparison),
            f"{d.ratio.p50:.2f}",
            ratios(d.ratio),
            percent(d.probability_a_more),
        )
        for d in comparison.differences
    )
    heads = columns("Ratio", "Of", "Median", "5 to 95 %", "Chance that the first has more", figures=3)
    table = Table("differences-table", "How the clusters differ", heads, rows, heads=2)
    sentence = "All clusters use the same draws, so that what they share does not blur the difference."
    return [Block("differences", "Differences", (sentence,), (), (table,))]
