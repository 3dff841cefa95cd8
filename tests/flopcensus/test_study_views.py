"""Every view of a study, held against the command that prints it: no figure may differ from its own."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from accounting.errors import InputFaults
from bench.errors import InputError
from flopcensus.documents.study import study_document, study_json
from flopcensus.report.document import check_results
from flopcensus.studies.findings import answer
from flopcensus.studies.study import load_study
from flopcensus.studies.views import with_views
from tests.cli import in_process

DRAWS, OWN_DRAWS, SEED = 120, 200, 2026
CELLS = random.Random()
Key = tuple[str, str, str, str, str, str]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The shipped study in few draws, as it is written and read again."""
    study = load_study("world")
    spec = study.spec.model_copy(update={"draws": OWN_DRAWS, "view_draws": DRAWS, "drivers": False})
    findings = with_views(answer(replace(study, spec=spec)))
    return dict(json.loads(study_json(study_document(findings))))


@pytest.fixture(scope="module")
def cells(document: dict[str, Any]) -> dict[Key, dict[str, float]]:
    columns = document["cube"]["columns"]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    keys = ("as_of", "status", "precision", "basis", "level", "code")
    found = {tuple(row.pop(key) for key in keys): row for row in rows}
    assert len(found) == len(rows), "a cell is there twice"
    return found


