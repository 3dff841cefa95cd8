"""Clusters side by side: capacity, origin, sovereignty, power, cost, carbon, water, export rules, differences.

All clusters share draws by name (an accelerator's efficiency and price, the building's PUE, the operator's
spread), so that a difference is one of the mixes and not of the draws.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from accounting.accounts.account import Accounts, Quantiles, account
from accounting.accounts.levels import LEVELS, codes
from accounting.accounts.profile import GROWTH, NOW, TERRITORY, Profile, profile
from accounting.capacity.bases import BASES, Basis, Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.valuation import Skipped, Valuer
from accounting.planning.clusters import Cluster, entries
from accounting.planning.export_rules import ExportRules, RuleFinding, judge, load_rules
from accounting.planning.facts import PlanningFacts, load_planning
from accounting.planning.outlook import METRICS, Outlook, outlook
from accounting.planning.parameters import Given
from accounting.reference.facts import Facts
from bench.errors import InputError

# those of them that there are, in this order; the first two are always there
_ORIGINS = (
    *("vendor", "vendor_nation", "provider", "operator_nation", "foundry", "foundry_nation"),
    *("memory", "memory_nation", "packager", "packaging_nation"),
)
# beyond this, a change of both ends makes the same sentence
_LIMITS = {"power_cap": "facility_full_load_w", "budget": "capital_usd"}


@dataclass(frozen=True)
class CapacityValue:
    """Capacity in one precision on one basis; ``why_not`` says why it has none."""

    precision: str
    basis: Basis
    flop_per_s: Quantiles | None
    h100e: Quantiles | None
    why_not: str = ""


@dataclass(frozen=True)
class Metric:
    """One figure of a cluster in its unit."""

    unit: str
    quantiles: Quantiles


@dataclass(frozen=True)
class Limit:
    """A limit that the cluster states, and how probably it is kept. Units: W, or US dollars."""

    name: str
    metric: str
    value: float
    probability_kept: float


@dataclass(frozen=True)
class Phase:
    """What has come into service by a day, in the first precision and at full load."""

    day: datetime.date | None
    accelerators: float
    facility_full_load_w: Quantiles | None
    delivered_flop_per_s: Quantiles


@dataclass(frozen=True)
class ClusterValue:
    """One cluster. ``accounts`` are those of the first precision, ``given`` what it all rests on."""

    cluster: Cluster
    accounts: Mapping[Basis, Accounts]
    capacities: tuple[CapacityValue, ...]
    metrics: Mapping[str, Metric]
    sovereignty: Profile
    exports: tuple[RuleFinding, ...]
    limits: tuple[Limit, ...]
    phases: tuple[Phase, ...]
    given: tuple[Given, ...]

    @property
    def accelerators(self) -> float:
        """Accelerators, the median."""
        return self.metrics["accelerators"].quantiles.p50

    @property
    def it_power_w(self) -> Quantiles | None:
        """Watts of IT in training; None where no TDP is known."""
        return self.quantiles("it_power_w")

    @property
    def facility_power_w(self) -> Quantiles | None:
        """Watts at the meter in training; None where no TDP is known."""
        return self.quantiles("facility_power_w")

    def quantiles(self, metric: str) -> Quantiles | None:
        """Return a metric's quantiles, None where it cannot be worked out."""
        found = self.metrics.get(metric)
        return found.quantiles if found else None


@dataclass(frozen=True)
class Difference:
    """Cluster A ÷ cluster B, with the probability that A has more.

    ``metric`` is ``capacity``, with precision and basis, or a name of ``METRICS``.
    """

    a: str
    b: str
    metric: str
    ratio: Quantiles
    probability_a_more: float
    basis: Basis | None = None
    precision: str | None = None


@dataclass(frozen=True)
class Comparison:
    """Clusters side by side."""

    clusters: tuple[ClusterValue, ...]
    differences: tuple[Difference, ...]
    precisions: tuple[str, ...]
    bases: tuple[Basis, ...]
    seed: int
    draws: int

    @property
    def precision(self) -> str:
        """The first precision: that of accounts, cost and training run."""
        return self.precisions[0]


def compare(
    clusters: Sequence[Cluster],
    facts: Facts,
    calibration: Calibration,
    *,
    precision: str | Sequence[str] = "bf16",
    bases: Sequence[Basis] = BASES,
    seed: int = 0,
    draws: int = 10_000,
    planning: PlanningFacts | None = None,
    h100e: Mapping[tuple[str, str], float] | None = None,
) -> Comparison:
    """Compare clusters.

    Args:
        clusters: with counts, or shares of a power cap.
        facts: the reference facts.
        calibration: the steps between the bases.
        precision: one or several; the first one is that of accounts, cost and training run.
        bases: those asked for.
        seed: of the draws.
        draws: how many.
        planning: defaults and measured powers; the shipped ones where left out.
        h100e: constants by (basis, precision); no H100e where left out.

    Raises:
        InputError: two clusters share an id, a count is to be solved for, or a cluster has nothing that can be
            valued in the first precision.
    """
    _check_ids(clusters)
    precisions = (precision,) if isinstance(precision, str) else tuple(dict.fromkeys(precision))
    known = planning or load_planning(facts)
    asked = tuple(basis for basis in BASES if basis in bases)
    found = [
        outlook(c, facts, calibration, known, precisions=precisions, bases=asked, seed=seed, draws=draws)
        for c in clusters
    ]
    rules = load_rules()
    valuer = Valuer(facts, calibration, precisions[0], asked, seed, draws)
    values = tuple(_value(one, valuer, precisions, rules, h100e or {}) for one in found)
    differences = tuple(d for a, b in combinations(found, 2) for d in _differences(a, b, precisions, asked))
    return Comparison(values, differences, precisions, asked, seed, draws)


