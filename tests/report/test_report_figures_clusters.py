"""Figures of clusters and of the machine hold what the document says, row by row."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from flopcensus.report.document import check_results
from flopcensus.report.engine import picture as picture_of
from flopcensus.report.figures.all import figures
from flopcensus.report.figures.choosing import choose
from flopcensus.report.figures.clusters import cluster_figures
from flopcensus.report.figures.figure import Figure
from flopcensus.report.figures.machine import machine_figures
from flopcensus.report.figures.machine.labels import Labelled, place, spread_out
from flopcensus.report.figures.theme import theme

Document = dict[str, Any]


def found(document: Document) -> dict[str, Figure]:
    results = check_results(document)
    return {one.id: one for one in (*cluster_figures(results), *machine_figures(results))}


def rows_of(figure: Figure) -> list[dict[str, Any]]:
    columns = figure.rows.columns
    return [{name: values[n] for name, values in columns.items()} for n in range(len(figure.rows))]


@pytest.fixture
def economic(document: Document) -> Document:
    """Clusters with metrics, of which the second lacks its power."""
    metric = {"label": "facility power in training", "unit": "W"}
    cost = {"label": "cost a year", "unit": "USD"}
    quantiles = {"p5": 2e6, "p50": 4e6, "p95": 8e6, "mean": 4e6}
    first, second = document["comparison"]["clusters"]
    first["metrics"] = {"facility_power_w": metric | quantiles, "cost_usd_per_year": cost | quantiles}
    second["metrics"] = {"cost_usd_per_year": cost | {name: 2 * value for name, value in quantiles.items()}}
    rule = {"rule": "us-2023-10", "in_force": True, "class": "licence", "citation": "88 FR 73458"}
    first["export_rules"] = [rule | {"reached": True}, rule | {"rule": "us-2022-10", "reached": False}]
    second["export_rules"] = [rule | {"reached": True, "in_force": False}]
    return document


def test_capacity_is_that_of_every_cluster_on_every_basis(document: Document) -> None:
    rows = rows_of(found(document)["cluster-capacity"])
    said = {(row["basis"], row["cluster"]): (row["p5"], row["p50"], row["p95"]) for row in rows}
    assert said == {
        (basis, cluster["name"]): (q["p5"], q["p50"], q["p95"])
        for cluster in document["comparison"]["clusters"]
        for basis, q in cluster["capacity"].items()
    }


def test_capacities_in_other_precisions_follow_the_control(document: Document) -> None:
    for cluster in document["comparison"]["clusters"]:
        cluster["capacities"] = [
            {"precision": precision, "basis": basis, "unit": "FLOP/s"} | q
            for precision in ("bf16", "fp8")
            for basis, q in cluster["capacity"].items()
        ]
    figure = found(document)["cluster-capacity"]
    assert figure.only["precision"] == ("bf16", "fp8") and len(figure.rows) == 8


def test_clusters_of_which_no_capacity_is_known_have_no_such_figure(document: Document) -> None:
    for cluster in document["comparison"]["clusters"]:
        cluster["capacity"] = {}
    assert "cluster-capacity" not in found(document)


def test_a_heading_stands_over_rows_of_which_the_first_is_absent(economic: Document) -> None:
    clusters = economic["comparison"]["clusters"]
    third = copy.deepcopy(clusters[0]) | {"id": "third", "name": "Third"}
    clusters.append(third)
    power = {"metric": "facility_power_w", "a": "all-nvidia", "probability_a_more": 0.5}
    ratio = {"p5": 0.8, "p50": 1.0, "p95": 1.2, "mean": 1.0}
    # the second cluster has no power to compare with
    economic["comparison"]["differences"].append(power | {"b": "third", "ratio": ratio})
    made = figures(check_results(economic))
    assert made is not None
    (figure,) = [one for one in made.figures if one.id == "cluster-ratios"]
    pytest.importorskip("vl_convert", reason="the extra page is not installed")
    picture = picture_of(choose(figure, made.controls, {}).spec, "svg", theme(dark=False)).decode()
    assert picture.count("Facility power in training") >= 1


def test_a_comparison_in_h100e_keeps_its_unit(document: Document) -> None:
    for cluster in document["comparison"]["clusters"]:
        cluster["unit"] = "H100e"
    figure = found(document)["cluster-capacity"]
    assert figure.amounts == () and "H100e" in figure.title and "{unit}" not in figure.title


def test_origin_shows_each_level_largest_first_with_what_is_unknown_last(document: Document) -> None:
    for cluster in document["comparison"]["clusters"]:
        unknown = cluster["origin"]["delivered"]["vendor"][0] | {"code": "unknown", "name": "unknown"}
        cluster["origin"]["delivered"]["vendor"].insert(0, unknown)
    figure = found(document)["cluster-origin"]
    rows = [row for row in rows_of(figure) if (row["basis"], row["level"]) == ("delivered", "vendor")]
    assert [(row["slot"], row["code"]) for row in rows] == [(1, "nvidia"), (2, "huawei"), (3, "unknown")] * 2
    assert figure.only["level"][0] == "vendor_nation"


def test_what_a_cluster_lacks_is_not_available_and_has_no_interval(economic: Document) -> None:
    rows = rows_of(found(economic)["cluster-economics"])
    by = {(row["metric"], row["cluster"]): row for row in rows}
    lacking = by["facility_power_w", "Hedged"]
    assert lacking["p50"] is None and lacking["words"].startswith("not available")
    assert lacking["from"] is None and lacking["median"] is None
    # bars of a quantity are shares of its largest 95th percentile
    assert by["cost_usd_per_year", "All-NVIDIA"]["to"] == pytest.approx(4e6 / 1.6e7)
    assert by["cost_usd_per_year", "Hedged"]["end"] == 1.0


def test_ratios_hold_every_pair_and_draw_those_of_the_first(document: Document) -> None:
    rows = rows_of(found(document)["cluster-ratios"])
    assert [(row["p5"], row["p50"], row["p95"], row["chance"], row["drawn"]) for row in rows] == [
        (d["ratio"]["p5"], d["ratio"]["p50"], d["ratio"]["p95"], d["probability_a_more"], True)
        for d in document["comparison"]["differences"]
    ]


def test_a_rule_is_reached_or_not_and_in_force_or_not(economic: Document) -> None:
    rows = rows_of(found(economic)["cluster-exports"])
    assert {(row["cluster"], row["rule"]): row["state"] for row in rows} == {
        ("All-NVIDIA", "us-2023-10"): "reached",
        ("All-NVIDIA", "us-2022-10"): "not reached",
        ("Hedged", "us-2023-10"): "reached, rule not in force then",
    }


def spread(middle: float) -> dict[str, float]:
    return {"p5": 0.5 * middle, "p50": middle, "p95": 1.5 * middle, "mean": middle}


def year(date: str, lost: float) -> dict[str, Any]:
    share = {"p5": 0.5 * lost, "p50": lost, "p95": lost, "mean": lost}
    return {"date": date, "years_after": 0, "baseline": spread(4e20), "cut": spread((1 - lost) * 4e20)} | {
        "share_lost": share
    }


def cut(**changes: Any) -> dict[str, Any]:
    places = [
        {"at": at, "level": None, "share_of_stock": None, "share_unknown": None}
        | {"years": [year("2027-01-01", 0.0), year("2030-01-01", lost)]}
        for at, lost in (("vendor", 0.4), ("foundry", 0.001), ("together", 0.5))
    ]
    common = {"id": "stop", "name": "They stop", "hypothetical": True, "group": "EU", "note": None}
    worked_out = {"basis": "delivered", "precision": "bf16", "unit": "FLOP/s", "places": places}
    return common | {"sources": [], "reason": None} | worked_out | changes


def test_a_cut_shows_the_baseline_each_place_and_all_together(document: Document) -> None:
    document["supply_cuts"] = [cut()]
    rows = rows_of(found(document)["cut-1"])
    assert len(rows) == 4 * 2
    last = {row["line"]: row for row in rows if row["date"] == "2030-01-01"}
    assert last["without the cut"]["p50"] == 4e20 and last["without the cut"]["lost"] is None
    assert last["cut at the vendor"]["p50"] == pytest.approx(2.4e20)
    assert last["cut at all together"]["lost"] == 0.5
    # drawn are bands of the first and the last, and places where something is lost
    assert {name: row["kind"] for name, row in last.items()} == {
        "without the cut": "band",
        "cut at the vendor": "line",
        "cut at the foundry": "",
        "cut at all together": "band",
    }


def test_a_cut_that_could_not_be_worked_out_says_why(document: Document) -> None:
    document["supply_cuts"] = [cut(reason="the census has nothing there", places=[])]
    figure = found(document)["cut-1"]
    assert len(figure.rows) == 0 and figure.empty == "the census has nothing there"


def test_the_frontier_is_of_points_or_of_a_plan(document: Document) -> None:
    share = {"share": 0.6, "p5": 0.5, "p95": 0.7}
    point = {"id": "x", "name": "X", "basis": "peak", "level": "vendor", "code": "n", "name_of_code": "N"}
    document["frontier"] = {
        "kind": "clusters",
        "points": [point | {"capacity": spread(1e19), "share": share}],
    }
    (row,) = rows_of(found(document)["frontier"])
    assert (row["p50"], row["share_p5"], row["share"], row["share_p95"]) == (1e19, 0.5, 0.6, 0.7)
    mixes = [{"share": 0.2, "mix": None}, {"share": 1.0, "mix": {"goal": spread(2e19)}}]
    goal = {"quantity": "delivered", "unit": "FLOP/s", "maximise": True, "precision": "bf16"}
    document["frontier"] = {"kind": "plan", "plan": {"goal": goal, "frontier": mixes, "frontier_of": None}}
    rows = rows_of(found(document)["frontier"])
    assert [(row["share"], row["p50"], row["state"]) for row in rows] == [
        (0.2, None, "none keeps all limits"),
        (1.0, 2e19, "found"),
    ]


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


def test_results_without_estimates_still_have_their_figures(document: Document) -> None:
    document["estimates"] = []
    made = figures(check_results(document))
    assert made is not None
    by = {one.id: one for one in made.figures}
    view = choose(by["cluster-capacity"], made.controls, {})
    assert view.title == "Capacity of the clusters on every basis, bf16 dense, FLOP/s" and len(view.rows) == 4
    assert choose(by["cluster-origin"], made.controls, {}).rows


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
