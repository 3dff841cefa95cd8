"""What ``flopcensus scenario`` and ``flopcensus supply-cut`` print."""

from __future__ import annotations

from typing import Literal

from accounting.planning.scenarios.access_files import AccessSpec
from flopcensus.outputs.parts import (
    Basis,
    Day,
    Document,
    Known,
    Precision,
    Quantiles,
    Skipped,
    Value,
    says,
)


class BeforeAfter(Document):
    """A figure before the scenario and after it."""

    before: Quantiles = says("without the scenario")
    after: Quantiles = says("with it")


class Moved(Document):
    """What one move takes."""

    id: str = says("id of the move")
    share: Value = says("share of what is selected, 0 to 1")
    kind: Known = says("how the share is known")
    deployments: int = says("deployments it takes from")
    capacity: Quantiles = says("capacity that moves, in the unit of the document")


class Change(BeforeAfter):
    """What one holder had, and has."""

    code: str = says("ISO 3166 alpha-2 or unknown for nations, an id otherwise")
    name: str = says("name for people")
    change: Quantiles = says("after - before, draw by draw")
    share_before: float = says("share of the mean before, 0 to 1")
    share_after: float = says("share of the mean after, 0 to 1")


class ScenarioDocument(Document):
    """The whole."""

    schema_: Literal["flopcensus/scenario/1"] = says("form and version of the document", alias="schema")
    flopcensus_version: str = says("version that made it")
    scenario: AccessSpec = says("the scenario's file, with its defaults")
    census: str = says("the census that it is played on")
    status: tuple[str, ...] = says("statuses counted")
    basis: Basis = says("peak, achievable, sustained or delivered")
    precision: Precision = says("number format of the operations, dense")
    unit: str = says("unit of all capacities: FLOP/s or H100e")
    denomination: str = says("precision, dense or sparse, basis and unit in one text")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")
    deployments: int = says("deployments valued")
    skipped: Skipped = says("deployments left out, by reason")
    total: BeforeAfter = says("the total")
    moves: tuple[Moved, ...] = says("what each move takes")
    levels: dict[str, tuple[Change, ...]] = says("who gains and who loses, by level")
    warnings: tuple[str, ...] = says("what a reader should know of the figures")


class Cut(Document):
    """Who stops what, where and when."""

    from_: tuple[str, ...] = says("nations or firms that stop supplying", alias="from")
    scope: Literal["nation", "firm"] = says("which of the two they are")
    at: tuple[str, ...] = says("places in the chain")
    stops: tuple[str, ...] = says("sales, service, licence")
    on: Day = says("day of the cut")
    years: int = says("years shown after it")


class Year(Document):
    """Capacity at one date."""

    date: Day = says("the date")
    years_after: int = says("years since the cut")
    baseline: Quantiles = says("capacity without the cut, in the unit of the document")
    cut: Quantiles = says("capacity with it")
    share_lost: Quantiles = says("share of the baseline that is lost, 0 to 1")


class CutPlace(Document):
    """What a cut at one place of the chain does."""

    at: str = says("the place, or all")
    level: str | None = says("level of accounts that tells who is there; null for all")
    share_of_stock: Quantiles | None = says("share of today's stock of that origin, 0 to 1; null for all")
    share_unknown: float | None = says("share of the stock of unknown origin, 0 to 1")
    years: tuple[Year, ...] = says("date by date")


class CutParameter(Document):
    """A parameter that a cut rests on."""

    name: str = says("dotted name, as --set takes it")
    p5: float = says("5th percentile")
    p50: float = says("median")
    p95: float = says("95th percentile")
    unit: str = says("unit of the percentiles; blank where it has none")
    kind: Known = says("how it is known")
    source: str = says("where a reader can look it up")
    note: str | None = says("what a reader should know of it")


class SupplyCutDocument(Document):
    """The whole."""

    schema_: Literal["flopcensus/supply-cut/1"] = says("form and version of the document", alias="schema")
    flopcensus_version: str = says("version that made it")
    census: str = says("the census that is cut")
    snapshot: Day = says("day that the census is of")
    cut: Cut = says("who stops what, where and when")
    countries: tuple[str, ...] = says("territories whose capacity is shown; all where empty")
    basis: Basis = says("peak, achievable, sustained or delivered")
    precision: Precision = says("number format of the operations, dense")
    unit: str = says("unit of all capacities: FLOP/s or H100e")
    denomination: str = says("precision, dense or sparse, basis and unit in one text")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")
    deployments: int = says("deployments valued")
    skipped: Skipped = says("deployments left out, by reason")
    growth: str = says("what the baseline grows by, in words")
    unannounced_share_of_last_baseline: float = says("share of it that nobody has announced, 0 to 1")
    places: tuple[CutPlace, ...] = says("place by place, then all together")
    parameters: tuple[CutParameter, ...] = says("every parameter that it rests on")
    assumptions: tuple[str, ...] = says("what is assumed besides, in words")
    warnings: tuple[str, ...] = says("what a reader should know of the figures")
