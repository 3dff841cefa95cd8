"""Records of several nodes and repeated runs, pooled: one figure, and two spreads kept apart.

A cluster's nodes share a site, a buyer and an image, so that a hundred of them are one observation of what
the accelerator does, not a hundred: the figure of a pooled measurement is the mean over nodes of each
node's mean over its runs and devices. The spreads are those of a one-way analysis of variance of ln(rate)
with nodes as groups, by the method of moments (Searle, Casella and McCulloch, *Variance Components*, 1992,
ch. 3; n₀ for groups of unequal size): between nodes, the sick ones among them, and within a node, from run
to run and device to device.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from accounting.capacity.efficiency.measurements import Measurement, Spread

_RATES = ("achieved", "achieved_bandwidth")


def pool_nodes(measured: Iterable[tuple[str, Measurement]]) -> tuple[Measurement, ...]:
    """Return one measurement for each accelerator, basis, precision and software, of (node, measurement).

    A single figure stays as it is.
    """
    groups: dict[tuple[object, ...], list[tuple[str, Measurement]]] = defaultdict(list)
    for node, m in measured:
        batch = m.batch.best if m.batch else None
        software = m.software
        key = (m.accelerator, m.basis, m.precision, m.regime, m.metric, batch, software)
        groups[key].append((node, m))
    return tuple(_pooled(rows) for rows in groups.values())


def spread_of(rates: Sequence[Sequence[float]]) -> tuple[float | None, float | None]:
    """Return standard deviations of ln(rate) between groups and within them, None where not to be seen.

    >>> between, within = spread_of([[1.0, 1.0], [2.0, 2.0]])
    >>> round(between, 4), within
    (0.4901, 0.0)
    """
    logs = [[math.log(rate) for rate in group] for group in rates]
    total = sum(map(len, logs))
    means = [math.fsum(group) / len(group) for group in logs]
    freedom = total - len(logs)
    squares = math.fsum((x - mean) ** 2 for group, mean in zip(logs, means, strict=True) for x in group)
    within = squares / freedom if freedom else None
    if len(logs) < 2:
        return None, None if within is None else math.sqrt(within)
    grand = math.fsum(x for group in logs for x in group) / total
    sizes = [len(group) for group in logs]
    mean_square = math.fsum(n * (mean - grand) ** 2 for n, mean in zip(sizes, means, strict=True)) / (
        len(logs) - 1
    )
    n0 = (total - sum(n * n for n in sizes) / total) / (len(logs) - 1)
    between = math.sqrt(max(mean_square - (within or 0.0), 0.0) / n0)
    return between, None if within is None else math.sqrt(within)


def _pooled(rows: Sequence[tuple[str, Measurement]]) -> Measurement:
    first = rows[0][1]
    if len(rows) == 1:
        return first
    by_node: dict[str, list[float]] = defaultdict(list)
    for node, m in rows:
        by_node[node].append(_rate(m))
    between, within = spread_of(list(by_node.values()))
    means = [math.fsum(rates) / len(rates) for rates in by_node.values()]
    rate = math.fsum(means) / len(means)
    latest = max(m.date for _, m in rows)
    runs = sorted({m.source for _, m in rows})
    unit = "FLOP/s" if first.achieved is not None else "B/s"
    name = next(name for name in _RATES if getattr(first, name) is not None)
    plain = first.model_dump(exclude_none=True) | {
        name: f"{rate!r} {unit}",
        "nodes": len(by_node),
        "figures": len(rows),
        "spread": Spread(between_nodes=between, within_node=within),
        "source": _source(runs, list(by_node)),
        "date": latest,
    }
    return Measurement.model_validate(plain)


def _rate(m: Measurement) -> float:
    # a record states one of the two
    return m.achieved if m.achieved is not None else (m.achieved_bandwidth or 0.0)


def _source(records: Sequence[str], nodes: Sequence[str]) -> str:
    shown = ", ".join(nodes[:3]) + (f" and {len(nodes) - 3} more" if len(nodes) > 3 else "")
    if len(records) == 1:
        return records[0]
    return f"{len(records)} records of {len(nodes)} node{'s' if len(nodes) > 1 else ''} ({shown})"
