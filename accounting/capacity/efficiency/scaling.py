"""Scaling with chip count: what a training step loses with each doubling of the accelerators it runs on.

From series in which one source states a rate or utilisation per accelerator at several counts. The slope of
a series is that of ln(rate) on log2(count) by least squares; slopes are pooled by their mean. Series that
share one batch out to many more accelerators (MLPerf's record runs) lose more than a production run would
bear, and do not enter; nor do those within one node. Bench records of `data_parallel` are such series too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.reference.architectures import PositiveFloat
from accounting.reference.names import AcceleratorId
from accounting.validation import Date, FactModel, Kind, Text

# the runs that production figures come from are of this order. Unit: accelerators
REFERENCE_CHIPS = 4096
# where the named factor "scaling" starts from: eight nodes of eight. Unit: accelerators
BASE_CHIPS = 64


class Point(FactModel):
    """A rate or utilisation per accelerator at one count; its unit cancels within a series."""

    accelerators: PositiveFloat = Field(description="accelerators that took part")
    per_accelerator: PositiveFloat = Field(description="rate or utilisation, in one unit within a series")


class ScalingSeries(FactModel):
    """What one source states of one accelerator, model and software at several counts."""

    accelerator: AcceleratorId = Field(description="what was measured")
    what: Text = Field(description="the quantity, the model trained and the software")
    points: tuple[Point, ...] = Field(min_length=2)
    strong: bool = Field(
        False, description="whether the batch per accelerator falls below a quarter; feeds nothing then"
    )
    one_node: bool = Field(
        False,
        description="whether all counts lie within one node, as no production run's; feeds nothing then",
    )
    source: Text
    date: Date
    kind: Kind
    note: Text | None = None

    @model_validator(mode="after")
    def _differing(self) -> ScalingSeries:
        if len({point.accelerators for point in self.points}) < len(self.points):
            raise PydanticCustomError("series", "a series has one point for each count", {"at": "points"})
        return self

    @property
    def slope(self) -> float:
        """Change of ln(rate per accelerator) with each doubling of accelerators."""
        doublings = np.log2([point.accelerators for point in self.points])
        logs = np.log([point.per_accelerator for point in self.points])
        return float(np.polyfit(doublings, logs, 1)[0])


@dataclass(frozen=True)
class Scaling:
    """The pooled slope: mean, spread between series, how many there are, and of what kind.

    It is ``measured`` where all series are of records of ours, ``published`` where any is not.

    >>> round(Scaling(-0.05, 0.0, 3).factor(8192, 2048), 3)
    0.905
    """

    slope: float = 0.0
    between_sd: float = 0.0
    series: int = 0
    sources: tuple[str, ...] = ()
    kind: Kind = "published"

    @classmethod
    def of(cls, series: Sequence[ScalingSeries]) -> Scaling:
        """Pool series; without any, nothing is known to be lost and none is taken off."""
        used = [one for one in series if not (one.strong or one.one_node)]
        slopes = [one.slope for one in used]
        if not slopes:
            return cls()
        mean = math.fsum(slopes) / len(slopes)
        squares = math.fsum((slope - mean) ** 2 for slope in slopes)
        sources = tuple(dict.fromkeys(one.source for one in used))
        kind: Kind = "measured" if all(one.kind == "measured" for one in used) else "published"
        return cls(min(mean, 0.0), math.sqrt(squares / max(len(slopes) - 1, 1)), len(slopes), sources, kind)

    def factor(self, chips: float, of: float = REFERENCE_CHIPS) -> float:
        """Return the median rate per accelerator on ``chips`` ÷ that on ``of``."""
        return math.exp(self.slope * math.log2(chips / of))

    def log_sd(self, chips: float, of: float = REFERENCE_CHIPS) -> float:
        """Return the standard deviation of ln(factor): between series, and of their mean."""
        if not self.series:
            return 0.0
        return abs(math.log2(chips / of)) * self.between_sd * math.sqrt(1 + 1 / self.series)
