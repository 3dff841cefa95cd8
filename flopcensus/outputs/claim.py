"""What ``flopcensus decode`` and ``flopcensus lint`` print: claims and censuses held against data sheets."""

from __future__ import annotations

from typing import Literal

from flopcensus.outputs.parts import BasisQuantiles, Document, Precision, says


class Claim(Document):
    """A claim as it was read."""

    text: str = says("the claim")
    exaflops: float = says("its figure. Unit: exaFLOP/s")
    flop_per_s: float = says("the same. Unit: FLOP/s")
    bound: str | None = says("at least, about or at most; null where it says nothing of the kind")
    precisions: tuple[Precision, ...] = says("number formats that it names")
    sparse: bool | None = says("whether it says sparse or dense; null where it says neither")
    unread: str = says("words that were not read")


class NamedChips(Document):
    """Accelerators that a claim is of."""

    name: str = says("the name given")
    count: float | None = says("how many")
    ids: tuple[str, ...] = says("accelerators of the catalogue that the name may stand for")


class ReadingChips(Document):
    """One model of a reading."""

    accelerator: str = says("id of the accelerator")
    variants: tuple[str, ...] = says("ids that share its figures here")
    count: float = says("accelerators")


class Reading(Document):
    """One way to read a claim."""

    accelerator: str = says("ids of the models, joined by ' + '")
    accelerators: tuple[ReadingChips, ...] = says("model by model")
    precision: Precision = says("number format of the operations")
    sparse: bool = says("whether structured sparsity is counted")
    exaflops: float = says("data sheet × count. Unit: exaFLOP/s")
    count: float = says("accelerators in all; where none was given, as many as the claim implies")
    ratio: float | None = says("that figure ÷ the claim; null without a count")
    fits: bool | None = says("whether it meets the claim within the tolerance; null without a count")
    as_stated: bool = says("whether the claim names this precision and sparsity, or leaves them open")
    implied_count: float = says("accelerators that would meet the claim exactly")
    dense_16_bit_exaflops: float | None = says("the same accelerators, dense in 16 bit. Unit: exaFLOP/s")
    measured_as: tuple[str, ...] = says("ids whose measurements stand for the models")
    measured_exaflops: dict[str, BasisQuantiles] = says("the same by basis, as measured. Unit: exaFLOP/s")


class Lacking(Document):
    """A precision that some of the accelerators do not have."""

    precision: Precision = says("number format of the operations")
    sparse: bool = says("whether structured sparsity is counted")
    accelerators: tuple[str, ...] = says("ids of those without it")


class Decoded(Document):
    """A claim and all its readings."""

    schema_: Literal["flopcensus/decode/1"] = says("form and version of the document", alias="schema")
    claim: Claim = says("the claim as it was read")
    accelerators: tuple[NamedChips, ...] = says("the accelerators that it is of")
    per_accelerator_flop_per_s: float | None = says("the claim over the count. Unit: FLOP/s")
    tolerance: float = says("what a ratio may differ from 1 by to fit")
    verdict: str = says("what the readings say together")
    decoded_as: tuple[str, ...] = says("precisions that fit")
    readings: tuple[Reading, ...] = says("reading by reading")
    lacking: tuple[Lacking, ...] = says("readings that the accelerators do not have")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")


class Figure(Document):
    """A figure that a rule looked at."""

    value: float | str | None = says("the value, in 'unit'")
    unit: str = says("unit of the value; blank where it has none")
    basis: str = says("what it is of")


class Finding(Document):
    """Something that is wrong, or suspicious, in a census."""

    rule: str = says("id of the rule")
    severity: Literal["error", "warning", "note"] = says("errors make the exit code 1")
    rows: tuple[str, ...] = says("where, FILE:LINE")
    found: Figure = says("what stands there")
    expected: Figure = says("what should")
    ratio: float | None = says("found ÷ expected")
    factor: float | None = says("total as it stands ÷ total as it should be")
    message: str = says("what is wrong, in a sentence")


class Lint(Document):
    """What is wrong in a census."""

    schema_: Literal["flopcensus/lint/1"] = says("form and version of the document", alias="schema")
    findings: tuple[Finding, ...] = says("finding by finding; none where all is well")
