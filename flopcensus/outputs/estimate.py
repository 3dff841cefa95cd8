"""What ``flopcensus estimate`` prints."""

from __future__ import annotations

from typing import Any, Literal

from flopcensus.outputs.parts import (
    Basis,
    Concentration,
    Day,
    Document,
    Known,
    Precision,
    Quantiles,
    Row,
    Skipped,
    maybe,
    says,
)


class Group(Row):
    """A group of nations; groups overlap, and are never rows of a level."""

    level: str = says("level of nations that the group is of")
    members: tuple[str, ...] = says("its members at the date, ISO 3166 alpha-2")


class VarianceShare(Document):
    """A share of the variance of a total."""

    share: float = says("share of the variance, 0 to 1; sampling may give a little less than 0")
    error: float = says("its standard error")


class Driver(Document):
    """An input that the spread of a total comes from."""

    input: str = says("key of the input, the same in every run")
    name: str = says("name for people")
    inputs: int = says("inputs that are counted as this one")
    first_order: VarianceShare = says("share by itself (first-order Sobol index)")
    total_order: VarianceShare = says("share with what it does together with others (total Sobol index)")
    low: float = says("5th percentile of the total with all other inputs at their medians")
    high: float = says("95th percentile of the total with all other inputs at their medians")


class Drivers(Document):
    """What drives the spread of a total."""

    centre: float = says("mean of the total, in the unit of the estimate")
    sd: float = says("standard deviation of the total, in the unit of the estimate")
    together: VarianceShare = says("what inputs do only together")
    inputs: tuple[Driver, ...] = says("the inputs, the strongest first")


class Clue(Document):
    """What one clue says of the size of a deployment."""

    clue: str = says("count, power or cost")
    accelerators: float = says("accelerators it speaks for, median")
    log_sd: float = says("standard deviation of its logarithm")
    z: float | None = says("distance from what the other clues say, in standard deviations")
    used: bool = says("whether the size rests on it")


class Disagreement(Document):
    """A deployment whose clues do not agree."""

    deployment: str = says("id of the deployment")
    widening: float = says("factor that its spread was widened by (Birge ratio)")
    clues: tuple[Clue, ...] = says("what each clue says")


class Sized(Document):
    """What rests on a power, a cost or a typical accelerator in place of a count and a model."""

    deployments: int = says("deployments that it is so of")
    by: dict[str, int] = says("deployments by the clue that they are sized by")
    typical_accelerator: int = says("deployments valued with a typical accelerator of their designer")
    share_of_peak: float = says("their share of the capacity at peak, 0 to 1")
    disagreements: tuple[Disagreement, ...] = says("deployments whose clues do not agree")


class Rate(Document):
    """A growth a year."""

    per_year: float = says("growth as a factor a year, median")
    p5: float = says("its 5th percentile")
    p95: float = says("its 95th percentile")
    doubling_months: float | None = maybe("months in which the total doubles at that rate")


class Fitted(Rate):
    """A growth that is fitted to several points."""

    points: int = says("points that it is fitted to")


class Growth(Rate):
    """How a total grew over the dates that were observed."""

    from_: Day | None = says("first of the two dates", alias="from")
    to: Day | None = says("last of the two dates")
    trend: Fitted | None = maybe("fitted through all dates observed")
    leading: Fitted | None = maybe("fitted through the leading systems, at the dates that they led")


class Point(Document):
    """The stock at one date of a series."""

    as_of: Day = says("date that the stock is counted at")
    projected: bool = says("whether the date lies after the census's snapshot")
    status: tuple[str, ...] = says("statuses counted")
    total: Quantiles = says("the total, in the unit of the estimate")
    planned_share: float = says("share of the mean that is planned today, 0 to 1")
    deployments: int = says("deployments valued")
    skipped: Skipped = says("deployments left out, by reason")
    accounts: dict[str, tuple[Row, ...]] | None = maybe("rows by level, where levels were asked for")


