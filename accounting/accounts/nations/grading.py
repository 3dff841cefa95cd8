"""Grades of data quality: how a figure is known, and how wide it is. A convention of ours, A to D.

A figure gets two grades and shows the worse. By kind, from what its capacity rests on:

    A  three quarters or more measured or published
    B  three quarters or more measured, published or reported
    C  half or more of anything but assumed
    D  the rest

By spread, the 95th percentile ÷ the 5th: A up to 1.25, B up to 2, C up to 4, D beyond.

A grade covers only what is counted: chips that nobody has located are in no figure, and so in no grade. A
share that is 0 or 1 in every draw does not depend on how large anything is. It is graded as reported, since
that is how owners and makers are known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from accounting.accounts.crosstabs import Share

Grade = Literal["A", "B", "C", "D"]
GRADES: tuple[Grade, ...] = ("A", "B", "C", "D")
MOST = 0.75
HALF = 0.5
SPREADS: tuple[tuple[float, Grade], ...] = ((1.25, "A"), (2.0, "B"), (4.0, "C"))


@dataclass(frozen=True)
class Graded:
    """A grade with both of its reasons; ``spread`` is p95 ÷ p5, None where the 5th percentile is nought."""

    grade: Grade
    by_kind: Grade
    by_spread: Grade
    kinds: Mapping[str, float]
    spread: float | None


def graded(kinds: Mapping[str, float], p5: float, p95: float) -> Graded:
    """Grade a figure.

    Args:
        kinds: shares of its capacity by how they are known; they add to 1.
        p5: its 5th percentile, in any unit, not below 0.
        p95: its 95th percentile.

    >>> graded({"reported": 0.8, "assumed": 0.2}, 10.0, 30.0).grade
    'C'
    """
    spread = 1.0 if p5 == p95 else p95 / p5 if p5 > 0 else math.inf
    kind, width = kind_grade(kinds), spread_grade(spread)
    worse = max(kind, width, key=GRADES.index)
    return Graded(worse, kind, width, dict(kinds), spread if math.isfinite(spread) else None)


def graded_share(kinds: Mapping[str, float], share: Share) -> Graded:
    """Grade a share of capacity that rests on ``kinds``; one that size does not move is as reported."""
    fixed = share.p5 == share.p95 and share.share in {0.0, 1.0}
    return graded({"reported": 1.0} if fixed and kinds else kinds, share.p5, share.p95)


def kind_grade(kinds: Mapping[str, float]) -> Grade:
    """Return the grade by kind; of nothing, D."""
    seen = kinds.get("measured", 0.0) + kinds.get("published", 0.0)
    told = seen + kinds.get("reported", 0.0)
    if seen >= MOST:
        return "A"
    if told >= MOST:
        return "B"
    return "C" if told + kinds.get("derived", 0.0) >= HALF else "D"


def spread_grade(spread: float) -> Grade:
    """Return the grade by spread (p95 ÷ p5)."""
    return next((grade for limit, grade in SPREADS if spread <= limit), "D")
