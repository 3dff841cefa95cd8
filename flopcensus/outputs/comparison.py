"""What ``flopcensus compare`` and ``flopcensus plan`` print."""

from __future__ import annotations

from typing import Literal

from flopcensus.outputs.parts import (
    Assumption,
    Basis,
    Concentration,
    Day,
    Document,
    Precision,
    Quantiles,
    Row,
    Share,
    maybe,
    says,
)


class Capacity(Document):
    """Capacity in one precision on one basis; without figures where it cannot be known."""

    precision: Precision = says("number format of the operations, dense")
    basis: Basis = says("peak, achievable, sustained or delivered")
    unit: Literal["FLOP/s"] | None = maybe("unit of the percentiles and the mean")
    p5: float | None = maybe("5th percentile")
    p50: float | None = maybe("median")
    p95: float | None = maybe("95th percentile")
    mean: float | None = maybe("mean")
    h100e: Quantiles | None = maybe("the same in H100 equivalents of that basis and precision")
    why_not: str | None = maybe("why there is no figure")


class SovereigntyLevel(Document):
    """What of a cluster is domestic at one level."""

    level: str = says("the level")
    domestic: Share = says("share whose holder at the level is of the territory")
    unknown: Share = says("share whose holder is not known")


class Exposure(Document):
    """What one foreign nation could stop."""

    nation: str = says("ISO 3166 alpha-2")
    stop_now: Share = says("share that it could switch off: as owner or operator")
    stop_growth: Share = says("share that it could stop the growth of: as a supplier at any level")


class Sovereignty(Document):
    """What of a cluster is its territory's own."""

    code: str = says("the territory")
    joint: Share = says("share that is domestic at every level at once")
    joint_high: Share = says("the same if all that is unknown were domestic")
    weakest: str | None = says("level with the smallest domestic share")
    levels: tuple[SovereigntyLevel, ...] = says("level by level")
    exposures: tuple[Exposure, ...] = says("by foreign nation, the largest first")


class Metric(Quantiles):
    """One figure of a cluster."""

    unit: str = says("unit of the figure; blank where it has none")
    label: str = says("what it is, in words")


class RuledBatch(Document):
    """What a rule makes of one batch."""

    accelerator: str = says("id of the accelerator")
    count: float = says("accelerators")
    tpp: float = says("total processing performance of one")
    class_: str | None = says("class under the rule; null where it was not judged", alias="class")
    licence: bool | None = says("whether a licence was needed; null where what is public does not decide")
    refused: bool = says("whether the destination gets no part of a cap")
    why_not: str | None = says("why it was not judged")


class ExportFinding(Document):
    """What an export rule makes of a cluster."""

    rule: str = says("id of the rule")
    date: Day = says("first day in force")
    until: Day | None = says("last day in force; null while it lasts")
    in_force: bool = says("whether it is in force when the cluster is bought")
    reached: bool = says("whether it reaches the destination or the owner's seat")
    class_: str = says("class of the batches, in words", alias="class")
    tpp: float = says("total processing performance of all batches")
    tpp_stopped: float = says("what of it needs a licence there")
    cap_used: float | None = says("share of the country's cap that it uses, 0 to 1")
    citation: str = says("where the rule was published")
    batches: tuple[RuledBatch, ...] = says("batch by batch")


class Limit(Document):
    """A limit of the cluster's file, and how surely it is kept."""

    limit: str = says("the limit, in words")
    metric: str = says("the figure that it limits")
    value: float = says("the limit, in the unit of the figure")
    probability_kept: float = says("probability that it is kept, 0 to 1")


class Phase(Document):
    """The cluster from one day on."""

    day: Day | None = says("first day of the phase; null for a cluster without dates")
    accelerators: float = says("accelerators that stand then")
    facility_full_load_w: Quantiles | None = says("power at the meter at full load. Unit: W")
    delivered_flop_per_s: Quantiles = says("delivered capacity. Unit: FLOP/s")


class ClusterFigures(Document):
    """One cluster."""

    id: str = says("id of the cluster")
    name: str = says("name for people")
    hypothetical: bool = says("whether it is thought out")
    territory: str = says("where it would stand, ISO 3166 alpha-2")
    accelerators: float = says("accelerators in all")
    capacity: dict[str, Quantiles] = says("by basis, in the precision compared, in 'unit'")
    unit: str = says("unit of 'capacity' and 'origin'")
    capacities: tuple[Capacity, ...] = says("by precision and basis, with H100 equivalents")
    provenance: dict[str, dict[str, float]] = says("by basis: share of the mean by how it is known")
    origin: dict[str, dict[str, tuple[Row, ...]]] = says("by basis and level: whose it is")
    concentration: dict[str, Concentration] = says("by level")
    sovereignty: Sovereignty = says("what of it is the territory's own")
    it_power_w: Quantiles | None = says("mean IT power. Unit: W; null where a TDP is not published")
    facility_power_w: Quantiles | None = says("mean power at the meter. Unit: W")
    metrics: dict[str, Metric] = says("all other figures by name, each with its unit")
    export_rules: tuple[ExportFinding, ...] = says("rule by rule; not legal advice")
    limits: tuple[Limit, ...] = says("limits of the cluster's file")
    phases: tuple[Phase, ...] = says("where batches come at several dates")
    assumptions: tuple[Assumption, ...] = says("every parameter that the figures rest on")


