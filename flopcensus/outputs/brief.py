"""What ``flopcensus brief`` prints: a country or group, and the world."""

from __future__ import annotations

from typing import Literal

from flopcensus.outputs.parts import (
    Basis,
    ConcentrationDrawn,
    Day,
    Document,
    Known,
    Precision,
    Quantiles,
    Share,
    Skipped,
    Value,
    says,
)

GradeLetter = Literal["A", "B", "C", "D", "E"]


class Country(Document):
    """Whom a brief is on."""

    code: str = says("ISO 3166 alpha-2, or the code of a group")
    name: str = says("name for people")
    members: tuple[str, ...] = says("of a group: its members at the date")


class Headline(Document):
    """The figures that come first."""

    capacity: Quantiles = says("capacity on the soil, in the unit of the document")
    share_of_world: Share = says("its share of the world's")
    rank: int | None = says("place among nations that host any, by the mean")
    hosts: int = says("nations that host any")
    per_head: Quantiles | None = says("capacity a person")
    per_gdp_usd: Quantiles | None = says("capacity a dollar of yearly product")
    growth: Quantiles | None = says("growth on the soil, as a factor a year")
    world_growth: Quantiles | None = says("growth of the world's, as a factor a year")
    provenance: dict[str, float] = says("share of the mean by how it is known")


class Grade(Document):
    """How good the data behind a figure are."""

    grade: GradeLetter = says("the worse of the two, A to E")
    by_kind: GradeLetter = says("by how the figure is known")
    by_spread: GradeLetter = says("by how widely it spreads")
    kinds: dict[str, float] = says("share of it by how it is known")
    spread: float | None = says("95th ÷ 5th percentile; null where the 5th is nought")


class BriefLevel(Document):
    """Who is behind the capacity at one level."""

    level: str = says("the level")
    domestic: Share = says("share that is the country's own")
    domestic_high: Share = says("the same if all that is unknown were its own")
    unknown: Share = says("share whose holder is not known")
    nations: dict[str, Share] = says("shares of other nations by code")
    probability_weakest: float = says("probability that no level is less domestic, 0 to 1")


class BriefExposure(Document):
    """What one foreign nation has in its hand."""

    nation: str = says("ISO 3166 alpha-2")
    by_level: dict[str, Share] = says("its share at each level")
    stop_now: Share = says("share that it could switch off")
    stop_growth: Share = says("share that it could stop the growth of")


class Firm(Document):
    """An organisation at one level."""

    code: str = says("id, or unknown")
    name: str = says("name for people")
    share: float = says("share of the capacity on the soil, 0 to 1")
    p5: float = says("5th percentile")
    p95: float = says("95th percentile")


class LargestSite(Document):
    """The largest site of a country."""

    code: str = says("id of the facility")
    capacity: Quantiles = says("its capacity, in the unit of the document")
    share: Share = says("its share of the capacity on the soil")
    probability_largest: float = says("probability that it is the largest, 0 to 1")


class CloudCategories(Document):
    """Categories of Oxford's Compute North, South and Desert, by public cloud regions."""

    code: str = says("ISO 3166 alpha-2")
    category: str = says("the category by what is known")
    at_most: str = says("the highest that it may be, given what pages do not tell")
    alignment: str = says("whose clouds they are")
    training: int = says("regions with accelerators for training")
    inference: int = says("regions with others alone")
    unnamed: int = says("regions with accelerators of no stated model")
    unknown: int = says("regions whose pages do not tell")
    without: int = says("regions without accelerators")
    owners: dict[str, int] = says("regions that count, by nation of the provider")


class OwnCategories(Document):
    """Categories of ours, each a probability."""

    trains: float = says("that the largest site can do the run in the days, 0 to 1")
    run_flop: float = says("work of that run. Unit: FLOP")
    run_days: float = says("its days")
    home_grown: float = says("that half of the capacity is domestic at every level at once, 0 to 1")


