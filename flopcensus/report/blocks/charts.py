"""Geometry of the page's charts: where each bar, whisker and word stands.

Lengths are in units of the picture (a viewBox `WIDTH` wide), which is a phone's width, so that the
words stay readable there; the style sheet scales it up elsewhere. Nothing here draws.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH = 360.0
_MARK = 12.0  # room left of the bars for a series number
_BAR = 9.0
_BAR_STEP = 13.0
_LABEL = 17.0
_GROUP_GAP = 8.0
_AXIS = 18.0
_TOP = 2.0
_STACK = 18.0
_CHARACTER = 6.6  # width of a small letter of the labels, in a wide font
_VALUE = 0.92  # size of the values, in that of the labels
_TICKS = 4
_NOTHING = 1e-200  # below it a value cannot be drawn to scale in floating point


@dataclass(frozen=True)
class Measure:
    """A value to draw with its interval; ``text`` says it in words, ``series`` names its style."""

    value: float
    low: float
    high: float
    text: str
    series: int


@dataclass(frozen=True)
class Tick:
    """A line of the axis."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True)
class Whisker:
    """An interval, from ``x1`` to ``x2`` at height ``y``."""

    x1: float
    x2: float
    y: float


@dataclass(frozen=True)
class Bar:
    """One bar; no whisker where the value is exact."""

    y: float
    width: float
    height: float
    whisker: Whisker | None
    series: int
    text: str
    text_y: float