class Difference(Document):
    """One figure of two clusters, with draws in common."""

    a: str = says("id of the one cluster")
    b: str = says("id of the other")
    metric: str = says("the figure")
    precision: Precision | None = says("of a capacity: its precision")
    basis: Basis | None = says("of a capacity: its basis")
    ratio: Quantiles = says("a ÷ b, draw by draw")
    probability_a_more: float = says("probability that a has more, 0 to 1")


class ComparisonDocument(Document):
    """The whole."""

    schema_: Literal["flopcensus/comparison/1"] = says("form and version of the document", alias="schema")
    precision: Precision = says("number format of the operations, dense")
    precisions: tuple[Precision, ...] = says("precisions of 'capacities'")
    bases: tuple[Basis, ...] = says("bases compared")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")
    clusters: tuple[ClusterFigures, ...] = says("cluster by cluster, in the order given")
    differences: tuple[Difference, ...] = says("each pair, figure by figure")
    notice: str = says("that export rules are not legal advice")


class Goal(Document):
    """What a plan makes most or least of."""

    quantity: str = says("the figure")
    maximise: bool = says("true: as much as possible; false: as little")
    unit: str = says("unit of the figure")
    precision: Precision = says("number format of the operations, dense")
    percentile: float = says("the percentile of the figure that counts, 0 to 1")


class PlanLimit(Document):
    """A limit of a plan, and whether it binds."""

    limit: str = says("the limit, in words")
    sense: str = says("at most or at least")
    value: float = says("the limit, in 'unit'")
    unit: str = says("unit of value and held; blank for a count")
    held: float | None = says("what the mix takes of it")
    binds: bool = says("whether the goal gains where it is loosened")
    goal_per_unit: float | None = says("gain of the goal, in its unit, for one more unit of the limit")


class MixRow(Document):
    """One deployment of a mix."""

    deployment: str = says("id of the deployment")
    accelerator: str = says("id of the accelerator")
    name: str = says("its name for people")
    count: int = says("accelerators")
    unit: int = says("accelerators of one unit that is sold; counts are multiples of it")
    stays: bool = says("whether the file had its count, so that it was not chosen")
    share: float | None = says("its share of the goal, 0 to 1; null where it stays")


class Mix(Document):
    """A mix of deployments."""

    deployments: tuple[MixRow, ...] = says("what is bought, and what stays")
    goal: Quantiles = says("the goal, in its unit")
    best_at_percentile: float = says("the goal at the percentile asked for, in its unit")
    gap: float = says("share of the goal by which a better mix is not ruled out")


class Regret(Document):
    """What the mix that is best at the median would cost, beside the one that is best at the percentile."""

    median_mix: Mix = says("the mix that is best at the median")
    median_given_up: float = says("what the chosen mix gives up of the median, in the goal's unit")
    gained_at_percentile: float = says("what it gains at the percentile, in the goal's unit")
    probability_robust_better: float = says("probability that it has more of the goal, 0 to 1")


class FrontierPoint(Document):
    """The best mix for one share of the party that the frontier is of."""

    share: float = says("share allowed, 0 to 1")
    mix: Mix | None = says("null where no mix keeps all limits")


class FrontierOf(Document):
    """Whose share the frontier goes along."""

    level: str = says("the level")
    code: str = says("the nation or organisation")


class LeftOut(Document):
    """What was no candidate."""

    id: str = says("id of the accelerator or deployment")
    reason: str = says("why")


class PlanDocument(Document):
    """The whole."""

    schema_: Literal["flopcensus/plan/1"] = says("form and version of the document", alias="schema")
    flopcensus_version: str = says("version that made it")
    cluster: str = says("id of the cluster that is planned")
    goal: Goal = says("what is made most or least of")
    limits_kept_with: float = says("probability with which limits are kept, 0 to 1")
    feasible: bool = says("whether any mix keeps all limits")
    clash: tuple[PlanLimit, ...] = says("limits that cannot be kept together, where none does")
    mix: Mix | None = says("the best mix")
    limits: tuple[PlanLimit, ...] = says("all limits, and which of them bind")
    regret: Regret | None = says("where another percentile than the median was asked for")
    frontier: tuple[FrontierPoint, ...] = says("the best mix by share of one party, where asked for")
    frontier_of: FrontierOf | None = says("that party")
    left_out: tuple[LeftOut, ...] = says("what was no candidate")
    notes: tuple[str, ...] = says("how the file was read")
    export_rules_on: Day = says("day that export rules are those of")
    value: ClusterFigures | None = says("the planned cluster, as compare gives it")
    assumptions: tuple[Assumption, ...] = says("units that candidates are sold in")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")
    notice: str = says("that export rules are not legal advice")
