"""The controls of the page: what can be chosen, how it reads, and what is chosen at first.

Memory bandwidth has no precision. Where it is chosen as the unit, figures show the rows that have
``memory`` in place of one, on a basis that is known of memory (:func:`.choosing.choose`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounting.capacity.bases import BASES, MEMORY
from accounting.reference.names import EU, UNKNOWN, WITHHELD
from flopcensus.report.document.cube import Cube
from flopcensus.report.document.results import Results
from flopcensus.report.figures.world.levels import ordered
from flopcensus.report.words import level_name

UNITS = {"flops": "FLOP/s", "h100e": "H100 equivalents", "bytes_per_s": "B/s of memory"}
NAMES = ("basis", "precision", "unit", "level", "year", "country")


@dataclass(frozen=True)
class Control:
    """One control: its choices as (value, words), and the one chosen at first."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...]
    first: str

    def words(self, value: str) -> str:
        """Return how a choice reads."""
        return dict(self.choices).get(value, value)


@dataclass(frozen=True)
class Controls:
    """All controls, and what units need: H100 constants in FLOP/s, and the bases known of memory.

    ``h100e`` is by basis and precision. ``memory_bases`` is empty where the study has no memory bandwidth.
    """

    controls: tuple[Control, ...]
    h100e: Mapping[str, Mapping[str, float]]
    memory_bases: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return them as the page's script reads them."""
        return {
            "controls": [
                {"name": c.name, "label": c.label, "choices": c.choices, "first": c.first}
                for c in self.controls
            ],
            "h100e": {basis: dict(by) for basis, by in self.h100e.items()},
            "memory_bases": list(self.memory_bases),
        }

    @property
    def first(self) -> dict[str, str]:
        """What is chosen at first."""
        return {control.name: control.first for control in self.controls}


def controls(results: Results) -> Controls:
    """Return the controls of a study: what its cube holds; without one, no more than the study's own view."""
    cube = results.cube
    if cube is None:
        return _fixed(results)
    units = tuple((unit, said) for unit, said in UNITS.items() if unit != "bytes_per_s" or cube.memory_bases)
    return Controls(
        (
            _plain("basis", "Basis", [b for b in BASES if b in cube.bases], cube.bases[-1]),
            _plain("precision", "Precision (dense)", cube.precisions, results.study.precision),
            Control("unit", "Unit", units, "flops"),
            Control("level", "Level", tuple((k, level_name(k)) for k in ordered(cube.levels)), "territory"),
            Control("year", "At", _dates(cube), results.study.as_of),
            _country(cube),
        ),
        cube.h100e,
        cube.memory_bases,
    )


def _fixed(results: Results) -> Controls:
    study, basis = results.study, results.estimates[-1].basis if results.estimates else "peak"
    values = dict(zip(NAMES, (basis, study.precision, "flops", "territory", study.as_of, ""), strict=True))
    fixed = (Control(name, name, ((value, value),), value) for name, value in values.items())
    return Controls(tuple(fixed), {})


def _plain(name: str, label: str, values: Sequence[str], first: str) -> Control:
    found = tuple(values)
    return Control(name, label, tuple((v, v) for v in found), first if first in found else found[-1])


def _dates(cube: Cube) -> tuple[tuple[str, str], ...]:
    """Return the dates; at those after the study's own only what is planned is known."""
    operating = {
        d for d, s in zip(cube.columns.as_of, cube.columns.status, strict=True) if s == "operational"
    }
    return tuple((day, day if day in operating else f"{day} (planned only)") for day in cube.years)


def _country(cube: Cube) -> Control:
    """Return the nations that own anything or host it, by name; the largest host is chosen at first."""
    names = {**cube.names.get("provider", {}), **cube.names.get("territory", {})}
    sizes: dict[str, float] = dict.fromkeys(names, 0.0)
    columns = cube.columns
    cells = zip(columns.level, columns.code, columns.mean, columns.precision, strict=True)
    for level, code, mean, precision in cells:
        if level == "territory" and precision != MEMORY:
            sizes[code] = max(sizes.get(code, 0.0), mean)
    named = {c: n for c, n in names.items() if c not in {UNKNOWN, WITHHELD, EU, "other"} and "+" not in c}
    order = sorted(named, key=lambda code: (named[code].casefold(), code))
    first = max(order, key=lambda code: sizes[code]) if order else ""
    return Control("country", "Country", tuple((code, named[code]) for code in order), first)