class Estimate(Document):
    """One estimate: a census on one basis in one precision."""

    census: str = says("the census that was valued")
    rows: int = says("deployments of the census")
    as_of: Day = says("date that the stock is counted at")
    basis: Basis = says("peak, achievable, sustained or delivered")
    precision: Precision | None = says("number format of the operations; null where the unit is B/s")
    sparse: bool = says("whether rates count structured sparsity")
    unit: str = says("unit of all capacities: FLOP/s, H100e, B/s, or FLOP/year of what is used")
    denomination: str = says("precision, dense or sparse, basis and unit in one text")
    status: tuple[str, ...] = says("statuses counted")
    recipe: str | None = says("published recipe that was followed")
    joint: str = says("to whom joint undertakings are counted: owner or access")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")
    deployments: int = says("deployments valued")
    skipped: Skipped = says("deployments left out, by reason")
    total: Quantiles = says("the total")
    accounts: dict[str, tuple[Row, ...]] = says("rows by level; levels crossed are joined by commas")
    groups: tuple[Group, ...] = says("groups of nations, by level")
    concentration: dict[str, Concentration] = says("by level")
    provenance: dict[str, float] = says("share of the mean total by how it is known")
    sized: Sized | None = says("what rests on a power, a cost or a typical accelerator")
    warnings: tuple[str, ...] = says("what a reader should know of the figures")
    drivers: Drivers | None = maybe("what drives the spread, where asked for")
    snapshot: Day | None = maybe("of a series: day that the census is of")
    series: tuple[Point, ...] | None = maybe("the stock at several dates, where asked for")
    growth: Growth | None = maybe("of a series: growth of the dates observed")
    facilities: int | None = maybe("facilities behind the total")
    entries_digest: str | None = maybe("tells apart which deployments stand behind the total")
    census_digest: str | None = maybe("tells censuses apart: the same digest, the same facts")
    method_digest: str | None = maybe("tells methods apart")
    method: dict[str, Any] | None = maybe("the settings that the method's digest is of, by name")


class Held(Document):
    """Chips, or H100e, that were sold, and what a census locates of them."""

    sold: Quantiles = says("sold until the date")
    located: Quantiles = says("located by the census")
    unlocated: Quantiles = says("the difference")


class SoldLine(Document):
    """A designer, a model or an owner."""

    code: str = says("id, or name of the model")
    name: str = says("name for people")
    chips: Held = says("accelerators")
    h100e: Held = says("H100 equivalents of 8-bit peak")


class Bound(Document):
    """What a nation's share may be, wherever stands what is not located."""

    code: str = says("ISO 3166 alpha-2")
    name: str = says("name for people")
    h100e: Quantiles = says("located H100 equivalents of 8-bit peak")
    share: Quantiles = says("share of what is located, 0 to 1")
    lowest: Quantiles = says("share if all that is not located stands elsewhere")
    highest: Quantiles = says("share if all that is not located stands there")
    adjusted_h100e: Quantiles | None = maybe("H100 equivalents once shares are scaled to the sales")
    adjusted_share: Quantiles | None = maybe("share once scaled to the sales")


class Bounds(Document):
    """Bounds of shares by level."""

    territory: tuple[Bound, ...] = says("by where it stands")
    provider: tuple[Bound, ...] = says("by the nationality of the owner")


class Unlocated(Document):
    """Accelerators sold that no facility of the census holds."""

    on: Day = says("date that sales and stock are counted until")
    sales_since: dict[str, Day] = says("first day of the sales by designer")
    h100e: str = says("what an H100e is here, in words")
    designer: tuple[SoldLine, ...] = says("by designer")
    model: tuple[SoldLine, ...] = says("by model")
    owner: tuple[SoldLine, ...] = says("by owner, where the sales say who bought")
    bounds: Bounds = says("what shares of nations may be")
    located_outside_of_the_sales: float = says("located accelerators that the sales do not cover")
    reconciled: Literal["none", "rake"] = says("whether shares were scaled to the sales")
    kind: Known = says("how the figures are known")
    warnings: tuple[str, ...] = says("what a reader should know of the figures")


class EstimateDocument(Document):
    """The whole."""

    schema_: Literal["flopcensus/estimate/1"] = says("form and version of the document", alias="schema")
    flopcensus_version: str = says("version that made it")
    estimates: tuple[Estimate, ...] = says("one for each basis and precision")
    unlocated: Unlocated | None = maybe("what was sold and is not located")
