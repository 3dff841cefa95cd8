"""What ``flopcensus bridge`` and ``flopcensus vintages`` print: why two figures differ."""

from __future__ import annotations

from typing import Any, Literal

from flopcensus.outputs.parts import Basis, Day, Document, Precision, Quantiles, Skipped, says


class Holding(Document):
    """What one holder has at one stage."""

    code: str = says("code of the holder")
    name: str = says("name for people")
    mean: float = says("its capacity, in the unit of the document")
    share: float = says("its share of the total, 0 to 1")


class Stage(Document):
    """The figure after a step."""

    id: str = says("the step that leads here; published where none does yet")
    denomination: str = says("precision, dense or sparse, basis and unit")
    h100e_flop_per_s: float = says("what one H100e is at this stage. Unit: FLOP/s")
    deployments: int = says("deployments counted")
    skipped: Skipped = says("deployments left out, by reason")
    total: Quantiles = says("the total, in the unit of the document")
    rows: tuple[Holding, ...] = says("holder by holder")


class Effect(Document):
    """What a step changed of one holder."""

    code: str = says("code of the holder")
    name: str = says("name for people")
    effect: float = says("change of its capacity, in the unit of the document")
    effect_on_share: float = says("change of its share")


class Step(Document):
    """One thing that is changed."""

    id: str = says("name of the step")
    what: str = says("what is changed, in words")
    effect_on_total: float = says("change of the mean total, in the unit of the document")
    rows: tuple[Effect, ...] = says("holder by holder")


class HoldersDifference(Document):
    """All that a walk changes of one holder."""

    code: str = says("code of the holder")
    name: str = says("name for people")
    difference: float = says("last - first capacity, in the unit of the document")
    share: float = says("last - first share")


class Total(Document):
    """All that a walk changes."""

    total: float = says("last - first mean total, in the unit of the document")
    rows: tuple[HoldersDifference, ...] = says("holder by holder")


class Repair(Document):
    """A row of the published file whose figure was not chips × data sheet."""

    id: str = says("id of the row")
    name: str = says("name for people")
    before_flop_per_s: float | None = says("as published. Unit: FLOP/s")
    after_flop_per_s: float | None = says("chips × data sheet. Unit: FLOP/s")


class Bridge(Document):
    """A walk from a published figure to ours."""

    schema_: Literal["flopcensus/bridge/1"] = says("form and version of the document", alias="schema")
    from_: str = says("the published figure", alias="from")
    to: str = says("where the walk ends")
    file: str = says("the file that the figure rests on")
    source: str = says("where a reader can get it")
    census: str = says("our census")
    published_as_of: Day = says("date of the published figure")
    as_of: Day = says("date of ours")
    basis: Basis = says("basis of ours")
    level: str = says("level of the holders")
    unit: str = says("unit of all capacities: FLOP/s or H100e")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")
    stages: tuple[Stage, ...] = says("the figure after each step, the published one first")
    steps: tuple[Step, ...] = says("what each step changed; the effects add up")
    difference: Total = says("all steps together")
    repairs: tuple[Repair, ...] = says("rows that the step of repairs changed")
    warnings: tuple[str, ...] = says("what a reader should know of the figures")


class OldNewText(Document):
    """Something of two documents."""

    old: str | None = says("of the older")
    new: str | None = says("of the newer")


class OldNew(Document):
    """A setting of two documents."""

    old: Any = says("of the older")
    new: Any = says("of the newer")


class Revision(Document):
    """One figure of two documents; the parts add up to the revision."""

    level: str = says("total, a level, or group of LEVEL")
    code: str = says("code of the row")
    name: str = says("name for people")
    old: float = says("the older mean, in the unit of the comparison")
    new: float = says("the newer mean")
    revision: float = says("new - old")
    relative: float | None = says("revision ÷ old; null where that is nought")
    data: float = says("by deployments that came or went")
    method: float = says("by another method")
    correction: float = says("by other facts about the same deployments")
    unattributed: float = says("what cannot be told apart")


class VintagesComparison(Document):
    """Two estimates of one date, precision and unit."""

    as_of: Day = says("date of both")
    precision: Precision | None = says("number format of the operations")
    unit: str = says("unit of all figures")
    basis: OldNewText = says("basis of each")
    census_digest: OldNewText = says("tells whether the censuses are the same")
    method_changes: dict[str, OldNew] = says("settings that differ, by name")
    resolution: dict[str, str] = says("by level: how finely revisions could be told apart")
    rows: tuple[Revision, ...] = says("row by row")


class Vintages(Document):
    """Two releases compared."""

    schema_: Literal["flopcensus/vintages/1"] = says("form and version of the document", alias="schema")
    comparisons: tuple[VintagesComparison, ...] = says("one for each pair of estimates")
