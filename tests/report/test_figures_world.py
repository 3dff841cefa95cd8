"""Rows of the world's figures against the cube, by another way of reading it."""

from __future__ import annotations

import numpy as np
import pytest

from flopcensus.report.document.cube import Cube
from flopcensus.report.figures.world.inequality import thinned
from flopcensus.report.figures.world.levels import levels_figures, ordered
from tests.report.cubes import cube


def test_levels_have_every_share_of_their_levels_once() -> None:
    document = cube()
    found = {figure.id: figure for figure in levels_figures(Cube.model_validate(document))}
    nations = found["levels"]
    assert nations.where["level"] == ("territory", "provider", "vendor_nation")
    assert found["makers"].where["level"] == ("vendor",)
    columns, total = nations.rows.columns, 0.0
    for level in nations.where["level"]:
        wanted = {"level": level, "basis": "peak", "precision": "fp8", "year": "2026-06-30"}
        places = [n for n in range(len(nations.rows)) if all(columns[k][n] == v for k, v in wanted.items())]
        shares = [columns["share"][n] for n in places]
        assert sum(shares) == pytest.approx(1.0, abs=1e-3)
        total += len(places)
    assert total == sum(len(document["names"][level]) for level in nations.where["level"])


def test_what_is_folded_comes_last() -> None:
    (nations, _) = levels_figures(Cube.model_validate(cube()))
    columns = nations.rows.columns
    folded = [size for code, size in zip(columns["code"], columns["size"], strict=True) if code == "other"]
    assert folded
    assert (
        max(folded)
        < 0
        <= min(m for c, m in zip(columns["code"], columns["size"], strict=True) if c != "other")
    )


def test_the_three_levels_come_first() -> None:
    known = [
        "owner",
        "memory_nation",
        "vendor_nation",
        "total",
        "territory",
        "provider",
        "territory,provider",
    ]
    assert ordered(known) == ["territory", "provider", "vendor_nation", "memory_nation", "owner"]


def test_a_thinned_curve_is_the_curve() -> None:
    x = np.linspace(0.0, 1.0, 400)
    points = list(zip(x.tolist(), (x**6).tolist(), strict=True))
    few = thinned(points)
    assert len(few) < 60
    kept = np.array(few)
    assert np.abs(np.interp(x, kept[:, 0], kept[:, 1]) - x**6).max() < 0.001
