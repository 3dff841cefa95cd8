"""The page of a fleet: its map against an own reckoning, escaping, bounds of its size, and a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.fleets.decoding import Device, FleetRecord, Result
from bench.fleets.gathering import Gathered
from bench.fleets.judging.judge import judge
from bench.fleets.reading import Read, Reading, SetAside
from bench.fleets.synthetic import Planted, make_fleet
from bench.fleets.synthetic import write as write_fleet
from flopcensus.answering.fleet import Fleet, read_fleet
from flopcensus.report.fleet.heatmap import MOST_ROWS, heat_map, natural, rack
from flopcensus.report.fleet_page import MOST_REASONS, MOST_SET_ASIDE, render
from tests.cli import in_process
from tests.report.conftest import Page
from tests.report.test_report_browser import BROWSER, FRAME, NAMES, browse

Parse = Callable[[str], Page]
SICK = replace(
    make_fleet("sick", 10, 2, 0, 5), planted={(2, 0): Planted("slow", 0.2), (5, 1): Planted("wrong", 1.0)}
)
FIRST = datetime(2026, 3, 1, 2, tzinfo=UTC)
HOSTILE = "<script>document.title='x'</script>"
browser = pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(NAMES)} is installed")


def fleet_of(values: np.ndarray, name: Callable[[int], str], metrics: int = 2, **changes: Any) -> Fleet:
    """A fleet of one device a node; ``values`` by node and metric."""
    gathered, reading = Gathered(), Reading()
    for number, row in enumerate(values):
        results = [
            Result(
                f"workload{k}",
                "cuda:0",
                "bf16",
                "flop_rate",
                "FLOP/s",
                "ok",
                value=float(row[k]),
                ci95=(1e-9, 1e9),
            )
            for k in range(metrics)
        ]
        device = Device("cuda:0", "cuda", changes.get("model", "Some GPU"))
        created = FIRST
        record = FleetRecord(
            name(number), created, "0.1.0", "quick", 1.0, 0, [device], {}, results, "flopcensus/record/1"
        )
        gathered.add(Read(f"{name(number)}.json", record, number))
        reading.records += 1
    reading.files = reading.records
    return Fleet(gathered, reading, judge(gathered))


@pytest.fixture
def sick(tmp_path: Path) -> Fleet:
    write_fleet(SICK, tmp_path)
    (tmp_path / "cut.json").write_text("{", encoding="utf-8")
    gathered, reading = read_fleet(tmp_path)
    return Fleet(gathered, reading, judge(gathered, reading.withdrawn))


def test_cells_are_the_lowest_devices_share_of_the_median(sick: Fleet, read: Parse) -> None:
    page = read(render(sick))
    rows = list(sick.gathered.flat())
    heads = [th.text for th in page.by_id("heat").all("thead")[0].all("th")][1:]
    logs: dict[str, dict[tuple[str, str], float]] = {}
    for row in rows:
        metric = f"{row['workload']} {row['precision']}".replace("_", " ")
        logs.setdefault(metric, {})[row["node"], row["device"]] = row["value"]
    assert heads == sorted(logs)
    for tr in page.by_id("heat").all("tbody")[0].all("tr"):
        node = tr.children[0].all("bdi")[0].text
        for metric, cell in zip(heads, tr.children[1:], strict=True):
            lowest = min(value for (name, _), value in logs[metric].items() if name == node)
            share = 100 * lowest / float(np.median(list(logs[metric].values())))
            assert cell.text == str(round(share))
            shade = "h" + str(sum(round(share) >= bound for bound in (80, 90, 95, 98, 103)))
            assert cell.attributes["class"] == shade


def test_the_page_names_what_is_sick_why_and_what_was_set_aside(sick: Fleet, read: Parse) -> None:
    page = read(render(sick))
    assert "2 of 10 nodes are sick" in page.by_id("main").text
    rows = page.rows("sick-table")
    assert {(row[0], row[1]) for row in rows} == {("r00n02", "cuda:0"), ("r00n05", "cuda:1")}
    assert any(row[2].startswith("slow: ") for row in rows)
    assert any("wrong output" in row[2] for row in rows)
    ((file, reason),) = page.rows("set-aside-table")
    assert (Path(file).name, reason) == ("cut.json", "cut short")
    marked = [
        th.all("bdi")[0].text for th in page.by_id("heat").all("th") if th.attributes.get("class") == "sick"
    ]
    assert marked == ["r00n02", "r00n05"]
    assert len(page.rows("distributions-table")) == len(sick.judgement.distributions)
    assert f"{sick.judgement.tests:,} tests" in page.by_id("main").text


def test_a_sound_fleet_says_so(read: Parse) -> None:
    page = read(render(fleet_of(np.ones((6, 2)), lambda n: f"n{n}")))
    assert "No node is sick" in page.by_id("main").text
    assert "No file was set aside" in page.by_id("main").text
    assert [e for e in page.all() if e.attributes.get("id") == "sick-table"] == []


def test_names_are_escaped_wherever_they_stand(read: Parse) -> None:
    fleet = fleet_of(np.ones((6, 2)), lambda n: f"{HOSTILE}{n}\x1b\u202e", model=HOSTILE)
    fleet.reading.set_aside.append(SetAside(f"{HOSTILE}.json", HOSTILE))
    html = render(fleet)
    page = read(html)
    assert page.all("script") == []
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert f"{HOSTILE}0\\x1b\\x202e" in page.by_id("heat").text
    assert page.rows("set-aside-table") == [[f"{HOSTILE}.json", HOSTILE]]


def test_the_page_allows_no_script_and_fetches_nothing(sick: Fleet, read: Parse) -> None:
    html = render(sick)
    page = read(html)
    policy = next(e for e in page.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy")
    assert str(policy.attributes["content"]).startswith("default-src 'none'")
    assert not re.search(r"https?://|url\(|@import|src=", html)
    ids = [e.attributes["id"] for e in page.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for e in page.all("a"):
        assert str(e.attributes["href"])[1:] in ids


def test_a_thousand_nodes_have_a_row_each_and_more_are_grouped_by_rack(read: Parse) -> None:
    values = np.random.default_rng(1).normal(1, 0.01, (1600, 2))
    values[37] = 0.5

    def name(number: int) -> str:
        return f"r{number // 16:03d}n{number % 16:02d}"

    page = read(render(fleet_of(values[:MOST_ROWS], name)))
    assert len(page.rows("heat")) == MOST_ROWS
    page = read(render(fleet_of(values, name)))
    rows = page.rows("heat")
    assert len(rows) == 100
    assert rows[2][0].startswith("r002n00 to r002n15 16 nodes, 1 sick")
    lowest = values[32:48].min(axis=0) / np.median(values, axis=0)
    assert rows[2][1:] == [str(round(100 * share)) for share in lowest]


def test_nodes_without_racks_are_grouped_in_equal_parts() -> None:
    fleet = fleet_of(np.ones((2500, 1)), lambda n: f"n{n}", metrics=1)
    found = heat_map(fleet, {})
    assert found.grouped
    assert len(found.rows) == 834
    assert [row.name for row in found.rows[:2]] == ["n0 to n2", "n3 to n5"]
    assert sum(int(row.remark.split()[0]) for row in found.rows if row.remark) + 1 == 2500


def test_the_size_of_the_page_has_a_bound(read: Parse) -> None:
    values = np.random.default_rng(1).normal(1, 0.01, (1200, 40))
    fleet = fleet_of(values, lambda n: f"{n:05d}" + "<" * 5000, metrics=40)
    fleet.reading.set_aside.extend(SetAside("&" * 5000, "<" * 5000) for _ in range(2000))
    sick = replace(fleet.judgement, outliers=tuple(_outliers(fleet)))
    html = render(replace(fleet, judgement=sick))
    assert len(html.encode()) < 8_000_000
    page = read(html)
    assert len(page.rows("sick-table")) == MOST_REASONS
    assert len(page.rows("set-aside-table")) == MOST_SET_ASIDE
    assert "the first 500 of 2,000" in page.by_id("set-aside-table").text
    assert "10 metrics that fewest devices have are left out" in page.by_id("main").text


def _outliers(fleet: Fleet) -> Iterator[Any]:
    from bench.fleets.judging.verdicts import Outlier

    for node in fleet.gathered.nodes:
        yield Outlier(node, "cuda:0", "wrong", "x", 0.0, words="<" * 5000)


def test_names_sort_as_people_count() -> None:
    assert sorted(["n10", "n2", "a1", "n2b"], key=natural) == ["a1", "n2", "n2b", "n10"]
    assert rack("gpu-07-12") == "gpu-07-"


def test_the_command_writes_it(tmp_path: Path) -> None:
    write_fleet(SICK, tmp_path / "fleet")
    done = in_process("fleet", str(tmp_path / "fleet"), "-o", str(tmp_path / "fleet.html"))
    assert done.returncode == 1
    same = in_process("fleet", str(tmp_path / "fleet"), "--format", "html")
    assert same.stdout == (tmp_path / "fleet.html").read_text(encoding="utf-8")
    hidden = in_process("fleet", str(tmp_path / "fleet"), "--format", "html", "--anonymise").stdout
    assert "r00n02" not in hidden
    assert "node-" in hidden


@browser
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("nodes", [10, 1000])
def test_a_browser_has_no_complaint_and_nothing_is_wider_than_the_window(
    tmp_path: Path, width: int, nodes: int
) -> None:
    values = np.random.default_rng(1).normal(1, 0.01, (nodes, 12))
    values[1] = 0.7
    fleet = fleet_of(
        values, lambda n: "W" * 300 if n == 1 else f"{HOSTILE}{n}" if n == 2 else f"n{n}", metrics=12
    )
    fleet.reading.set_aside.append(SetAside("x" * 400, "مركز الحوسبة"))
    html = render(fleet)
    built, said = browse(
        tmp_path, FRAME.format(width=width, page=escape(html, quote=True)), "--window-size=1600,1000"
    )
    assert "CONSOLE" not in said
    found = re.search(r'<html[^>]*data-width="(\d+) (\d+)"', built)
    assert found
    assert int(found[2]) == width
    assert int(found[1]) <= width


@browser
def test_a_browser_builds_every_row_and_asks_nothing_of_the_network(tmp_path: Path, sick: Fleet) -> None:
    html = render(sick)
    built, said = browse(tmp_path, html)
    assert "CONSOLE" not in said
    assert built.count("<tr>") == html.count("<tr>")
    assert "<title>Fleet of 10 nodes" in built
