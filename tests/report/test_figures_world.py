"""Rows of the world's figures against the cube, by another way of reading it."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from accounting.reference.names import WITHHELD
from flopcensus.report import engine
from flopcensus.report.document import check_results
from flopcensus.report.document.cube import Cube
from flopcensus.report.figures.all import Figures, figures
from flopcensus.report.figures.choosing import View, choose
from flopcensus.report.figures.theme import theme
from flopcensus.report.figures.world.inequality import thinned
from flopcensus.report.figures.world.levels import levels_figures, ordered
from flopcensus.report.page import render
from tests.report.cubes import cube
from tests.report.test_report_drivers import driven


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


def _figures(document: Mapping[str, Any], cube: dict[str, Any]) -> Figures:
    made = figures(check_results({**document, "cube": cube}))
    assert made is not None
    return made


def _view(made: Figures, name: str, **chosen: str) -> View:
    (figure,) = [one for one in made.figures if one.id == name]
    return choose(figure, made.controls, chosen)


def test_where_bases_are_left_out_no_single_cause_is_named(document: dict[str, Any]) -> None:
    rows = _view(_figures(document, cube(bases=("peak", "delivered"))), "waterfall").rows
    assert [row["step"] for row in rows] == ["peak", "lost from peak to delivered", "delivered"]
    made = _figures(document, cube(bases=("sustained", "delivered")))
    view = _view(made, "waterfall")
    assert view.title.startswith("From sustained to delivered, at 2026-06-30: bf16 dense")
    (figure,) = [one for one in made.figures if one.id == "waterfall"]
    assert figure.columns[-1].label == "Of sustained"
    assert [row["of_sustained"] for row in view.rows] == pytest.approx(
        [1.0, 1 - 0.31 / 0.37, 0.31 / 0.37], rel=1e-3
    )


@pytest.mark.parametrize(("asked", "shown"), [("peak", "peak"), ("delivered", "achievable")])
def test_memory_bandwidth_is_shown_on_a_basis_that_it_is_known_on(
    viewed: Mapping[str, Any], asked: str, shown: str
) -> None:
    made = _figures(viewed, viewed["cube"])
    chosen = {"unit": "bytes_per_s", "basis": asked, "precision": "fp8", "level": "vendor"}
    view = _view(made, "holders", **chosen)
    assert view.title == f"Who holds it, by vendor, at 2026-06-30: {shown}, memory bandwidth, B/s"
    frame = pd.DataFrame(viewed["cube"]["columns"])
    frame = frame[(frame.precision == "memory") & (frame.basis == shown) & (frame.level == "vendor")]
    frame = frame[(frame.as_of == "2026-06-30") & (frame.status == "operational")]
    assert {row["code"]: row["p50"] for row in view.rows} == dict(zip(frame.code, frame.p50, strict=True))
    # what has no memory bandwidth stays in FLOP/s, and says so
    assert _view(made, "cluster-capacity", **chosen).title.endswith("bf16 dense, FLOP/s")
    assert [row["step"] for row in _view(made, "waterfall", **chosen).rows][1] == "lost to the best stream"


def test_what_drives_the_spread_follows_the_basis(viewed: Mapping[str, Any]) -> None:
    document = driven(driven(dict(viewed)))
    last = document["estimates"][-1]
    first = document["estimates"][0] = {**last, "basis": "peak", "drivers": copy.deepcopy(last["drivers"])}
    first["drivers"]["inputs"] = first["drivers"]["inputs"][:1]
    first["drivers"]["inputs"][0]["high"] = 9e18
    made = _figures(document, document["cube"])
    by = {basis: _view(made, "tornado", basis=basis) for basis in ("peak", "delivered", "sustained")}
    assert [row["high"] for row in by["peak"].rows] == [9e18]
    assert [row["high"] for row in by["delivered"].rows] == [3e18, 2.5e18]
    assert "peak, bf16 dense" in by["peak"].title
    # none was worked out there: the last is shown, and named
    assert by["sustained"].rows == by["delivered"].rows
    assert "delivered, bf16 dense" in by["sustained"].title
    constant = document["cube"]["h100e"]["peak"]["bf16"]
    assert (
        _view(made, "tornado", basis="peak", unit="h100e", precision="fp8").rows[0]["high"] == 9e18 / constant
    )


def test_nations_of_one_size_stand_under_each_other_in_the_flow(document: dict[str, Any]) -> None:
    pytest.importorskip("vl_convert", reason="the extra page is not installed")
    even = dict.fromkeys(("US", "FR", "SG"), 1 / 3)
    made = _figures(document, cube(parts={"territory": even}))
    picture = engine.picture(_view(made, "flow").spec, "svg", theme(dark=False)).decode()
    # the blocks of the first stage, as M0,TOP h12 vHEIGHT
    found = re.findall(r'd="M0,([\d.]+)h12v([\d.]+)', picture)
    blocks = sorted((float(top), float(height)) for top, height in found)
    assert len(blocks) == 3
    assert all(top + height <= below for (top, height), (below, _) in pairwise(blocks))


def test_a_page_of_memory_bandwidth_calls_it_neither_dense_nor_sparse(document: dict[str, Any]) -> None:
    for one in document["estimates"]:
        one |= {"precision": "memory", "unit": "B/s"}
    document["estimates"][1]["basis"] = "achievable"
    html = render(document)
    assert "memory dense" not in html
    assert "best measured stream" in html and "best measured matmul" not in html.split('id="method"')[0]


def test_what_names_no_holder_is_grey(viewed: Mapping[str, Any]) -> None:
    layers = _view(_figures(viewed, viewed["cube"]), "holders").spec["layer"]
    (bars,) = [layer for layer in layers if layer["mark"]["type"] == "bar"]
    test = bars["encoding"]["color"]["condition"]["test"]
    assert all(f"== '{code}'" in test for code in ("unknown", WITHHELD, "other"))
