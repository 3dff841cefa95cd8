"""What a figure is: rows, the controls that they follow, a chart, and a table of the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from accounting.capacity.bases import MEMORY
from flopcensus.report.document.cube import Cube

Spec = dict[str, Any]
Kind = Literal["text", "amount", "interval", "share", "share_interval", "number", "date", "link", "worded"]
Section = Literal["world", "country", "clusters", "machine"]
# what is scaled with the unit, in FLOP/s
AMOUNTS = ("p5", "p50", "p95", "mean")


@dataclass(frozen=True)
class Rows:
    """Rows of a figure, given by column; several figures may show the same rows."""

    name: str
    columns: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, name: str, rows: Iterable[Mapping[str, Any]]) -> Rows:
        """Return rows given one by one; all have the keys of the first.

        >>> Rows.of("sizes", [{"a": 1}, {"a": 2}]).columns
        {'a': [1, 2]}
        """
        given = list(rows)
        keys = list(given[0]) if given else []
        return cls(name, {key: [row[key] for row in given] for key in keys})

    def __post_init__(self) -> None:
        lengths = {len(values) for values in self.columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"rows {self.name!r} have columns of lengths {sorted(lengths)}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))


@dataclass(frozen=True)
class Column:
    """A column of a figure's table.

    ``fields`` names the field of the rows that the column shows. Some kinds need two, joined by a colon: an
    interval its ends (``p5:p95``); a link its words and its address; a figure that is already written in
    words (``worded``) these words and the figure, by which the column sorts.
    """

    label: str
    fields: str
    kind: Kind = "text"
    unit: str = ""


@dataclass(frozen=True)
class Figure:
    """One chart with its numbers.

    Attributes:
        id: in addresses and for ``--chart``.
        title: says basis and precision; ``{basis}``, ``{precision}`` (with the word dense), ``{unit}``,
            ``{level}``, ``{year}`` and ``{country}`` stand for what is chosen, as anywhere in ``spec``.
        follows: columns of the rows that must equal what the controls of these names say.
        only: values of a control that this figure knows; where another is chosen, the first serves.
        where: values of columns that its rows have, whatever is chosen: for rows that figures share.
        amounts: columns in FLOP/s (in B/s where the row's precision is ``memory``), given in the unit chosen;
            with none the figure does not follow the unit.
        fixed_unit: amounts stay in FLOP/s, as where an H100e would be another unit on each row.
        spec: Vega-Lite 6 or Vega 6, on the data ``rows``, with what is chosen as parameters; its colours
            and fonts are those of the page. ``shapes`` stands for the countries' shapes.
        order: field by which rows come, largest first; "" as they stand.
        most: how many of the rows are drawn, besides one of what is folded; all are in the table.
        wide: whether it takes the whole width of a wide screen.
    """

    id: str
    section: Section
    title: str
    says: str
    rows: Rows
    columns: tuple[Column, ...]
    spec: Spec
    source: str
    caveats: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    amounts: tuple[str, ...] = ()
    fixed_unit: bool = False
    order: str = ""
    most: int | None = None
    wide: bool = False
    empty: str = "Nothing is counted in this view."

    @property
    def has_memory(self) -> bool:
        """Whether it has rows of memory bandwidth, which it shows where that is chosen as the unit."""
        return "precision" in self.follows and MEMORY in self.rows.columns.get("precision", ())

    def to_plain(self) -> dict[str, Any]:
        """Return the figure as the page's script reads it; its rows stand apart."""
        return {
            "id": self.id,
            "title": self.title,
            "rows": self.rows.name,
            "columns": [vars(column) for column in self.columns],
            "spec": self.spec,
            "follows": list(self.follows),
            "only": {key: list(values) for key, values in self.only.items()},
            "where": {key: list(values) for key, values in self.where.items()},
            "amounts": list(self.amounts),
            "fixed_unit": self.fixed_unit,
            "has_memory": self.has_memory,
            "order": self.order,
            "most": self.most,
            "empty": self.empty,
        }


def counted(cube: Cube) -> Callable[[int], bool]:
    """Return a test of cells, by their place: whether a view shows the cell at its date.

    At dates up to the study's own a view shows what operates; at later ones it shows what is planned, which
    stands apart. It never shows their sum.
    """
    statuses, dates = cube.columns.status, cube.columns.as_of
    last = max((d for d, s in zip(dates, statuses, strict=True) if s == "operational"), default="")
    return lambda n: (statuses[n] == "operational") == (dates[n] <= last)


def vega_lite(**parts: Any) -> Spec:
    """Begin a Vega-Lite chart as wide as its place."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "data": {"name": "rows"},
        **parts,
    }


def label_room() -> Spec:
    """Return an axis whose labels may be long where the screen is wide."""
    return {"labelLimit": {"expr": "containerSize()[0] < 480 ? 120 : 240"}}
