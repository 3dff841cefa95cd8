"""The world of a results document: inequality, sales, supply cuts, frontier, walk, fleet."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from flopcensus.report.document.countries import ConcentrationOfCountry
from flopcensus.report.document.parts import NotNegative, Part, Share, ShareSpread, Spread


class Inequality(Part):
    """Inequality between nations of what stands there (territory) or is controlled from there (provider).

    ``lorenz`` runs from (0, 0) to (1, 1): cumulated share of people or product, of capacity. ``left_out`` is
    the share of capacity of holders without a figure, ``without`` how many nations have no capacity.
    """

    level: str
    per: str
    nations: int
    without: int
    gini: Spread
    lorenz: tuple[tuple[Share, Share], ...]
    left_out: ShareSpread


class World(Part):
    """How unequal and how concentrated the world is; capacity in ``unit``."""

    as_of: str
    basis: str
    precision: str
    unit: str
    seed: int
    draws: int
    total: Spread
    provenance: dict[str, Share]
    inequality: tuple[Inequality, ...]
    concentration: dict[str, ConcentrationOfCountry]


class Rest(Part):
    """What is left of two uncertain figures; where the smaller may be the larger, it may lie below 0."""

    p5: float
    p50: float
    p95: float
    mean: float


class Held(Part):
    """What was sold, what the census locates of it, and the rest."""

    sold: Spread
    located: Spread
    unlocated: Rest


class SoldLine(Part):
    """A designer, model or owner; ``h100e`` are of 8-bit peak, as the sales state them."""

    code: str
    name: str
    chips: Held
    h100e: Held


class Bound(Part):
    """A nation's share as located, and where none or all of the rest stands there."""

    code: str
    name: str
    h100e: Spread
    share: Spread
    lowest: Spread
    highest: Spread


class Sold(Part):
    """Chips sold beside chips located, on the last day that the sales cover."""

    on: str
    sales_since: dict[str, str]
    h100e: str
    designer: tuple[SoldLine, ...]
    model: tuple[SoldLine, ...]
    owner: tuple[SoldLine, ...]
    bounds: dict[str, tuple[Bound, ...]]
    located_outside_of_the_sales: NotNegative
    kind: str
    warnings: tuple[str, ...]
    seed: int
    draws: int


class CutYear(Part):
    """One day: capacity without and with the cut, and the share lost."""

    date: str
    years_after: int
    baseline: Spread
    cut: Spread
    share_lost: Spread


class CutPlace(Part):
    """The cut at one place of the chain, or at all together."""

    at: str
    level: str | None
    share_of_stock: Spread | None
    share_unknown: Share | None
    years: tuple[CutYear, ...]


class CutTerms(Part):
    """Who stops what, where and when."""

    cutting: tuple[str, ...] = Field(alias="from")
    scope: str
    at: tuple[str, ...]
    stops: tuple[str, ...]
    on: str
    years: int


class CutParameter(Part):
    """A parameter that a cut rests on."""

    name: str
    p5: float
    p50: float
    p95: float
    unit: str
    kind: str
    source: str
    note: str | None


class CutSource(Part):
    """What a scenario mimics."""

    url: str
    title: str
    date: str


class SupplyCut(Part):
    """One scenario; where it could not be worked out, ``reason`` says why and there are no places."""

    id: str
    name: str
    hypothetical: bool
    group: str | None
    note: str | None
    sources: tuple[CutSource, ...]
    reason: str | None
    snapshot: str | None = None
    cut: CutTerms | None = None
    countries: tuple[str, ...] = ()
    basis: str | None = None
    precision: str | None = None
    unit: str | None = None
    growth: str | None = None
    unannounced_share_of_last_baseline: float | None = None
    places: tuple[CutPlace, ...] = ()
    parameters: tuple[CutParameter, ...] = ()
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _worked_out(self) -> Self:
        if (self.reason is None) != bool(self.places):
            raise PydanticCustomError("cut", "a supply cut needs its places, or the reason why there is none")
        return self


class FrontierPoint(Part):
    """A cluster: its capacity on a basis (FLOP/s), and the largest share of one code at a level."""

    id: str
    name: str
    basis: str
    capacity: Spread
    level: str
    code: str
    name_of_code: str
    share: ShareSpread


class Points(Part):
    """The clusters of the study, no frontier of the best."""

    kind: Literal["clusters"]
    points: tuple[FrontierPoint, ...]


class PlanFrontier(Part):
    """The best mix by the largest share that one nation's designers may have, as ``plan`` gives it."""

    kind: Literal["plan"]
    plan: dict[str, Any]


Frontier = Annotated[Points | PlanFrontier, Field(discriminator="kind")]


class StageRow(Part):
    """A holder after a step of the walk."""

    code: str
    name: str
    mean: float
    share: float


class Stage(Part):
    """The total after a step of the walk, and each holder's part of it."""

    id: str
    denomination: str
    deployments: int
    total: Spread
    rows: tuple[StageRow, ...]


class Step(Part):
    """What a step changes, and its effect on the total."""

    id: str
    what: str
    effect_on_total: float


class Bridge(Part):
    """The walk from a published figure to ours, in one unit."""

    start: str = Field(alias="from")
    file: str
    source: str
    published_as_of: str
    as_of: str
    basis: str
    level: str
    unit: str
    stages: tuple[Stage, ...] = Field(min_length=1)
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]

    @model_validator(mode="after")
    def _a_step_between_stages(self) -> Self:
        if len(self.steps) != len(self.stages) - 1:
            raise PydanticCustomError("walk", "a walk needs one step between each two stages")
        return self


class HeatOf(Part):
    """A node, or several: its lowest device's share of the peers' median by metric, None if not measured."""

    name: str
    remark: str
    sick: bool
    shares: tuple[NotNegative | None, ...]


class FleetHeat(Part):
    """Nodes by metric. Sick nodes stand first; ``grouped``: a row stands for several nodes."""

    metrics: tuple[str, ...]
    rows: tuple[HeatOf, ...]
    grouped: bool
    rows_left_out: int
    metrics_left_out: int

    @model_validator(mode="after")
    def _full(self) -> Self:
        if any(len(row.shares) != len(self.metrics) for row in self.rows):
            raise PydanticCustomError("heat", "rows of a heat map that do not fit its metrics")
        return self


class Fleet(Part):
    """A folder of records, judged as ``flopcensus fleet`` does."""

    records: int
    first: str | None
    last: str | None
    false_alarm_rate: float
    nodes: tuple[dict[str, Any], ...]
    outliers: tuple[dict[str, Any], ...]
    distributions: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    heat: FleetHeat | None = None