def _check_ids(clusters: Sequence[Cluster]) -> None:
    ids = [cluster.id for cluster in clusters]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise InputError(f"two clusters have one id (found {', '.join(twice)}); give each its own")


def _value(
    found: Outlook,
    valuer: Valuer,
    precisions: Sequence[str],
    rules: ExportRules,
    h100e: Mapping[tuple[str, str], float],
) -> ClusterValue:
    cluster = found.cluster
    day = max((d.in_service for d in cluster.deployments if d.in_service), default=datetime.date.max)
    rows = entries(cluster, valuer.facts)
    levels = tuple((level,) for level in _ORIGINS if level in LEVELS)
    return ClusterValue(
        cluster,
        account(rows, valuer, levels, as_of=day),
        tuple(_capacities(found, precisions, valuer.asked, h100e)),
        {n: Metric(METRICS[n][0], Quantiles.of(found.metrics[n])) for n in METRICS if n in found.metrics},
        _sovereignty(cluster, valuer),
        judge(rows, cluster.territory, day, valuer.facts, rules),
        tuple(_limits(found)),
        tuple(_phases(found, valuer)),
        found.parameters.given,
    )


def _capacities(
    found: Outlook,
    precisions: Sequence[str],
    bases: Sequence[Basis],
    h100e: Mapping[tuple[str, str], float],
) -> Iterator[CapacityValue]:
    for precision in precisions:
        for basis in bases:
            capacity = found.capacity.get((precision, basis))
            if capacity is None:
                yield CapacityValue(precision, basis, None, None, found.missing[precision, basis])
                continue
            constant = h100e.get((basis, precision))
            equivalents = Quantiles.of(capacity.draws / constant) if constant else None
            yield CapacityValue(precision, basis, Quantiles.of(capacity.draws), equivalents)


def _sovereignty(cluster: Cluster, valuer: Valuer) -> Profile:
    """Return what of the cluster is its territory's own, at each level and at all of them at once.

    Weighed on the last basis asked for.
    """
    names = tuple(level for level in LEVELS if level in NOW | GROWTH)
    basis = valuer.asked[-1]
    sums: dict[tuple[str, ...], Draws] = {}
    for entry in entries(cluster, valuer.facts):
        valued = valuer.value(entry)
        if isinstance(valued, Skipped):
            continue
        for key, weight in codes(entry, (TERRITORY, *names)):
            part = valued.capacity[basis].draws * weight
            sums[key] = sums[key] + part if key in sums else part
    return profile(sums, (TERRITORY, *names), cluster.territory)


def _limits(found: Outlook) -> Iterator[Limit]:
    budget = found.cluster.budget
    stated = {"power_cap": found.cluster.power_cap, "budget": budget.best if budget else None}
    for name, metric in _LIMITS.items():
        value, draws = stated[name], found.metrics.get(metric)
        if value is not None and draws is not None:
            yield Limit(name, metric, value, float(np.mean(draws <= value)))


def _phases(found: Outlook, valuer: Valuer) -> Iterator[Phase]:
    """Yield what stands at each day on which a batch comes into service or is retired."""
    cluster = found.cluster
    days = {day for d in cluster.deployments for day in (d.in_service, d.retired) if day}
    if len(days) < 2:  # noqa: PLR2004  (one day is no course of time)
        return
    for day in sorted(days):
        standing = tuple(d for d in cluster.deployments if _stands(d.in_service, d.retired, day))
        if not standing:
            continue
        part = outlook(
            cluster.model_copy(update={"deployments": standing}),
            valuer.facts,
            valuer.calibration,
            load_planning(valuer.facts),
            precisions=(valuer.precision,),
            bases=("delivered",),
            seed=valuer.seed,
            draws=valuer.size,
        )
        power = part.metrics.get("facility_full_load_w")
        yield Phase(
            day,
            float(np.median(part.metrics["accelerators"])),
            Quantiles.of(power) if power is not None else None,
            Quantiles.of(part.capacity[valuer.precision, "delivered"].draws),
        )


def _stands(begin: datetime.date | None, end: datetime.date | None, day: datetime.date) -> bool:
    return (begin is None or begin <= day) and (end is None or day < end)


def _differences(
    a: Outlook, b: Outlook, precisions: Sequence[str], bases: Sequence[Basis]
) -> Iterator[Difference]:
    ids = (a.cluster.id, b.cluster.id)
    for precision in precisions:
        for basis in bases:
            key = (precision, basis)
            if key in a.capacity and key in b.capacity:
                ratio = a.capacity[key].ratio(b.capacity[key])
                yield Difference(*ids, "capacity", *_more(ratio), basis=basis, precision=precision)
    for name in METRICS:
        mine, theirs = a.metrics.get(name), b.metrics.get(name)
        if mine is not None and theirs is not None:
            yield Difference(*ids, name, *_more(mine / theirs))


def _more(ratio: Draws) -> tuple[Quantiles, float]:
    return Quantiles.of(ratio), float(np.mean(ratio > 1))
