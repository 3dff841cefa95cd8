"""Figures of the machine and of a fleet hold what the record says, row by row."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from flopcensus.report.document import check_results
from flopcensus.report.figures.figure import Figure
from flopcensus.report.figures.machine import machine_figures
from flopcensus.report.figures.machine.labels import Labelled, place, spread_out
from tests.report.test_figures_clusters import rows_of

Document = dict[str, Any]


def found(document: Document) -> dict[str, Figure]:
    return {one.id: one for one in machine_figures(check_results(document))}


@pytest.fixture
def measured(document: Document) -> Document:
    """A device with a peak; a matrix product, its ceiling, memory, and what was not measured."""
    (gemm, copy_failed) = document["record"]["results"]
    document["record"]["devices"][0]["peak"] = {"bf16": 1e12}
    call = {"seconds": 2e-3, "flop": 7.54e8, "bytes": 1e7, "working_set_bytes": 1e6}
    gemm.update(per_call=call, burst=4e11, steady=3e11, energy_j_per_flop=5e-11)
    bare = {"per_call": None, "burst": None, "steady": None, "energy_j_per_flop": None}
    ceiling = (
        copy.deepcopy(gemm) | {"workload": "ceiling_matrix", "value": 5e11, "ci95": (4.9e11, 5.1e11)} | bare
    )
    skipped = copy.deepcopy(copy_failed) | {"workload": "gemm", "precision": "fp8", "metric": "flop_rate"}
    skipped |= {"unit": "FLOP/s", "status": "skipped", "reason": "no fp8 here"}
    memory = copy.deepcopy(copy_failed) | {"workload": "memory_triad", "status": "ok", "reason": None}
    memory |= {"value": 2e10, "ci95": (1.9e10, 2.1e10)}
    document["record"]["results"] = [gemm, ceiling, skipped, copy_failed, memory]
    return document


def test_the_roofline_has_its_ceilings_and_a_point_at_intensity_and_rate(measured: Document) -> None:
    rows = rows_of(found(measured)["roofline"])
    by = {
        kind: [row for row in rows if row["kind"] == kind] for kind in ("ceiling", "peak", "memory", "point")
    }
    (ceiling,), (peak,), (memory,), (point,) = by.values()
    assert (ceiling["value"], peak["value"], memory["value"]) == (5e11, 1e12, 2e10)
    # a level line begins where memory no longer bounds
    assert ceiling["x"] == pytest.approx(5e11 / 2e10) and peak["x"] == pytest.approx(1e12 / 2e10)
    assert memory["y2"] / memory["x2"] == pytest.approx(2e10)
    assert point["x"] == pytest.approx(75.4) and point["y"] == pytest.approx(3.77e11)
    assert point["low"] == pytest.approx(3.7e11) and point["high"] == pytest.approx(3.8e11)


def test_a_slower_or_failed_stream_is_in_the_table_beside_the_line_of_the_best(measured: Document) -> None:
    memory = measured["record"]["results"][-1]
    slower = copy.deepcopy(memory) | {"precision": "fp64", "value": 1.5e10, "ci95": (1.4e10, 1.6e10)}
    failed = copy.deepcopy(memory) | {"precision": "fp32", "status": "failed", "reason": "out of memory"}
    measured["record"]["results"] += [slower, failed | {"value": None, "ci95": None}]
    rows = {row["name"]: row for row in rows_of(found(measured)["roofline"])}
    assert rows["memory triad"]["value"] == 2e10
    assert (rows["memory triad, fp64"]["value"], rows["memory triad, fp64"]["kind"]) == (1.5e10, "")
    assert rows["memory triad, fp32"]["status"] == "failed: out of memory"


def test_what_was_not_measured_says_why_and_is_nowhere_nought(measured: Document) -> None:
    figures = found(measured)
    not_drawn = {row["name"]: row for row in rows_of(figures["roofline"]) if row["kind"] == ""}
    assert not_drawn["memory copy, bf16"]["status"] == "failed: out of memory"
    assert not_drawn["memory copy, bf16"]["value"] is None
    skipped = {row["head"]: row for row in rows_of(figures["matmul"])}["fp8"]
    assert (skipped["value"], skipped["low"], skipped["of_peak"]) == (None, None, None)
    assert skipped["words"] == "skipped" and skipped["status"] == "skipped: no fp8 here"


def test_a_matrix_product_stands_beside_its_ceiling_and_its_peak(measured: Document) -> None:
    row = {row["head"]: row for row in rows_of(found(measured)["matmul"])}["bf16"]
    assert (row["value"], row["low"], row["high"]) == (3.77e11, 3.7e11, 3.8e11)
    assert row["of_ceiling"] == pytest.approx(3.77 / 5) and row["of_peak"] == pytest.approx(0.377)


def test_an_interval_beyond_the_chart_is_marked_and_stays_whole_in_the_table(measured: Document) -> None:
    measured["record"]["results"][0]["ci95"] = (1e9, 1e15)
    figure = found(measured)["matmul"]
    row = {row["head"]: row for row in rows_of(figure)}["bf16"]
    assert row["cut"] and row["high"] == 1e15 and row["shown_high"] < 2e12
    assert any("arrow" in caveat for caveat in figure.caveats)


def test_long_runs_and_energy_are_those_of_the_record_or_say_why_not(measured: Document) -> None:
    figures = found(measured)
    (run,) = rows_of(figures["burst-steady"])
    assert run["kept"] == pytest.approx(0.75) and run["of_burst"] == pytest.approx(4 / 3.77)
    by = {row["head"]: row for row in rows_of(figures["energy"])}
    assert by["gemm, bf16"]["energy"] == pytest.approx(50.0)
    # a rate at the low end of its interval takes more
    assert by["gemm, bf16"]["energy_high"] == pytest.approx(50 * 3.77 / 3.7)
    assert by["gemm, fp8"]["energy"] is None
    measured["record"]["results"][0].update(burst=None, steady=None, energy_j_per_flop=None)
    for name in ("burst-steady", "energy"):
        figure = found(measured)[name]
        assert len(figure.rows) == 0 and figure.empty.startswith("No ")


def test_the_heat_map_names_sick_nodes_and_leaves_what_was_not_measured_empty(document: Document) -> None:
    rows = [
        {"name": "n2", "remark": "slow", "sick": True, "shares": [0.8, None]},
        {"name": "n1", "remark": "", "sick": False, "shares": [1.0, 0.99]},
    ]
    heat = {"metrics": ["gemm bf16", "memory_copy fp32"], "rows": rows, "grouped": False}
    fleet: Document = {
        "records": 2,
        "first": None,
        "last": None,
        "false_alarm_rate": 0.01,
        "nodes": [],
        "outliers": [],
    }
    document["fleet"] = fleet | {"heat": heat | {"rows_left_out": 0, "metrics_left_out": 0}}
    figure = found(document)["fleet"]
    cells = {(row["node"], row["metric"]): row["share"] for row in rows_of(figure)}
    assert cells["n2", "gemm bf16"] == 0.8 and cells["n2", "memory copy fp32"] is None
    assert "Sick: n2." in figure.caveats


def test_labels_do_not_cover_one_another() -> None:
    points = [Labelled(100 + 3 * n, 100 + 2 * n, "training step") for n in range(12)]
    boxes = [
        (p.x + at.dx, p.y + at.dy) for p, at in zip(points, place(points, 400), strict=True) if at is not None
    ]
    assert len(boxes) >= 2
    long = 70
    for n, (x, y) in enumerate(boxes):
        assert all(abs(y - v) >= 13 or abs(x - u) >= long for u, v in boxes[:n])
    heights = spread_out([5.0, 5.0, 1.0, math.pi], 10.0)
    assert sorted(heights) == pytest.approx([1, 11, 21, 31]) and heights[2] == 1.0