@cache
def estimated(as_of: str, status: str, precision: str, level: str, own: bool) -> Any:
    status = "operational" if status == "operational" else "under_construction,contracted,announced"
    bases = {"fp64": "peak", "memory": "peak,achievable"}
    what = ("--unit", "bytes_per_s") if precision == "memory" else ("--precision", precision)
    result = in_process(
        "estimate", "--as-of", as_of, "--status", status, *what, "--by", level, "--format",
        "json", "--seed", str(SEED), "--draws", str(OWN_DRAWS if own else DRAWS), "--sold", "none",
        "--basis", bases.get(precision, "peak,achievable,sustained,delivered"),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return {entry["basis"]: entry for entry in json.loads(result.stdout)["estimates"]}


def same(cell: dict[str, float], row: dict[str, float]) -> None:
    for name in ("p5", "p50", "p95", "mean"):
        assert cell[name] == pytest.approx(row[name], rel=5.1e-4), name
    for name in ("share", "share_p5", "share_p95"):
        assert cell[name] == pytest.approx(row[name], abs=5.1e-6), name


@pytest.mark.parametrize(
    ("status", "memory"), [("operational", False), ("operational", True), ("planned", False)]
)
def test_random_views_are_what_estimate_prints(
    cells: dict[Key, dict[str, float]], document: dict[str, Any], status: str, memory: bool
) -> None:
    cube = document["cube"]
    of_kind = [key for key in cells if key[1] == status and (key[2] == "memory") == memory]
    chosen = CELLS.choice(sorted(key for key in of_kind if key[4] != "total"))
    as_of, _, precision, _, level, _ = chosen
    own = (as_of, precision, status) == tuple(cube["own"][name] for name in ("as_of", "precision", "status"))
    entries = estimated(as_of, status, precision, level, own)
    view = {key: cell for key, cell in cells.items() if key[:3] == chosen[:3] and key[4] in (level, "total")}
    assert len(view) > len(entries)
    for (*_, basis, at, code), cell in view.items():
        total = entries[basis]["total"] | {"share": 1.0, "share_p5": 1.0, "share_p95": 1.0}
        rows = {"|".join(_codes(row)): row for row in entries[basis]["accounts"][level]}
        if at == "total":
            same(cell, total)
        elif code in rows:
            same(cell, rows[code])
        else:
            named = {name for _, _, _, of, where, name in view if (of, where) == (basis, level)}
            rest = sum(row["mean"] for name, row in rows.items() if name not in named)
            assert code.split("|")[0] == cube["folded"]["code"]
            assert cell["mean"] == pytest.approx(rest, rel=1e-3)


def _codes(row: dict[str, Any]) -> list[str]:
    return list(row["codes"].values()) if "codes" in row else [row["code"]]


def test_the_studys_own_view_is_its_estimates(
    cells: dict[Key, dict[str, float]], document: dict[str, Any]
) -> None:
    compared = 0
    for entry in document["estimates"]:
        key = (entry["as_of"], "operational", entry["precision"], entry["basis"])
        same(cells[*key, "total", "total"], entry["total"] | dict.fromkeys(SHARES, 1.0))
        for level, rows in entry["accounts"].items():
            for row in rows:
                cell = cells.get((*key, level, "|".join(_codes(row))))
                if cell is not None:
                    same(cell, row)
                    compared += 1
                else:
                    assert "," in level, "a level of the study is folded"
    assert compared > 400


SHARES = ("share", "share_p5", "share_p95")


def test_the_rows_of_every_level_add_up_to_the_total(cells: dict[Key, dict[str, float]]) -> None:
    sums: dict[tuple[str, str, str, str, str], float] = defaultdict(float)
    for (day, status, precision, basis, level, _), cell in cells.items():
        sums[day, status, precision, basis, level] += cell["mean"]
    views = {key[:4] for key in cells}
    assert len(sums) > 15 * len(views) > 1000
    for (day, status, precision, basis, _), found in sums.items():
        total = cells[day, status, precision, basis, "total", "total"]
        assert found == pytest.approx(total["mean"], rel=1e-3)


def test_plans_stand_apart_and_only_from_the_date_of_the_study_on(
    cells: dict[Key, dict[str, float]], document: dict[str, Any]
) -> None:
    day = document["study"]["as_of"]
    dates = {status: {key[0] for key in cells if key[1] == status} for status in ("operational", "planned")}
    assert max(dates["operational"]) == day == min(dates["planned"])
    assert max(dates["planned"]) == "2028-12-31"
    at_work, plans = (
        cells[day, status, "bf16", "peak", "total", "total"]["mean"] for status in ("operational", "planned")
    )
    whole = next(e["total"]["mean"] for e in document["estimates"] if e["basis"] == "peak")
    assert at_work == pytest.approx(whole, rel=5e-4)
    assert plans > 0


def test_what_no_measurement_leads_to_is_lacking_and_not_nought(
    cells: dict[Key, dict[str, float]], document: dict[str, Any]
) -> None:
    lacking = {(one["precision"], one["basis"]) for one in document["cube"]["lacking"]}
    assert lacking == {("fp64", basis) for basis in ("achievable", "sustained", "delivered")}
    assert not lacking & {(key[2], key[3]) for key in cells}
    assert set(document["cube"]["h100e"]["delivered"]) == {"bf16", "fp8"}


def test_the_page_takes_the_cube_and_refuses_one_that_is_cut_short(document: dict[str, Any]) -> None:
    found = check_results(document).cube
    assert found is not None
    assert found.levels[0] == "total"
    assert "territory,provider,vendor_nation" in found.levels
    broken = json.loads(json.dumps(document))
    broken["cube"]["columns"]["mean"].pop()
    with pytest.raises(Exception, match="columns of different lengths"):
        check_results(broken)
    del broken["cube"]
    assert check_results(broken).cube is None


def printed(*arguments: str) -> Any:
    result = in_process(
        *arguments, "--format", "json", "--seed", str(SEED), "--draws", str(DRAWS), "--precision", "bf16"
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def alike(mine: Any, theirs: Any) -> None:
    """Every figure of ours is theirs to six digits; theirs may have more beside."""
    if isinstance(mine, dict):
        for key, value in mine.items():
            alike(value, theirs[key])
    elif isinstance(mine, list):
        for one, other in zip(mine, theirs, strict=False):
            alike(one, other)
    elif isinstance(mine, float):
        assert mine == pytest.approx(theirs, rel=1e-5)
    else:
        assert mine == theirs


def test_a_country_is_what_brief_prints_of_it(document: dict[str, Any]) -> None:
    part = document["countries"]
    country = CELLS.choice(part["countries"])
    command = (
        "brief",
        country["code"],
        "--as-of",
        part["as_of"],
        "--basis",
        part["basis"],
        "--unit",
        "flops",
    )
    theirs = printed(*command)
    for name in ("headline", "levels", "national_account", "facilities", "targets", "what_would_change"):
        alike(country[name], theirs[name])
    for name in ("all_levels_domestic", "weakest", "firms", "published_categories", "concentration"):
        alike(country["profile"][name], theirs["profile"][name])
    by_nation = {one["nation"]: one for one in theirs["profile"]["exposures"]}
    for one in country["profile"]["exposures"]:
        alike(one, by_nation[one["nation"]])
    null = {name for name, value in (country["headline"] | country["profile"]).items() if value is None}
    assert set(country["reasons"]) == null


def test_countries_are_those_that_hold_a_thousandth_and_all_nations_have_names(
    document: dict[str, Any], cells: dict[Key, dict[str, float]]
) -> None:
    own = document["cube"]["own"]
    view = (own["as_of"], own["status"], own["precision"], document["countries"]["basis"])
    shares = {key[4:]: cell["share"] for key, cell in cells.items() if key[:4] == view}
    codes = {country["code"] for country in document["countries"]["countries"]}
    # the part has its own draws: what lies near the limit may fall on either side
    large = {
        code
        for (level, code), share in shares.items()
        if level in ("territory", "provider") and share > 0.0015 and code not in ("unknown", "EU")
    }
    assert {code for code in large if "+" not in code} <= codes
    names = document["countries"]["names"]
    assert set(_nations(document["countries"]["countries"])) <= set(names)
    assert names["GB"] == "United Kingdom"


def _nations(part: Any) -> set[str]:
    if isinstance(part, list):
        return {code for one in part for code in _nations(one)}
    if not isinstance(part, dict):
        return set()
    found = {part["nation"]} if isinstance(part.get("nation"), str) else set()
    found |= set(part["nations"]) if isinstance(part.get("nations"), dict) else set()
    return found | {code for one in part.values() for code in _nations(one)}


def test_a_cut_and_what_is_sold_are_what_their_commands_print(document: dict[str, Any]) -> None:
    cut = document["supply_cuts"][1]
    theirs = printed("supply-cut", cut["id"], "--unit", "flops", "--basis", "delivered")
    alike({name: cut[name] for name in ("cut", "places", "parameters", "growth", "warnings")}, theirs)
    sold = document["sold"]
    command = ("estimate", "--as-of", document["study"]["as_of"], "--sold", "shipped", "--basis", "peak")
    theirs = printed(*command)["unlocated"]
    alike({name: sold[name] for name in ("on", "designer", "model", "bounds")}, theirs)
    assert len(sold["designer"]) > 3


def test_the_lorenz_curves_enclose_the_ginis(document: dict[str, Any]) -> None:
    for one in document["world"]["inequality"]:
        curve = one["lorenz"]
        area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(curve))
        assert curve == sorted(curve)
        # the curve is of means, the coefficients of draws
        assert one["gini"]["p5"] - 0.02 < 1 - 2 * area < one["gini"]["p95"] + 0.02


def test_points_of_the_frontier_are_the_clusters_compared(document: dict[str, Any]) -> None:
    clusters = {one["id"]: one for one in document["comparison"]["clusters"]}
    points = document["frontier"]["points"]
    assert {(one["id"], one["basis"], one["level"]) for one in points} == {
        (name, basis, level)
        for name in clusters
        for basis in document["cube"]["bases"]
        for level in ("vendor", "vendor_nation")
    }
    for one in points:
        rows = clusters[one["id"]]["origin"][one["basis"]][one["level"]]
        assert one["share"]["share"] == pytest.approx(max(row["share"] for row in rows), rel=1e-5)
        alike(one["capacity"], clusters[one["id"]]["capacity"][one["basis"]])


def test_the_page_takes_all_parts(document: dict[str, Any]) -> None:
    found = check_results(document)
    assert found.countries is not None
    assert found.sold is not None
    assert [one.reason for one in found.supply_cuts] == [None] * 3
    assert found.not_available == {}
    assert {one.country for one in found.targets} <= {one.code for one in found.countries.countries}


def test_what_a_census_of_ones_own_cannot_say_has_its_reason(tmp_path: Path) -> None:
    facility = """facilities:
  - id: hall
    name: Hall
    territory: FR
    owners: [{organisation: google}]
    operator: google
    sector: private
    sources: [{url: "https://example.org/hall", title: Hall, date: 2026-01-01}]
    deployments:
      - id: hall-one
        accelerator: nvidia-h100-sxm
        count: {value: 1000, kind: reported, date: 2026-01-01, source: "https://example.org/hall"}
        in_service: 2025-06-01
        status: operational
"""
    (tmp_path / "hall.yaml").write_text(facility, encoding="utf-8")
    study = "study: {id: a, title: A, as_of: 2026-06-30, census: [hall.yaml], draws: 100, supply_cuts: []}\n"
    (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
    document = study_document(with_views(answer(load_study(str(tmp_path / "study.yaml")))))
    assert "sold" not in document
    assert "a census of one's own" in document["not_available"]["sold"]
    assert [one["code"] for one in document["countries"]["countries"]] == ["FR", "US"]
    empty = document["countries"]["countries"][1]
    assert empty["profile"]["largest_site"] is None
    assert "nothing that can be valued" in empty["reasons"]["largest_site"]
    check_results(json.loads(study_json(document)))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("countries: [Atlantis]", "Atlantis"),
        ("supply_cuts: [us-stops-sellin]", "us-stops-selling"),
        ("plan: hedgd", "hedged"),
        ("fleet: nowhere", "no such folder"),
        ("bridge: [nowhere.csv]", "nowhere.csv"),
    ],
)
def test_a_name_that_leads_nowhere_shows_before_any_work(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(f"study:\n  id: a\n  title: A\n  as_of: 2026-06-30\n  {line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        load_study(str(path))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("years: 2030:2020", "no span of years; write FIRST:LAST"),
        ("years: [2010-01-01]", "a date before 2015 or after 2035"),
        ("years: [soon]", "not a date"),
        ("precisions: [bf61]", "bf61"),
        ("view_draws: 5", "view_draws"),
    ],
)
def test_a_wrong_key_of_the_study_is_one_clear_message(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(f"study:\n  id: a\n  title: A\n  as_of: 2026-06-30\n  {line}\n", encoding="utf-8")
    with pytest.raises(InputFaults) as caught:
        load_study(str(path))
    assert "study.yaml:5:" in str(caught.value)
    assert message in str(caught.value)


def test_years_may_be_a_span(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    text = "study: {id: a, title: A, as_of: 2026-06-30, years: '2019:2021'}\n"
    path.write_text(text, encoding="utf-8")
    assert [str(day) for day in load_study(str(path)).spec.years] == [
        "2019-12-31",
        "2020-12-31",
        "2021-12-31",
    ]
