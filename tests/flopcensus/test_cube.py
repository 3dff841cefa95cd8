"""Every view of a study, held against ``flopcensus estimate``: no cell may differ from what that prints."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from accounting.errors import InputFaults
from flopcensus.report.document import check_results
from flopcensus.results import study_document, study_json
from flopcensus.studies.views import with_views
from flopcensus.study import answer, load_study
from tests.cli import in_process

DRAWS, OWN_DRAWS, SEED = 120, 200, 2026
CELLS = random.Random()
Key = tuple[str, str, str, str, str, str]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The shipped study in few draws, as it is written and read again."""
    study = load_study("world")
    spec = study.spec.model_copy(
        update={"draws": OWN_DRAWS, "view_draws": DRAWS, "clusters": (), "drivers": False}
    )
    findings = with_views(answer(replace(study, spec=spec, clusters=())))
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
    result = in_process(
        "estimate", "--as-of", as_of, "--status", status, "--precision", precision, "--by", level, "--format",
        "json", "--seed", str(SEED), "--draws", str(OWN_DRAWS if own else DRAWS), "--sold", "none",
        "--basis", "peak" if precision == "fp64" else "peak,achievable,sustained,delivered",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return {entry["basis"]: entry for entry in json.loads(result.stdout)["estimates"]}


def same(cell: dict[str, float], row: dict[str, float]) -> None:
    for name in ("p5", "p50", "p95", "mean"):
        assert cell[name] == pytest.approx(row[name], rel=5.1e-4), name
    for name in ("share", "share_p5", "share_p95"):
        assert cell[name] == pytest.approx(row[name], abs=5.1e-6), name


@pytest.mark.parametrize("status", ["operational", "operational", "planned"])
def test_random_views_are_what_estimate_prints(
    cells: dict[Key, dict[str, float]], document: dict[str, Any], status: str
) -> None:
    cube = document["cube"]
    chosen = CELLS.choice(sorted(key for key in cells if key[1] == status and key[4] != "total"))
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
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for (*view, level, _), cell in cells.items():
        sums[*view, level] += cell["mean"]
    views = {key[:4] for key in cells}
    assert len(sums) > 15 * len(views) > 1000
    for (*view, _), found in sums.items():
        assert found == pytest.approx(cells[*view, "total", "total"]["mean"], rel=1e-3)


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
    del document["cube"]
    assert check_results(document).cube is None


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
