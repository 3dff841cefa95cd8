"""What a claimed rate may mean: every reading of it by precision, dense or sparse, and variant of the chip.

A reading takes one precision, dense or sparse, for all accelerators at once:

    rate = Σ count × rate of one accelerator in that precision        ratio = rate ÷ claim

A reading fits where its ratio lies within 5 % of 1. Without a count each reading implies one: claim ÷ rate of
one accelerator. A reading that fits says what the claim may mean, never that it is true.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from accounting.claims.chips import H100E, NamedChips, check_count, named_chips
from accounting.claims.text import Claim, parse_claim
from accounting.errors import quote
from accounting.reference.accelerators import PRECISIONS, Precision
from accounting.reference.facts import Facts
from bench.errors import InputError

TOLERANCE = 0.05

Verdict = Literal["decoded", "ambiguous", "not as stated", "none fits", "no count"]


@dataclass(frozen=True)
class Reading:
    """One way to read a claim.

    Attributes:
        models: of each batch, the ids that this reading is of: variants of one name with the same rates.
        counts: of each batch, as given or as implied. Unit: accelerators.
        flop_per_s: what these come to in this reading. Unit: FLOP/s.
        ratio: that ÷ the claim; None where no count is given.
        implied_count: how many would come to the claim exactly, in the same mix.
        dense_16_bit_flop_per_s: dense 16-bit peak of these accelerators; None where one states none.
        as_stated: whether the claim's words allow this precision, dense or sparse.
    """

    models: tuple[tuple[str, ...], ...]
    counts: tuple[float, ...]
    precision: Precision
    sparse: bool
    flop_per_s: float
    ratio: float | None
    implied_count: float
    dense_16_bit_flop_per_s: float | None
    as_stated: bool

    @property
    def name(self) -> str:
        """Precision and dense or sparse, as people write them."""
        return f"{self.precision} {'sparse' if self.sparse else 'dense'}"

    @property
    def accelerators(self) -> tuple[str, ...]:
        """The first of each batch's models, which stands for the others in all rates."""
        return tuple(ids[0] for ids in self.models)

    @property
    def count(self) -> float:
        """All accelerators."""
        return math.fsum(self.counts)

    @property
    def fits(self) -> bool | None:
        """Whether it comes within 5 % of the claim; None where no count is given."""
        return None if self.ratio is None else abs(self.ratio - 1) <= TOLERANCE * (1 + 1e-9)


@dataclass(frozen=True)
class Lacking:
    """A reading that is not possible for all accelerators, and those that state no such rate."""

    precision: Precision
    sparse: bool
    accelerators: tuple[str, ...]


@dataclass(frozen=True)
class Decoded:
    """A claim with all its readings, nearest first."""

    claim: Claim
    chips: tuple[NamedChips, ...]
    readings: tuple[Reading, ...]
    lacking: tuple[Lacking, ...]

    @property
    def count(self) -> float | None:
        """All accelerators, None where not given."""
        counts = [chip.count for chip in self.chips]
        return None if None in counts else math.fsum(count for count in counts if count is not None)

    @property
    def fitting(self) -> tuple[Reading, ...]:
        """The readings that fit and agree with the claim's words."""
        return tuple(r for r in self.readings if r.fits and r.as_stated)

    @property
    def verdict(self) -> Verdict:
        """What came of it; ambiguous where readings of different precision or value fit."""
        if self.count is None:
            return "no count"
        kinds = {(r.name, r.dense_16_bit_flop_per_s) for r in self.fitting}
        if kinds:
            return "decoded" if len(kinds) == 1 else "ambiguous"
        return "not as stated" if any(r.fits for r in self.readings) else "none fits"


def decode(
    text: str, facts: Facts, accelerators: Sequence[str] = (), counts: Sequence[float] = ()
) -> Decoded:
    """Read a claim in every way that the named accelerators allow.

    Args:
        text: the claim; a chip and a count in it serve where the arguments name none.
        facts: the catalogue.
        accelerators: names; one without form factor ("H100") is read as every variant of it. None at all,
            here and in the text: readings are in H100 equivalents, that is of the H100 SXM.
        counts: one for each accelerator in the same order, or none.

    Raises:
        InputError: text, names and counts that cannot be read, or that contradict one another.

    >>> from accounting.reference.facts import load_facts
    >>> decoded = decode("21 AI exaFLOPS", load_facts(), ["nvidia-gh200"], [5448])
    >>> decoded.readings[0].name, round(decoded.readings[0].ratio, 3)
    ('fp8 sparse', 1.027)
    """
    claim = parse_claim(text, facts)
    chips = _chips(claim, _asked(claim, accelerators, counts, facts), facts)
    mixes = list(product(*(_alike(chip.ids, facts) for chip in chips)))
    readings = [
        reading
        for mix in mixes
        for precision in PRECISIONS
        for sparse in (False, True)
        if (reading := _reading(claim, chips, mix, precision, sparse, facts)) is not None
    ]
    return Decoded(claim, chips, tuple(sorted(readings, key=_nearest_first)), _lacking(claim, chips, facts))


def _asked(
    claim: Claim, accelerators: Sequence[str], counts: Sequence[float], facts: Facts
) -> list[NamedChips]:
    """Look up the accelerators that the arguments name, each with its count."""
    for count in counts:
        check_count(count, f"{count:g}")
    if not accelerators and len(counts) == 1 and len(claim.chips) == 1:
        return [replace(claim.chips[0], count=counts[0])]
    if counts and not accelerators:
        raise InputError("a count needs its accelerator; give --accelerator too")
    if counts and len(counts) != len(accelerators):
        found = f"{len(accelerators)} accelerators and {len(counts)} counts"
        raise InputError(f"each accelerator needs its own count (found {found})")
    given: list[float | None] = [*counts] if counts else [None] * len(accelerators)
    return [named_chips(name, facts, count) for name, count in zip(accelerators, given, strict=True)]


