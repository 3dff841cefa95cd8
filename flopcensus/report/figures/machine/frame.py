"""The axes of a roofline, both logarithmic: where a value stands, and where labels of level lines have room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.assessing.roofline import Ceilings
from bench.record import DeviceDescription, Result
from flopcensus.output import si
from flopcensus.report.figures.machine.labels import spread_out
from flopcensus.report.figures.machine.words import by_precision

HEIGHT = 420
# plots of a wide screen and of a phone, less their axes, in pixels; labels are placed for each
WIDE, NARROW = 520.0, 185.0
# pixels: between lines that share a label, and between labels
_CLOSE, _LINE = 9.0, 13.0
# factors of room left, right, below and above of what is drawn
_LEFT, _RIGHT, _BELOW, _ABOVE = 3.0, 4.0, 2.5, 4.0


@dataclass(frozen=True)
class Level:
    """A level line: the most arithmetic in a precision, as measured or by the data sheet.

    Attributes:
        precision: The precision.
        value: Where the line stands. Unit: FLOP/s.
        by: The workload that measured it; None where it is the data sheet's peak.
        result: What that workload measured.
    """

    precision: str
    value: float
    by: str | None
    result: Result | None = None

    @property
    def kind(self) -> str:
        """``ceiling`` where it was measured, else ``peak``."""
        return "ceiling" if self.by else "peak"


@dataclass(frozen=True)
class Frame:
    """The ends of both axes. Units: FLOP/B along, FLOP/s up."""

    x0: float
    x1: float
    y0: float
    y1: float

    def height_of(self, rate: float) -> float:
        """Pixels from the bottom, at ``HEIGHT`` pixels."""
        return HEIGHT * math.log(rate / self.y0) / math.log(self.y1 / self.y0)

    def rate_at(self, pixels: float) -> float:
        """The rate (FLOP/s) at pixels from the bottom."""
        return float(self.y0 * (self.y1 / self.y0) ** (pixels / HEIGHT))

    def along(self, intensity: float, width: float) -> float:
        """Pixels from the left, of a plot so wide."""
        return width * math.log(intensity / self.x0) / math.log(self.x1 / self.x0)


def point_of(one: Result) -> tuple[float, float]:
    """Return the arithmetic intensity (FLOP/B) and the rate (FLOP/s) of a call.

    Raises:
        ValueError: The result says nothing of a call.
    """
    call = one.per_call
    if call is None:
        raise ValueError(f"{one.workload} has no call")
    return call.flop / call.bytes, call.flop / call.seconds


def frame_of(points: Sequence[Result], ceilings: Ceilings, device: DeviceDescription) -> Frame:
    """Return axes that hold every point, ceiling and peak, with room for labels."""
    drawn = [point_of(one) for one in points]
    levels = [found.value for found in ceilings.compute.values()] + list(device.peak.values())
    slope = ceilings.memory.value if ceilings.memory else None
    along = [x for x, _ in drawn] + [level / slope for level in levels if slope]
    x0, x1 = min(along, default=0.1) / _LEFT, max(along, default=100.0) * _RIGHT
    up = [y for _, y in drawn] + levels + ([slope * x0] if slope else [])
    return Frame(x0, x1, min(up, default=1e9) / _BELOW, max(up, default=1e12) * _ABOVE)


def level_labels(levels: Sequence[Level], frame: Frame) -> list[tuple[str, float]]:
    """Return the label of each level line and its height in pixels; lines close together share one.

    A line whose label stands with another has "".
    """
    heights = [frame.height_of(one.value) for one in levels]
    groups: list[list[int]] = []
    for n in sorted(range(len(levels)), key=lambda n: (levels[n].kind, heights[n])):
        last = groups[-1] if groups else []
        if last and levels[last[0]].kind == levels[n].kind and heights[n] - heights[last[0]] < _CLOSE:
            last.append(n)
        else:
            groups.append([n])
    spread = spread_out([heights[group[-1]] for group in groups], _LINE)
    labels = [("", 0.0)] * len(levels)
    for group, height in zip(groups, spread, strict=True):
        labels[group[0]] = (_shared([levels[n] for n in group]), height)
    return labels


def _shared(levels: Sequence[Level]) -> str:
    names = ", ".join(sorted((one.precision for one in levels), key=by_precision))
    value = f" {si(levels[0].value, '').strip().replace(' ', '')}" if len(levels) == 1 else ""
    return f"{names}{' peak' if levels[0].kind == 'peak' else ''}{value}"