class BriefProfile(Document):
    """What of the capacity is the country's own."""

    all_levels_domestic: Share = says("share that is its own at every level at once")
    all_levels_domestic_high: Share = says("the same if all that is unknown were its own")
    weakest: str | None = says("level that is least its own")
    exposures: tuple[BriefExposure, ...] = says("by foreign nation")
    firms: dict[str, tuple[Firm, ...]] = says("organisations by level")
    largest_site: LargestSite | None = says("null where nothing stands there")
    published_categories: CloudCategories | None = says("by public clouds; null of a group")
    own_categories: OwnCategories | None = says("null where nothing stands there")
    concentration: dict[str, ConcentrationDrawn] = says("by level")


class Partner(Quantiles):
    """A nation across the border."""

    code: str = says("ISO 3166 alpha-2, or unknown")
    share: float = says("share of the side of the account, 0 to 1")


class NationalAccount(Document):
    """Capacity on the soil, and under the control of owners of the nation."""

    levels: dict[str, Quantiles] = says("home, foreign, abroad, domestic (home + foreign), national")
    shares: dict[str, Share] = says("home and foreign of domestic, abroad of national")
    controlled_from: tuple[Partner, ...] = says("nations whose owners hold what stands on the soil")
    controls_in: tuple[Partner, ...] = says("nations on whose soil its owners' capacity stands")


class Owner(Document):
    """An owner of a facility."""

    name: str = says("name for people")
    nation: str = says("nation of the ultimate controlling unit")


class StatedDeployment(Document):
    """A deployment as its sources state it."""

    accelerator: str = says("name of the accelerator")
    count: Value | None = says("accelerators")
    in_service: Day | None = says("first day of use")
    kind: Known = says("how it is known")
    source: str = says("where a reader can look it up")


class FacilityLine(Quantiles):
    """One facility, its capacity in the unit of the document."""

    facility: str = says("id of the facility")
    name: str = says("name for people")
    territory: str | None = says("where it stands, ISO 3166 alpha-2")
    share: float = says("share of the capacity shown, 0 to 1")
    share_of_variance: float = says("share of the variance of the total; sampling may give less than 0")
    owners: tuple[Owner, ...] = says("who owns it")
    deployments: tuple[StatedDeployment, ...] = says("what stands in it")
    sources: tuple[str, ...] = says("where a reader can look it up")


class Target(Document):
    """How far a nation is from an aim of its programmes."""

    programme: str = says("id of the programme")
    aim: str = says("id of the aim")
    name: str = says("name of the programme")
    state: str = says("how far the aim has come")
    kind: Known = says("how the aim is known")
    reading: str = says("how the aim is read")
    source: str = says("where a reader can look it up")
    reached: Quantiles = says("capacity that counts for it today, in the unit of the document")
    years_left: float = says("years to its day; 0 where that has passed")
    growth_needed: Quantiles | None = says("factor a year to reach it; null where its day has passed")
    growth: Quantiles | None = says("factor a year assumed")
    probability: float = says("probability of reaching it, or of having reached it, 0 to 1")
    counts: Literal["all", "public"] = says("whether all capacity counts or that of the public sector")
    by: Day = says("its day")
    target: Value = says("the aim, in the unit of the document")


class Closing(Document):
    """Years until a gap closes; null stands for never."""

    p5: float | None = says("5th percentile. Unit: years")
    p50: float | None = says("median. Unit: years")
    p95: float | None = says("95th percentile. Unit: years")
    probability_never: float = says("probability that it never does, 0 to 1")


class Demand(Document):
    """A share of supply against a claimed share of demand."""

    supply: Share = says("share of the world's capacity")
    demand: float = says("claimed share of its demand, 0 to 1")
    gap: Quantiles = says("capacity that is lacking, in the unit of the document; negative in surplus")
    growth: Quantiles = says("growth on the soil, as a factor a year")
    world_growth: Quantiles = says("growth of the world's, as a factor a year")
    closing: Closing = says("when the gap closes at these rates")


class WouldChange(Document):
    """What would change the figures most."""

    id: str = says("what it is")
    words: str = says("in a sentence")
    value: float | None = says("a figure for it; null where nobody can put one to it")