@dataclass(frozen=True)
class BarGroup:
    """The bars of one thing under its label."""

    label: str
    full_label: str
    label_y: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars in groups; the plot runs from ``x`` to ``x + plot_width``."""

    height: float
    x: float
    plot_width: float
    axis_y: float
    text_x: float
    ticks: tuple[Tick, ...]
    groups: tuple[BarGroup, ...]
    width: float = WIDTH
    numbered: bool = False


@dataclass(frozen=True)
class Part:
    """A part of a whole to draw; ``mark`` is its number in the legend."""

    size: float
    series: int
    mark: str
    words: str


@dataclass(frozen=True)
class Segment:
    """One part of a stacked bar; ``text`` is what fits inside, ``title`` says all."""

    x: float
    width: float
    series: int
    text: str
    title: str


@dataclass(frozen=True)
class Stack:
    """One stacked bar under its label."""

    label: str
    full_label: str
    label_y: float
    y: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class StackChart:
    """Stacked bars, each as wide as the picture."""

    height: float
    bar_height: float
    stacks: tuple[Stack, ...]
    width: float = WIDTH


def nice_step(value: float, ticks: int = _TICKS) -> float:
    """Return a step of 1, 2, 2.5 or 5 times a power of ten that reaches ``value`` in so many steps.

    >>> nice_step(0.93)
    0.25
    """
    if value <= 0:
        return 1.0 / ticks
    magnitude: float = 10.0 ** math.floor(math.log10(value / ticks))
    return next(f * magnitude for f in (1, 2, 2.5, 5, 10) if f * magnitude * ticks >= value * (1 - 1e-9))


def without_unit(texts: Sequence[str]) -> list[str]:
    """Leave a unit that all ticks have to the last of them; a bare 0 needs none.

    >>> without_unit(["0", "50 kW", "100 kW"])
    ['0', '50', '100 kW']
    """
    units = {text.rpartition(" ")[2] for text in texts if " " in text}
    if len(units) != 1:
        return list(texts)
    return [*(text.rpartition(" ")[0] or text for text in texts[:-1]), *texts[-1:]]


def bar_chart(
    groups: Sequence[tuple[str, Sequence[Measure]]],
    axis: Callable[[float], str],
    *,
    numbered: bool = False,
    shares: bool = False,
) -> BarChart:
    """Lay out horizontal bars from a common zero.

    Args:
        groups: a label and its measures, top to bottom.
        axis: writes the value of a tick.
        numbered: whether each bar has its series' number at its left.
        shares: whether the values are shares of 1, for which the axis ends at 1 where the last step is there.
    """
    measures = [measure for _, group in groups for measure in group]
    largest = max((max(m.value, m.high) for m in measures), default=0.0)
    largest = largest if largest > _NOTHING else 0.0
    step = nice_step(largest)
    end = 1.0 if shares and 1 - step < largest <= 1 else largest or 1.0
    x = _MARK if numbered else 0.5
    room = max((text_width(m.text) for m in measures), default=0.0) * _VALUE + 6
    plot = WIDTH - x - min(room, WIDTH / 3)
    placed, y = [], _TOP
    for label, group in groups:
        placed.append(_bar_group(label, group, y, x, lambda value: plot * (value / end)))
        y += _LABEL + _BAR_STEP * len(group) + _GROUP_GAP
    count = math.floor(end / step + 1e-9)
    texts = without_unit([axis(step * n) for n in range(count + 1)])
    ticks = tuple(
        Tick(x + plot * (step * n / end), t, "middle" if n else "start") for n, t in enumerate(texts)
    )
    return BarChart(y + _AXIS, x, plot, y, x + plot + 6, ticks, tuple(placed), numbered=numbered)


def _bar_group(
    label: str, group: Sequence[Measure], y: float, x: float, length: Callable[[float], float]
) -> BarGroup:
    bars = []
    for place, measure in enumerate(group):
        top = y + _LABEL + _BAR_STEP * place
        middle = top + _BAR / 2
        exact = math.isclose(measure.low, measure.high, rel_tol=1e-9)
        whisker = None if exact else Whisker(x + length(measure.low), x + length(measure.high), middle)
        bars.append(
            Bar(top, length(measure.value), _BAR, whisker, measure.series, measure.text, top + _BAR - 1)
        )
    return BarGroup(shorten(label, WIDTH), label, y + 12, tuple(bars))


def stack_chart(stacks: Sequence[tuple[str, Sequence[Part]]]) -> StackChart:
    """Lay out stacked bars of equal width, in which each part has its share of the bar's sum.

    Args:
        stacks: a label and its parts, top to bottom.
    """
    placed, y = [], _TOP
    for label, parts in stacks:
        placed.append(
            Stack(shorten(label, WIDTH), label, y + 12, y + _LABEL, tuple(_segments(parts, WIDTH - 1)))
        )
        y += _LABEL + _STACK + _GROUP_GAP
    return StackChart(y, _STACK, tuple(placed))


def _segments(parts: Sequence[Part], width: float) -> list[Segment]:
    total = sum(part.size for part in parts)
    segments, x = [], 0.5
    for part in parts:
        length = width * part.size / total if total else 0.0
        if length > 0:
            segments.append(Segment(x, length, part.series, _inside(part, length), part.words))
        x += length
    return segments


def _inside(part: Part, width: float) -> str:
    """Return the longest of: number and words, number, nothing, that fits inside."""
    for text in (f"{part.mark} {part.words}", part.mark):
        if text_width(text) + 8 <= width:
            return text
    return ""


def text_width(text: str) -> float:
    """Estimate how wide a label is, in units of the picture."""
    return _CHARACTER * sum(map(_letters, text))


def _letters(character: str) -> float:
    """Return how many small letters a character is as wide as."""
    if unicodedata.east_asian_width(character) in "WF":
        return 2.0
    if character in "MW@%":
        return 1.6
    return 1.15 if character.isupper() else 1.0


def shorten(text: str, width: float) -> str:
    """Cut a label so that it fits, with an ellipsis where something is gone.

    >>> shorten("United States", 40)
    'Unit…'
    """
    if text_width(text) <= width:
        return text
    kept = ""
    for character in text:
        if text_width(kept + character + "…") > width:
            break
        kept += character
    return kept.rstrip() + "…"
