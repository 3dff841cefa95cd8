"""Figures of clusters hold what the document says, row by row."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from flopcensus.report.document import check_results
from flopcensus.report.engine import picture as picture_of
from flopcensus.report.figures.all import figures
from flopcensus.report.figures.choosing import choose
from flopcensus.report.figures.clusters import cluster_figures
from flopcensus.report.figures.figure import Figure
from flopcensus.report.figures.theme import theme

Document = dict[str, Any]


def found(document: Document) -> dict[str, Figure]:
    results = check_results(document)
    return {one.id: one for one in cluster_figures(results)}


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
    economic["estimates"] = []
    made = figures(check_results(economic))
    assert made is not None
    (figure,) = [one for one in made.figures if one.id == "cluster-ratios"]
    pytest.importorskip("vl_convert", reason="the extra page is not installed")
    picture = picture_of(choose(figure, made.controls, {}).spec, "svg", theme(dark=False)).decode()
    assert ">Facility power in training</text>" in picture


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


def test_results_without_estimates_still_have_their_figures(document: Document) -> None:
    document["estimates"] = []
    made = figures(check_results(document))
    assert made is not None
    by = {one.id: one for one in made.figures}
    view = choose(by["cluster-capacity"], made.controls, {})
    assert view.title == "Capacity of the clusters on every basis, bf16 dense, FLOP/s" and len(view.rows) == 4
    assert choose(by["cluster-origin"], made.controls, {}).rows
