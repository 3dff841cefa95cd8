"""The countries' shapes as the map draws them (configs/maps: Natural Earth 1:50m, public domain)."""

from __future__ import annotations

import csv
import json
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from accounting.reference.shipped import configs_root

# in degrees: a third of a pixel on a map 1,200 pixels wide
_FINEST = 0.1
_LEAST_OF_RING = 4
Point = tuple[int, int]


@cache
def shapes() -> dict[str, Any]:
    """Return the shapes as TopoJSON, with ISO 3166-1 alpha-2 codes as ids ("" where a shape has none).

    Points nearer to each other than can be seen are left out; borders stay common to both sides, as both
    are drawn from the same arc.
    """
    root = configs_root()
    numeric = _alpha2_by_numeric(root / "countries.csv")
    topology: dict[str, Any] = json.loads((root / "maps/countries-50m.json").read_text(encoding="utf-8"))
    countries = topology["objects"]["countries"]
    for shape in countries["geometries"]:
        shape["id"] = numeric.get(shape.get("id", ""), "")
        del shape["properties"]
    finest = round(_FINEST / max(topology["transform"]["scale"]))
    arcs = [_steps(thinned(_points(arc), finest)) for arc in topology["arcs"]]
    return topology | {"objects": {"countries": countries}, "arcs": arcs}


def _alpha2_by_numeric(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["numeric"]: row["alpha2"] for row in csv.DictReader(file)}


def thinned(points: list[Point], finest: int) -> list[Point]:
    """Leave out points within ``finest`` of the one before; the ends stay, and a ring stays a ring.

    >>> thinned([(0, 0), (1, 0), (9, 0), (10, 0)], 3)
    [(0, 0), (9, 0), (10, 0)]
    """
    kept = points[:1]
    for point in points[1:-1]:
        if max(abs(point[0] - kept[-1][0]), abs(point[1] - kept[-1][1])) >= finest:
            kept.append(point)
    kept += points[-1:]
    ring = points[0] == points[-1]
    # a ring that turns the other way would be all of the globe but itself
    turned = ring and _area(points) * _area(kept) <= 0
    return points if ring and (turned or len(kept) < _LEAST_OF_RING) else kept


def _area(ring: list[Point]) -> int:
    """Return twice the area of a ring, above 0 where it runs against the clock."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))


def _points(arc: list[list[int]]) -> list[Point]:
    """Add up the steps of an arc: TopoJSON writes each point as what it differs from the last by."""
    return list(zip(accumulate(step[0] for step in arc), accumulate(step[1] for step in arc), strict=True))


def _steps(points: list[Point]) -> list[list[int]]:
    steps = [[b[0] - a[0], b[1] - a[1]] for a, b in pairwise(points)]
    return [list(points[0]), *steps]
