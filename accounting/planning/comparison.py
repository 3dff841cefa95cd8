"""What a comparison of clusters holds."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from accounting.accounts.account import Accounts, Quantiles
from accounting.accounts.nations.profile import Profile
from accounting.capacity.bases import Basis
from accounting.planning.clusters import Cluster
from accounting.planning.export_rules import RuleFinding
from accounting.planning.known import Given


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
