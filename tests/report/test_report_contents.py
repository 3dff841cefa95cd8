"""What stands on the page: every row of the document, figures with intervals, and what may be absent."""

from __future__ import annotations

from typing import Any

import pytest

from flopcensus.report.page import render


def test_every_table_has_the_rows_of_the_document(document: dict[str, Any], read: Any) -> None:
    page, last = read(render(document)), document["estimates"][-1]
    clusters = document["comparison"]["clusters"]
    expected = {
        "walk-table": len(document["estimates"]),
        "provenance-table": 2,
        "level-0-table": len(last["accounts"]["territory"]),
        "level-1-table": len(last["accounts"]["vendor"]),
        "groups-table": len(last["groups"]),
        "crossing-0-table": len(last["accounts"]["territory,vendor_nation"]),
        "clusters-table": len(clusters[0]["capacity"]) + 3,
        "origin-0-table": sum(len(c["origin"]["delivered"]["vendor"]) for c in clusters),
        "origin-1-table": sum(len(c["origin"]["delivered"]["vendor_nation"]) for c in clusters),
        "differences-table": len(document["comparison"]["differences"]),
        "results-table": len(document["record"]["results"]),
        "devices-table": len(document["record"]["devices"]),
        "census-table": len(document["facilities"]),
        "measurements-table": len(document["measurements"]),
        "left-out-table": 1,
    }
    assert {id: len(page.rows(id)) for id in expected} == expected
    assert len(page.all("table")) == len(expected)


def test_figures_stand_with_their_intervals(document: dict[str, Any], read: Any) -> None:
    page = read(render(document))
    peak, delivered = page.rows("walk-table")
    assert peak == ["peak spec sheet, dense", "10.0 EFLOP/s", "as stated", "10.0 EFLOP/s", "100.0 %"]
    assert delivered[1:] == ["4.00 EFLOP/s", "2.00 to 6.00 EFLOP/s", "4.00 EFLOP/s", "40.0 %"]
    assert page.rows("level-0-table")[0] == [
        "United States", "US", "7.00 EFLOP/s", "3.50 to 14.0 EFLOP/s", "70.0 %", "56.0 to 84.0 %",
    ]  # fmt: skip
    assert page.rows("groups-table")[1][4:] == ["none", "–", "none", "–"]
    assert page.rows("crossing-0-table")[1][:2] == ["France", "United States"]


def test_the_statement_says_what_is_counted(document: dict[str, Any], read: Any) -> None:
    text = read(render(document)).all("main")[0].text
    assert "3 deployments" in text
    assert "of 5 in the shipped census" in text
    assert "bf16 dense on peak and delivered" in text
    assert "HHI 5,400 of 10,000 on delivered, effective number of holders 1.9" in text
    assert "10.0 % of delivered is unknown" in text
    assert "One and the same nation on all of these levels: 70.0 %" in text


def test_warnings_stand_before_the_totals_and_once(document: dict[str, Any]) -> None:
    twice = ["the same warning"]
    for one in document["estimates"]:
        one["warnings"] = twice
    html = render(document)
    assert html.count("the same warning") == 1
    assert html.index("the same warning") < html.index('class="headlines"')


def test_power_that_is_not_published_is_not_available(document: dict[str, Any], read: Any) -> None:
    rows = {cells[0]: cells[1:] for cells in read(render(document)).rows("clusters-table")}
    assert rows["IT power"] == ["7.00 MW 6.00 to 8.00 MW", "not available"]
    assert rows["peak"] == ["10.0 EFLOP/s as stated", "10.0 EFLOP/s as stated"]
    assert "hypothetical: none of them exists" in read(render(document)).all("main")[0].text


def test_what_was_measured_stands_with_its_status_and_outside_the_estimate(
    document: dict[str, Any], read: Any
) -> None:
    page = read(render(document))
    done, failed = page.rows("results-table")
    assert done[4:7] == ["377 GFLOP/s", "370 to 380 GFLOP/s", "41.0 %"]
    assert done[-1] == "ok, not settled"
    assert failed[4:6] == ["not available", "–"]
    assert failed[-1] == "failed out of memory"
    assert "does not enter it" in page.all("main")[0].text


def test_counts_say_when_they_are_uncertain_or_absent(document: dict[str, Any], read: Any) -> None:
    counts = [cells[4] for cells in read(render(document)).rows("census-table")]
    assert counts == ["1,456", "100 90 to 110", "not stated"]


def test_one_dwarfing_holder_leaves_room_to_see_the_others(document: dict[str, Any], read: Any) -> None:
    for one in document["estimates"]:
        us, fr, unknown = one["accounts"]["territory"]
        us |= {"share": 0.97, "share_p5": 0.95, "share_p95": 0.99}
        fr |= {"share": 0.02, "share_p5": 0.01, "share_p95": 0.03}
        unknown |= {"share": 0.0001, "share_p5": 0.0, "share_p95": 0.0003}
    page = read(render(document))
    assert "all others" in page.by_id("level-0-chart-title").parent.text
    assert "France" in page.by_id("level-0-rest-chart-title").parent.text
    assert page.rows("level-0-table")[2][4:] == ["under 0.1 %", "0 to under 0.1 %"]


# what may be absent


def test_a_document_without_record_and_comparison_makes_a_page(document: dict[str, Any], read: Any) -> None:
    document |= {"record": None, "comparison": None}
    page = read(render(document))
    assert "Nothing was measured" in page.all("main")[0].text
    assert "clusters" not in {e.attributes.get("id") for e in page.all()}


@pytest.mark.parametrize("estimates", [0, 1, 2])
def test_empty_accounts_and_fewer_bases_make_a_page(
    document: dict[str, Any], read: Any, estimates: int
) -> None:
    document["estimates"] = document["estimates"][:estimates]
    render(document)
    for one in document["estimates"]:
        nothing = {"p5": 0.0, "p50": 0.0, "p95": 0.0, "mean": 0.0}
        one |= {
            "deployments": 0,
            "total": nothing,
            "provenance": {},
            "groups": [],
            "skipped": {},
            "warnings": [],
        }
        one["accounts"] = {level: [] for level in one["accounts"]}
        one["concentration"] = {}
    document |= {"facilities": [], "measurements": []}
    page = read(render(document))
    assert page.rows("census-table") == [["none"]]
    assert "No row of the census was left out" in page.all("main")[0].text


def test_an_unknown_level_and_more_series_than_colours_make_a_page(
    document: dict[str, Any], read: Any
) -> None:
    rows = document["comparison"]["clusters"][0]["origin"]["delivered"]["vendor"]
    rows[:] = [dict(rows[0], code=f"v{n}", name=f"Vendor {n}", share=0.05) for n in range(20)]
    last = document["estimates"][-1]
    last["accounts"]["memory_supplier"] = last["accounts"]["vendor"]
    page = read(render(document))
    assert len(page.rows("origin-0-table")) == 22
    assert page.by_id("level-2").text == "By memory supplier"
