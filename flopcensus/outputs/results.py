"""What ``flopcensus run`` writes as results.json: everything that a study found."""

from __future__ import annotations

from typing import Any, Literal

from bench.record import Record
from flopcensus.outputs.bridge import Bridge
from flopcensus.outputs.comparison import ComparisonDocument
from flopcensus.outputs.estimate import Estimate, Unlocated
from flopcensus.outputs.parts import Day, Document, Known, Value, maybe, says
from flopcensus.studies.spec import StudySpec


class CensusRow(Document):
    """One deployment of the census."""

    deployment: str = says("id of the deployment")
    facility: str = says("name of the facility")
    territory: str = says("where it stands, ISO 3166 alpha-2, or unknown")
    owners: tuple[str, ...] = says("names of the owners")
    provider: tuple[str, ...] = says("nations of the owners")
    accelerator: str = says("name of the accelerator")
    vendor: str = says("name of its designer")
    count: Value | None = says("accelerators")
    in_service: Day | None = says("first day of use")
    status: str = says("how far it has come")
    kind: Known = says("how it is known")
    source: str = says("where a reader can look it up")


class Measured(Document):
    """One measurement of the calibration."""

    accelerator: str | None = says("name of the accelerator")
    basis: str = says("what the figure is of")
    precision: str | None = says("number format, or regime of training")
    metric: str | None = says("of training: mfu, hfu or wall_clock")
    achieved_flop_per_s: float | None = says("rate of one accelerator. Unit: FLOP/s")
    achieved_bytes_per_s: float | None = says("bandwidth of one accelerator. Unit: B/s")
    fraction: Value | None = says("of the dense peak, or of time, 0 to 1")
    software: str | None = says("versions of what ran")
    date: Day = says("when the source was published")
    kind: Known = says("how the figure is known")
    source: str = says("where a reader can look it up")


class SoldAndDrawn(Unlocated):
    """What was sold and is not located, with its draws."""

    seed: int = says("seed of the draws")
    draws: int = says("number of draws")


class Results(Document):
    """The whole. Parts that only the page reads are open: they may change with any version."""

    schema_: Literal["flopcensus/results/1"] = says("form and version of the document", alias="schema")
    flopcensus_version: str = says("version that made it")
    study: StudySpec = says("what was asked, with its defaults")
    record: Record | None = says("what this machine delivers, where it was measured")
    estimates: tuple[Estimate, ...] = says("one for each basis")
    comparison: ComparisonDocument | None = says("clusters side by side")
    facilities: tuple[CensusRow, ...] = says("every deployment of the census")
    measurements: tuple[Measured, ...] = says("every measurement of the calibration")
    cube: dict[str, Any] | None = maybe("estimates by year, precision, basis and level, for the page")
    countries: dict[str, Any] | None = maybe("a page for each country, for the page")
    world: dict[str, Any] | None = maybe("inequality and concentration, for the page")
    sold: SoldAndDrawn | None = maybe("what was sold and is not located")
    supply_cuts: tuple[dict[str, Any], ...] | None = maybe("supply cuts, for the page")
    frontier: dict[str, Any] | None = maybe("capacity by share of one party, for the page")
    targets: tuple[dict[str, Any], ...] | None = maybe("aims of nations, for the page")
    fleet: dict[str, Any] | None = maybe("a fleet, for the page")
    bridge: dict[str, Bridge] | None = maybe("by unit: the walk from a published figure")
    not_available: dict[str, str] | None = maybe("parts that could not be worked out, and why")
