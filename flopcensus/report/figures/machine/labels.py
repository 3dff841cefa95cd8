"""Where labels stand so that none covers another: greedy, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LINE = 13.0
# of a sans-serif at 11 px, a little wide
_LETTER, _BROAD, _THIN = 6.4, 10.4, 3.8
_GAP = 8.0
_POINT = 6.0
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Labelled:
    """A point and its words; pixels from the left and from the top."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Offset:
    """Where the left end of the words stands from the point, in pixels."""

    dx: float
    dy: float


def place(points: Sequence[Labelled], width: float) -> list[Offset | None]:
    """Place labels beside, above or below their points; None where there is no room.

    >>> place([Labelled(50, 50, "one"), Labelled(50, 51, "two")], 300)
    [Offset(dx=8.0, dy=0.0), Offset(dx=-28.6, dy=0.0)]
    """
    taken: list[Box] = [(p.x - _POINT, p.y - _POINT, p.x + _POINT, p.y + _POINT) for p in points]
    placed: list[Offset | None] = []
    for point in points:
        long = _length(point.text)
        choices = (
            Offset(_GAP, 0.0),
            Offset(round(-_GAP - long, 1), 0.0),
            *(Offset(round(-long / 2, 1), dy) for dy in (-13.0, 13.0)),
            *(Offset(_GAP, dy) for dy in (-12.0, 12.0)),
            *(Offset(round(-_GAP - long, 1), dy) for dy in (-12.0, 12.0)),
        )
        boxes = ((one, _box(point, one, long)) for one in choices)
        found = next(((one, box) for one, box in boxes if _is_free(box, taken, width)), None)
        if found:
            taken.append(found[1])
        placed.append(found[0] if found else None)
    return placed


def _length(text: str) -> float:
    return sum(_BROAD if c in "mwMW" else _THIN if c in "ijlt .,:'" else _LETTER for c in text)


def _box(point: Labelled, offset: Offset, long: float) -> Box:
    left, middle = point.x + offset.dx, point.y + offset.dy
    return (left, middle - _LINE / 2, left + long, middle + _LINE / 2)


def _is_free(box: Box, taken: Sequence[Box], width: float) -> bool:
    left, top, right, bottom = box
    inside = left >= 0 and right <= width
    return inside and not any(left < r and right > x and top < b and bottom > t for x, t, r, b in taken)


def spread_out(heights: Sequence[float], least: float) -> list[float]:
    """Move heights up so that any two are ``least`` apart, keeping their order.

    >>> spread_out([10.0, 12.0, 40.0], 14.0)
    [10.0, 24.0, 40.0]
    """
    moved = list(heights)
    last = float("-inf")
    for n in sorted(range(len(heights)), key=lambda n: heights[n]):
        moved[n] = max(heights[n], last + least)
        last = moved[n]
    return moved
