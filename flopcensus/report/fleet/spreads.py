"""How each metric is spread over a fleet, as one picture: quantiles as shares of the median on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flopcensus.report.blocks.charts import WIDTH, nice_step, shorten

if TYPE_CHECKING:
    from bench.fleets.judging.verdicts import Distribution

_LABEL = 15.0
_ROW = 33.0
_TOP = 4.0
_AXIS = 18.0
_SIDE = 14.0
# the axis shows at least ±5 % and at most from half to one and a half; what lies beyond is drawn at its end
_LEAST, _MOST = 0.05, 0.5


@dataclass(frozen=True)
class SpreadRow:
    """One metric: x of the lowest, of five quantiles, and whether the lowest lies off the picture."""

    label: str
    label_y: float
    y: float
    lowest: float
    p1: float
    p25: float
    p50: float
    p75: float
    p99: float
    off: bool


@dataclass(frozen=True)
class SpreadTick:
    """A line of the axis."""

    x: float
    text: str


@dataclass(frozen=True)
class SpreadChart:
    """The picture."""

    height: float
    axis_y: float
    ticks: tuple[SpreadTick, ...]
    rows: tuple[SpreadRow, ...]
    width: float = WIDTH


def spread_chart(labels: Sequence[str], found: Sequence[Distribution]) -> SpreadChart:
    """Lay out a row for each distribution, top to bottom."""
    reach = max((abs(q / one.median - 1) for one in found for q in one.quantiles.values()), default=0.0)
    step = nice_step(min(_MOST, max(_LEAST, reach)), 2)
    reach = 2 * step

    def x(value: float) -> float:
        return _SIDE + (WIDTH - 2 * _SIDE) * (min(1.0, max(-1.0, (value - 1) / reach)) + 1) / 2

    rows = []
    for place, (label, one) in enumerate(zip(labels, found, strict=True)):
        top = _TOP + _ROW * place
        at = {name: x(value / one.median) for name, value in one.quantiles.items()}
        lowest = one.least / one.median
        rows.append(
            SpreadRow(
                shorten(label, WIDTH), top + 11, top + _LABEL + 8, x(lowest),
                at["p1"], at["p25"], at["p50"], at["p75"], at["p99"], lowest < 1 - reach,
            )
        )  # fmt: skip
    end = _TOP + _ROW * len(rows)
    ticks = tuple(
        SpreadTick(x(1 + step * n), "median" if n == 0 else f"{100 * step * n:+.3g} %") for n in range(-2, 3)
    )
    return SpreadChart(end + _AXIS, end, ticks, tuple(rows))
