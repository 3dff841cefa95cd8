"""A study's results, whole: estimates, clusters, facilities, measurements, and the parts of other files here.

Keys that the page does not know are left alone, so that a document with more in it still makes a page.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from accounting.capacity.bases import BASIS_MEANING, MEMORY, MEMORY_MEANING, USED_MEANING
from bench.record import Record
from flopcensus.report.document.countries import Countries, TargetOfCountry
from flopcensus.report.document.cube import Cube
from flopcensus.report.document.parts import NotNegative, Part, Share, ShareSpread, Spread
from flopcensus.report.document.world import Bridge, Fleet, Frontier, Sold, SupplyCut, World


class Row(Spread):
    """One holder on one level, or one combination of a crossing."""

    code: str
    name: str
    nation: str | None = None
    codes: dict[str, str] | None = None
    share: Share
    share_p5: Share
    share_p95: Share


class Group(Row):
    """A group of nations on one level."""

    level: str
    members: tuple[str, ...]


class Concentration(Part):
    """How concentrated a level is; ``hhi`` on the scale from 0 to 10,000."""

    hhi: NotNegative
    effective_number: NotNegative


class VarianceShare(Part):
    """A share of variance, which its error may carry below 0, with its standard error."""

    share: float = Field(ge=-1, le=2)
    error: NotNegative


class Driver(Part):
    """An input of a total, or several of a kind; ``low`` and ``high`` in the unit of the total."""

    input: str
    name: str
    inputs: int
    first_order: VarianceShare
    total_order: VarianceShare
    low: NotNegative
    high: NotNegative


class Drivers(Part):
    """What drives the spread of a total."""

    centre: NotNegative
    sd: NotNegative
    inputs: tuple[Driver, ...]


class Estimate(Part):
    """One estimate: all accounts on one basis."""

    census: str
    rows: int
    as_of: str
    basis: str
    precision: str
    sparse: bool
    unit: str
    status: tuple[str, ...]
    recipe: str | None = None
    seed: int
    draws: int
    deployments: int
    skipped: dict[str, int]
    total: Spread
    accounts: dict[str, tuple[Row, ...]]
    groups: tuple[Group, ...]
    concentration: dict[str, Concentration]
    provenance: dict[str, Share]
    warnings: tuple[str, ...]
    drivers: Drivers | None = None

    @property
    def numbers(self) -> str:
        """The precision, and whether dense or sparse: ``bf16 dense``; ``memory bandwidth`` has neither."""
        if self.precision == MEMORY:
            return "memory bandwidth"
        return f"{self.precision} {'sparse' if self.sparse else 'dense'}"

    @property
    def meaning(self) -> str:
        """What the basis says: of arithmetic, of memory bandwidth, or of what is used in a year."""
        if self.unit == "FLOP/year":
            return USED_MEANING
        return (MEMORY_MEANING if self.precision == MEMORY else BASIS_MEANING).get(self.basis, "")


class ClusterMetric(Spread):
    """One figure of a cluster in ``unit``, such as its power or its cost."""

    unit: str
    label: str


class Sovereignty(Part):
    """What of a cluster is its territory's own, at all levels at once, and where it is least so."""

    code: str
    joint: ShareSpread
    weakest: str


class ClusterRule(Part):
    """What one export rule makes of a cluster."""

    rule: str
    in_force: bool
    reached: bool
    found: str = Field(alias="class")
    citation: str


class ClusterCapacity(Spread):
    """A cluster's capacity in one precision on one basis, in ``unit``."""

    precision: str
    basis: str
    unit: str


class Cluster(Part):
    """One hypothetical cluster; capacity in ``unit``, power in watts."""

    id: str
    name: str
    hypothetical: bool
    accelerators: NotNegative
    capacity: dict[str, Spread]
    unit: str
    capacities: tuple[ClusterCapacity, ...] = ()
    provenance: dict[str, dict[str, Share]] = Field(default_factory=dict)
    origin: dict[str, dict[str, tuple[Row, ...]]]
    it_power_w: Spread | None
    facility_power_w: Spread | None
    concentration: dict[str, Concentration] = Field(default_factory=dict)
    sovereignty: Sovereignty | None = None
    metrics: dict[str, ClusterMetric] = Field(default_factory=dict)
    export_rules: tuple[ClusterRule, ...] = ()


class Difference(Part):
    """How two clusters differ: a ÷ b, and how likely a has more, of capacity on a basis or of a metric."""

    a: str
    b: str
    metric: str = "capacity"
    precision: str | None = None
    basis: str | None = None
    ratio: Spread
    probability_a_more: Share


class Comparison(Part):
    """Clusters side by side."""

    precision: str
    seed: int
    draws: int
    clusters: tuple[Cluster, ...]
    differences: tuple[Difference, ...]


class Range(Part):
    """An uncertain value: 5th, 50th and 95th percentile."""

    low: float
    best: float
    high: float


class Facility(Part):
    """One deployment of the census."""

    deployment: str
    facility: str
    territory: str
    owners: tuple[str, ...]
    provider: tuple[str, ...]
    accelerator: str
    vendor: str
    count: float | Range | None
    in_service: str | None
    status: str
    kind: str
    source: str


class Measurement(Part):
    """One measurement of the calibration."""

    accelerator: str | None
    basis: str
    precision: str | None
    metric: str | None
    achieved_flop_per_s: float | None
    achieved_bytes_per_s: float | None = None
    fraction: float | Range | None
    software: str | None
    date: str
    kind: str
    source: str


class StudyPart(Part):
    """What the study asked."""

    id: str
    title: str
    as_of: str
    precision: str
    seed: int
    draws: int


def _comparable(estimates: tuple[Estimate, ...]) -> tuple[Estimate, ...]:
    for what in ("precision", "sparse", "unit", "as_of"):
        found = sorted({str(getattr(estimate, what)) for estimate in estimates})
        if len(found) > 1:
            raise PydanticCustomError(
                "mixed", "estimates that cannot stand side by side: {what} {found}", _mixed(what, found)
            )
    bases = [estimate.basis for estimate in estimates]
    if len(set(bases)) < len(bases):
        raise PydanticCustomError("twice", "a basis that is there twice")
    return estimates


def _mixed(what: str, found: list[str]) -> dict[str, Any]:
    return {"what": what, "found": " and ".join(found)}


class Results(Part):
    """Everything a study found. Parts that it was not asked for, or ``not_available``, are None or empty."""

    flopcensus_version: str
    study: StudyPart
    record: Record | None
    estimates: Annotated[tuple[Estimate, ...], AfterValidator(_comparable)]
    comparison: Comparison | None
    facilities: tuple[Facility, ...]
    measurements: tuple[Measurement, ...]
    cube: Cube | None = None
    countries: Countries | None = None
    world: World | None = None
    sold: Sold | None = None
    supply_cuts: tuple[SupplyCut, ...] = ()
    frontier: Frontier | None = None
    bridge: dict[str, Bridge] | None = None
    fleet: Fleet | None = None
    targets: tuple[TargetOfCountry, ...] = ()
    not_available: dict[str, str] = Field(default_factory=dict)