class BriefDocument(Document):
    """The whole."""

    schema_: Literal["flopcensus/brief/1"] = says("form and version of the document", alias="schema")
    country: Country = says("whom it is on")
    census: str = says("the census that was valued")
    as_of: Day = says("date that the stock is counted at")
    basis: Basis = says("peak, achievable, sustained or delivered")
    precision: Precision = says("number format of the operations, dense")
    unit: str = says("unit of all capacities: FLOP/s or H100e")
    joint: str = says("to whom joint undertakings are counted: owner or access")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")
    headline: Headline = says("the figures that come first")
    grades: dict[str, Grade] = says("quality of the data by figure")
    levels: tuple[BriefLevel, ...] = says("who is behind the capacity, level by level")
    profile: BriefProfile = says("what of it is the country's own")
    national_account: NationalAccount = says("on the soil, and under national control")
    facilities: tuple[FacilityLine, ...] = says("facilities on the soil, the largest first")
    targets: tuple[Target, ...] = says("aims of national programmes")
    targets_not_comparable: dict[str, str] = says("aims that no capacity can be set against, and why")
    demand: Demand | None = says("where a share of demand was claimed with --demand")
    what_would_change: tuple[WouldChange, ...] = says("what would change the figures most")
    skipped: Skipped = says("deployments left out, by reason")
    warnings: tuple[str, ...] = says("what a reader should know of the figures")


class Inequality(Document):
    """How unequally capacity is spread over nations."""

    level: str = says("territory or provider")
    per: str = says("what nations are weighted by: population or gdp_usd")
    nations: int = says("nations with a weight")
    without: int = says("nations that have none of it at all")
    gini: Quantiles = says("Gini coefficient, 0 to 1")
    lorenz: tuple[tuple[float, float], ...] = says("Lorenz curve: cumulated shares of weight and capacity")
    left_out: Share = says("share of capacity of holders without a weight")


class MatrixCell(Quantiles):
    """A cell of a matrix, in the unit of the document."""

    row: str = says("code at the first level")
    column: str = says("code at the second level")
    share: float = says("share of the total, 0 to 1")


class MatrixRow(Quantiles):
    """A margin of the rows."""

    row: str = says("code at the first level")
    share: float = says("share of the total, 0 to 1")


class MatrixColumn(Quantiles):
    """A margin of the columns."""

    column: str = says("code at the second level")
    share: float = says("share of the total, 0 to 1")


class Matrix(Document):
    """Who hosts, controls or uses what of whom."""

    levels: tuple[str, str] = says("level of the rows, and of the columns")
    cells: tuple[MatrixCell, ...] = says("cells that hold something")
    rows: tuple[MatrixRow, ...] = says("sums over columns")
    columns: tuple[MatrixColumn, ...] = says("sums over rows")
    total: Quantiles = says("the sum of all, in the unit of the document")


class WorldDocument(Document):
    """The whole, of ``flopcensus brief WORLD``."""

    schema_: Literal["flopcensus/world/1"] = says("form and version of the document", alias="schema")
    census: str = says("the census that was valued")
    as_of: Day = says("date that the stock is counted at")
    basis: Basis = says("peak, achievable, sustained or delivered")
    precision: Precision = says("number format of the operations, dense")
    unit: str = says("unit of all capacities: FLOP/s or H100e")
    joint: str = says("to whom joint undertakings are counted: owner or access")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")
    total: Quantiles = says("the world's capacity")
    provenance: dict[str, float] = says("share of the mean by how it is known")
    inequality: tuple[Inequality, ...] = says("inequality between nations")
    concentration: dict[str, ConcentrationDrawn] = says("by level")
    matrices: dict[str, Matrix] = says("nation by nation")
    imbalance: float = says(
        "largest difference of foreign and abroad over the total: nought but for rounding"
    )
    largest: tuple[FacilityLine, ...] = says("the largest facilities")
    skipped: Skipped = says("deployments left out, by reason")
    warnings: tuple[str, ...] = says("what a reader should know of the figures")
