"""What the template draws: tables, charts with their legends, and the words around them."""

from __future__ import annotations

from dataclasses import dataclass

from flopcensus.report.blocks.charts import BarChart, StackChart


@dataclass(frozen=True)
class Column:
    """A column of a table; figures stand at the right."""

    label: str
    figures: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell: its text, a smaller line under it, and where it links to."""

    text: str
    note: str = ""
    href: str | None = None


@dataclass(frozen=True)
class Table:
    """A table; the first ``heads`` cells of each row name the row."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    heads: int = 1


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a style, what it stands for, and its number where the chart shows numbers."""

    series: int
    text: str
    mark: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart, with what it says to those who do not see it.

    ``style`` picks the colours: ``bases`` (first series hollow, second filled), ``series`` or ``kinds``.
    """

    id: str
    title: str
    description: str
    style: str
    keys: tuple[Key, ...]
    bars: BarChart | None = None
    stacks: StackChart | None = None


@dataclass(frozen=True)
class Block:
    """A chart beside its table, with a heading and a sentence or two."""

    id: str
    title: str
    sentences: tuple[str, ...]
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]


def columns(*labels: str, figures: int = 0) -> tuple[Column, ...]:
    """Return columns with these labels, of which the last ``figures`` hold numbers."""
    first = len(labels) - figures
    return tuple(Column(label, place >= first) for place, label in enumerate(labels))


def row(*cells: str | Cell) -> tuple[Cell, ...]:
    """Make a row from texts and cells."""
    return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)