def _chips(claim: Claim, asked: list[NamedChips], facts: Facts) -> tuple[NamedChips, ...]:
    """Join what the arguments and the text say of accelerators; where both speak they must agree."""
    if not asked and not claim.chips:
        if claim.count is not None:
            raise InputError(f"{claim.count:,.0f} accelerators of which model? name it with --accelerator")
        return (named_chips(H100E, facts),)
    chips = _agreeing(asked, claim) if asked and claim.chips else asked or list(claim.chips)
    if claim.count is not None:
        chips = _with_count(chips, claim.count)
    _check_mix(chips)
    return tuple(chips)


def _agreeing(asked: list[NamedChips], claim: Claim) -> list[NamedChips]:
    """The asked accelerators with the text's counts where they bring none; they may be more exact than it."""
    joined = []
    for chip in asked:
        same = [
            said for said in claim.chips if set(chip.ids) <= set(said.ids) or set(said.ids) <= set(chip.ids)
        ]
        if not same or len(asked) != len(claim.chips):
            raise _disagree(" + ".join(map(str, claim.chips)), " + ".join(map(str, asked)))
        said = same[0]
        if None not in (chip.count, said.count) and chip.count != said.count:
            raise _disagree(str(said), str(chip))
        count = said.count if chip.count is None else chip.count
        joined.append(replace(min(chip, said, key=lambda c: len(c.ids)), count=count))
    return joined


def _with_count(chips: list[NamedChips], count: float) -> list[NamedChips]:
    given = [chip.count for chip in chips if chip.count is not None]
    if len(chips) == 1 and not given:
        return [replace(chips[0], count=count)]
    if math.fsum(given) != count:
        raise _disagree(f"{count:,.0f} accelerators", " + ".join(map(str, chips)))
    return chips


def _check_mix(chips: list[NamedChips]) -> None:
    ids = [identifier for chip in chips for identifier in chip.ids]
    if len(ids) != len(set(ids)):
        raise InputError(f"an accelerator is named twice (found {', '.join(map(str, chips))})")
    if len(chips) > 1 and any(chip.count is None for chip in chips):
        found = ", ".join(map(str, chips))
        raise InputError(f"several accelerators can be decoded only with a count for each (found {found})")


def _disagree(text: str, options: str) -> InputError:
    return InputError(
        f"the claim says {quote(text)}, the options say {quote(options)}; leave one of them out"
    )


def _reading(
    claim: Claim,
    chips: Sequence[NamedChips],
    mix: tuple[tuple[str, ...], ...],
    precision: Precision,
    sparse: bool,
    facts: Facts,
) -> Reading | None:
    """One reading of one mix of models; None where a model states no such rate."""
    models = [facts.accelerators[ids[0]] for ids in mix]
    rates = [model.rate_flop_per_s(precision, sparse=sparse) for model in models]
    dense = [model.rate_flop_per_s("bf16", sparse=False) for model in models]
    given = [chip.count for chip in chips]
    if None in rates:
        return None
    parts = [1.0 if count is None else count for count in given]
    total = _total(parts, rates)
    implied = math.fsum(parts) * claim.flop_per_s / total
    counts = [implied] if None in given else parts
    return Reading(
        models=mix,
        counts=tuple(counts),
        precision=precision,
        sparse=sparse,
        flop_per_s=claim.flop_per_s if None in given else total,
        ratio=None if None in given else total / claim.flop_per_s,
        implied_count=implied,
        dense_16_bit_flop_per_s=None if None in dense else _total(counts, dense),
        as_stated=claim.allows(precision, sparse=sparse),
    )


def _alike(ids: Sequence[str], facts: Facts) -> list[tuple[str, ...]]:
    """Group variants whose rates are all the same: no claim tells them apart."""
    groups: dict[tuple[float | None, ...], tuple[str, ...]] = {}
    for identifier in ids:
        model = facts.accelerators[identifier]
        rates = tuple(model.rate_flop_per_s(p, sparse=s) for p, s in product(PRECISIONS, (False, True)))
        groups[rates] = (*groups.get(rates, ()), identifier)
    return list(groups.values())


def _total(counts: Sequence[float], rates: Sequence[float | None]) -> float:
    return math.fsum(count * (rate or 0.0) for count, rate in zip(counts, rates, strict=True))


def _nearest_first(reading: Reading) -> tuple[float, bool, int]:
    """By the ratio or its inverse, whichever is above 1, equally near ones dense before sparse.

    Without a count none is nearer than another: those come first that the claim's words allow.
    """
    place = PRECISIONS.index(reading.precision)
    if reading.ratio is None:
        return float(not reading.as_stated), False, place
    return round(abs(math.log(reading.ratio)), 3), reading.sparse, place


def _lacking(claim: Claim, chips: Sequence[NamedChips], facts: Facts) -> tuple[Lacking, ...]:
    """The rates that some of the accelerators state and others do not, or that the claim's words ask for."""
    ids = [identifier for chip in chips for identifier in chip.ids]
    rows = []
    for precision, sparse in product(PRECISIONS, (False, True)):
        without = tuple(
            i for i in ids if facts.accelerators[i].rate_flop_per_s(precision, sparse=sparse) is None
        )
        asked_for = precision in claim.precisions and claim.allows(precision, sparse=sparse)
        if without and (len(without) < len(ids) or asked_for):
            rows.append(Lacking(precision, sparse, without))
    return tuple(rows)
