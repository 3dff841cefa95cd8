"""Power of a cluster: what it may draw at full load, and what it draws in training.

Full load is what a building must be able to feed; :mod:`accounting.capacity.sizing.counts` goes from it to
chips::

    IT at full load       = Σ count × TDP × IT overhead                  (configs/sizing.yaml)
    facility at full load = IT at full load × facility overhead

In training nodes draw less. What they draw is measured (MLPerf, ``configs/planning/node_power.yaml``):

    IT in training = Σ count × TDP × r × IT ÷ nodes                      (accelerators with measured nodes)
                   = Σ count × TDP × IT overhead × load of nodes         (all others)
    facility       = IT in training × PUE

r is node power ÷ Σ TDP of its accelerators, over the n runs that keep them busy: lognormal, its log-mean
that of the runs, its log-variance s² (1 + 1 ÷ n), that of one more run, where s² is the variance of the
logs of all runs about the means of their accelerators. The load of nodes is node power ÷ the maximum of the
node's sheet over all accelerators, s² there about the mean of all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from accounting.capacity.draws import Z95
from accounting.planning.facts import NodePowerFacts, NodeRun, PlanningFacts
from accounting.planning.known import Known
from accounting.quantities import Uncertain, exact
from accounting.reference.facts import Facts
from accounting.validation import Kind, weakest


@dataclass(frozen=True)
class Measured:
    """A ratio from measured runs (5th, 50th and 95th percentile of one more run), and how many there are."""

    value: Uncertain
    runs: int
    kind: Kind
    source: str


def node_ratio(
    accelerator: str, nodes: NodePowerFacts, facts: Facts, *, without: Sequence[str] = ()
) -> Measured | None:
    """Return node power ÷ Σ TDP of an accelerator in training; None where its nodes are not measured.

    Args:
        accelerator: an id.
        nodes: the measured runs.
        facts: for the TDP.
        without: ids of runs to leave out of the fit.

    >>> from accounting.reference.facts import load_facts
    >>> from accounting.planning.facts import load_planning
    >>> facts = load_facts()
    >>> r = node_ratio("nvidia-h100-sxm", load_planning(facts).nodes, facts, without=["h100-gpt3-64"])
    >>> round(8 * 700 * r.value.best)
    6459
    """
    name = nodes.measured_as(accelerator)
    tdp = facts.accelerators[name].tdp
    runs = [r for r in _saturated(nodes, without) if r.accelerator == name]
    if not runs or tdp is None:
        return None
    logs = [math.log(r.node_power / (r.per_node * tdp)) for r in runs]
    spread = _spread_within(_saturated(nodes, without))
    # assumed where the nodes are those of another accelerator
    same = [row.kind for row in nodes.same_node if row.accelerator == accelerator]
    kind = weakest([*(r.kind for r in runs), *same])
    return Measured(_predicted(logs, spread), len(runs), kind, runs[0].source)


def node_load(nodes: NodePowerFacts, *, without: Sequence[str] = ()) -> Measured:
    """Return node power in training ÷ the maximum of the node's sheet, over all measured accelerators."""
    logs = _loads(nodes, without)
    runs = _saturated(nodes, without)
    return Measured(_predicted(logs, _spread(logs)), len(logs), "derived", runs[0].source)


def full_load_ratio(accelerator: str, planning: PlanningFacts, facts: Facts) -> Known:
    """Return IT power at full load ÷ Σ TDP of an accelerator."""
    family = facts.accelerators[accelerator].family
    row = next(r for r in planning.sizing.overheads if not r.of or {accelerator, family} & set(r.of))
    return Known(row.value, row.kind, row.source)


def watts(accelerator: str, planning: PlanningFacts, facts: Facts) -> Known | None:
    """Return an accelerator's TDP in watts, or what is assumed of it; None where nothing is."""
    chip = facts.accelerators[accelerator]
    if chip.tdp is not None:
        source = next((s.url for s in chip.sources if "tdp" in s.covers), chip.sources[0].url)
        return Known(exact(chip.tdp, "power"), "reported", source)
    row = next((r for r in planning.sizing.watts if r.accelerator == accelerator), None)
    return Known(row.value, row.kind, row.source) if row else None


def facility_overhead(territory: str, sector: str | None, planning: PlanningFacts) -> Known:
    """Return facility ÷ IT power at full load of a place."""
    rows = planning.sizing.facility_overheads
    row = next(
        r
        for r in rows
        if not (r.sectors or r.territories) or sector in r.sectors or territory in r.territories
    )
    return Known(row.value, row.kind, row.source)


def _saturated(nodes: NodePowerFacts, without: Sequence[str]) -> list[NodeRun]:
    return [r for r in nodes.runs if r.saturated and r.id not in without]


def _loads(nodes: NodePowerFacts, without: Sequence[str]) -> list[float]:
    maximum = {row.accelerator: row.value for row in nodes.node_maximum}
    runs = _saturated(nodes, without)
    return [math.log(r.node_power / maximum[r.accelerator]) for r in runs if r.accelerator in maximum]


def _spread_within(runs: Sequence[NodeRun]) -> float:
    """Return the standard deviation of ln(watts an accelerator) about the means by accelerator, pooled."""
    groups: dict[str, list[float]] = {}
    for run in runs:
        groups.setdefault(run.accelerator, []).append(math.log(run.node_power / run.per_node))
    means = {name: math.fsum(logs) / len(logs) for name, logs in groups.items()}
    squares = math.fsum((x - means[name]) ** 2 for name, logs in groups.items() for x in logs)
    return math.sqrt(squares / (len(runs) - len(groups)))


def _spread(logs: Sequence[float]) -> float:
    mean = math.fsum(logs) / len(logs)
    return math.sqrt(math.fsum((x - mean) ** 2 for x in logs) / (len(logs) - 1))


def _predicted(logs: Sequence[float], spread: float) -> Uncertain:
    """Return the lognormal of one more run: s² (1 + 1 ÷ n) about the mean of the logs."""
    mean = math.fsum(logs) / len(logs)
    sd = spread * math.sqrt(1 + 1 / len(logs))
    low, best, high = (math.exp(mean + side * Z95 * sd) for side in (-1, 0, 1))
    return Uncertain(low, best, high, "lognormal")
