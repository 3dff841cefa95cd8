"""A claim such as "21 AI exaFLOPS", read by every accelerator and precision it may mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounting.accounts.account import Quantiles
    from accounting.capacity.bases import Basis
    from accounting.capacity.calibration import Calibration
    from accounting.claims.readings import Decoded, Reading
    from accounting.reference.facts import Facts


@dataclass(frozen=True)
class Worth:
    """A reading's accelerators on one basis below peak, in 16-bit dense. Unit: FLOP/s."""

    quantiles: Quantiles
    kind: str


@dataclass(frozen=True)
class Line:
    """A reading, the models that stand for its accelerators below peak, and what these deliver."""

    reading: Reading
    measured_as: tuple[str, ...]
    worth: dict[Basis, Worth]


@dataclass(frozen=True)
class DecodedClaim:
    """A claim with all its readings, each with what its accelerators deliver by measurement."""

    decoded: Decoded
    lines: tuple[Line, ...]
    seed: int
    draws: int


def run_decode(
    claim: str,
    accelerators: Sequence[str],
    counts: Sequence[str],
    calibrations: Sequence[Path],
    *,
    draws: int,
    seed: int,
) -> DecodedClaim:
    """Decode a claim, and value the accelerators of each reading. Raises InputError and its kin."""
    from accounting.capacity.calibration import load_calibration
    from accounting.claims.readings import decode
    from accounting.reference.facts import load_facts
    from flopcensus.answering.reading import read_value

    facts = load_facts()
    decoded = decode(claim, facts, accelerators, [read_value(text, "count", "--count") for text in counts])
    lines = _valued(decoded, facts, load_calibration(facts, calibrations), draws, seed)
    return DecodedClaim(decoded, lines, seed, draws)


def _valued(
    decoded: Decoded, facts: Facts, calibration: Calibration, draws: int, seed: int
) -> tuple[Line, ...]:
    """Value the accelerators of every reading; the same ones are valued once."""
    from accounting.accounts.account import Quantiles
    from accounting.claims.measured import best_known, measured_terms

    known: dict[tuple[str, ...], dict[Basis, Worth]] = {}
    lines = []
    for reading in decoded.readings:
        models = tuple(best_known(ids, calibration) for ids in reading.models)
        # without a count, one accelerator is valued and multiplied by the count that the reading implies
        counts = (1.0,) if decoded.count is None else reading.counts
        if models not in known:
            terms = measured_terms(
                dict(zip(models, counts, strict=True)), facts, calibration, seed=seed, draws=draws
            )
            known[models] = {b: Worth(Quantiles.of(t.capacity.draws), t.kind) for b, t in terms.items()}
        factor = reading.count if decoded.count is None else 1.0
        worth = {b: Worth(times(w.quantiles, factor), w.kind) for b, w in known[models].items()}
        lines.append(Line(reading, models, worth))
    return tuple(lines)


def times(q: Quantiles, factor: float) -> Quantiles:
    """Return the quantiles of a quantity multiplied by a number above 0."""
    from accounting.accounts.account import Quantiles

    return Quantiles(q.p5 * factor, q.p50 * factor, q.p95 * factor, q.mean * factor)
