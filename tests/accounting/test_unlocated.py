"""Chips sold and not located: against pandas, an independent raking, and Epoch's own figures."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accounting.accounts.sales.raking import Margin, rake
from accounting.accounts.sales.result import SoldLine, Unlocated
from accounting.accounts.sales.sold import load_sold_chips, shipped_totals
from accounting.accounts.sales.unlocated import unlocated
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.readers.chip_totals import ControlTotals
from accounting.census.readers.epoch_chips import control_totals
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.quantities import exact
from accounting.reference.facts import Facts
from bench.errors import InputError
from flopcensus.cli import invoke
from tests.accounting.ledgers import BASE

YEAR_END = datetime.date(2025, 12, 31)
CHIP_COUNTS = "data/epoch/chip_counts_2026-04-22"
SALES = (
    "vendor,chip,start,end,units,units_p5,units_p95,h100e,h100e_p5,h100e_p95\n"
    "NVIDIA,H100/H200,2023-01-01,2023-03-31,1000,800,1250,1000,800,1250\n"
    "NVIDIA,A100,2023-01-01,2023-03-31,2000,1600,2500,630,504,788\n"
    "AMD,MI300X,2023-01-01,2023-03-31,500,500,500,660,660,660\n"
)
OWNERS = (
    "Chip manufacturer,Owner,Chip type,Start date,End date,"
    "Number of Units,Compute estimate in H100e (median)\n"
    "NVIDIA,Meta,H100/H200,1/1/2023,3/31/2023,600,600\n"
    "NVIDIA,Other,H100/H200,1/1/2023,3/31/2023,400,400\n"
    "NVIDIA,Other,A100,1/1/2023,3/31/2023,2000,630\n"
    "AMD,Other,MI300X,1/1/2023,3/31/2023,500,660\n"
)
DAY = datetime.date(2023, 3, 31)


def sales(folder: Path, facts: Facts, *, owners: bool = True) -> ControlTotals:
    (folder / "sales.csv").write_text(SALES, encoding="utf-8")
    if owners:
        (folder / "owners.csv").write_text(OWNERS, encoding="utf-8")
    return control_totals([folder], facts)


def batch(
    number: int, chip: str, count: float, owner: tuple[str, str], territory: str, **changes: object
) -> Entry:
    base = replace(
        BASE,
        id=f"b{number}",
        facility=f"b{number}",
        accelerator=chip,
        vendor=chip.split("-", maxsplit=1)[0],
        count=exact(count),
        owners=(Owner(*owner, 1.0),),
        territory=territory,
        in_service=datetime.date(2023, 2, 1),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


META, ANY = ("meta", "US"), ("mistral-ai", "FR")
ROWS = (
    batch(1, "nvidia-h100-sxm", 300, META, "US"),
    batch(2, "nvidia-h200-sxm", 100, ANY, "FR"),
    batch(3, "nvidia-a100-sxm-80gb", 1000, ANY, "FR"),
    batch(4, "amd-mi300x", 250, ANY, "DE"),
    # before the sales begin, of a chip that they do not name, and not in operation
    batch(5, "nvidia-a100-sxm-80gb", 70, META, "US", in_service=datetime.date(2022, 12, 31)),
    batch(6, "nvidia-v100-sxm2-32gb", 7, META, "US"),
    batch(7, "nvidia-h100-sxm", 9999, META, "US", status="announced"),
    batch(8, "nvidia-h100-sxm", 9999, META, "US", in_service=datetime.date(2023, 4, 1)),
)


def lines(found: tuple[SoldLine, ...]) -> dict[str, tuple[float, float, float]]:
    return {
        line.code: (line.chips.sold.p50, line.chips.located.p50, line.chips.unlocated.p50) for line in found
    }


def run(tmp_path: Path, facts: Facts, rows: tuple[Entry, ...] = ROWS, **changes: object) -> Unlocated:
    day = Selection(datetime.date(2023, 6, 1))
    totals = sales(tmp_path, facts, owners=bool(changes.pop("owners", True)))
    return unlocated(Ledger("t", rows), totals, day, facts, draws=4000, **changes)  # type: ignore[arg-type]


def test_sold_is_located_and_not_by_designer_model_and_owner(tmp_path: Path, facts: Facts) -> None:
    found = run(tmp_path, facts)
    assert found.on == DAY
    assert found.outside == 70 + 7
    expected = {"nvidia": (3000.0, 1400.0, 1600.0), "amd": (500.0, 250.0, 250.0)}
    assert lines(found.designers) == {k: pytest.approx(v, rel=0.02) for k, v in expected.items()}
    models = {"H100/H200": (1000, 400, 600), "A100": (2000, 1000, 1000), "MI300X": (500, 250, 250)}
    assert lines(found.models) == {k: pytest.approx(v, rel=0.02) for k, v in models.items()}
    owners = {"meta": (600, 300, 300), "Other": (2900, 1350, 1550), "": (0, 0, 0)}
    got = lines(found.owners)
    assert {k: got[k] for k in ("meta", "Other")} == {k: owners[k] for k in ("meta", "Other")}
    assert got[""][0] == pytest.approx(0, abs=60)
    # the ends of the sales are those of the file
    nvidia = next(line for line in found.designers if line.code == "nvidia").chips
    assert nvidia.sold.p5 == pytest.approx(2400, rel=0.02)
    assert nvidia.unlocated.p95 == pytest.approx(3750 - 1400, rel=0.03)


def test_shares_have_bounds_wherever_the_rest_stands(tmp_path: Path, facts: Facts) -> None:
    found = run(tmp_path, facts)
    weight = {"US": 300.0, "FR": 100 + 1000 * 0.315, "DE": 250 * 1.32}
    whole = 1630 + 660
    free = whole - sum(weight.values())
    by_code = {bound.code: bound for bound in found.territories}
    assert set(by_code) == set(weight)
    for code, value in weight.items():
        assert by_code[code].share.p50 == pytest.approx(value / sum(weight.values()))
        assert by_code[code].lowest.p50 == pytest.approx(value / whole, rel=0.02)
        assert by_code[code].highest.p50 == pytest.approx((value + free) / whole, rel=0.02)
    # what Meta bought and nobody located is American wherever it stands
    providers = {bound.code: bound for bound in found.providers}
    assert providers["US"].lowest.p50 == pytest.approx(600 / whole, rel=0.02)
    assert providers["FR"].highest.p50 == pytest.approx((whole - 600) / whole, rel=0.02)


def ipf(seed: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Independent: the maximum-likelihood dual by Newton's method, for a table without empty cells."""
    a, b = np.zeros(len(rows)), np.zeros(len(columns))
    for _ in range(200):
        table = seed * np.exp(a[:, None] + b[None, :])
        gradient = np.concatenate([table.sum(1) - rows, table.sum(0) - columns])
        if np.abs(gradient).max() < 1e-9 * rows.sum():
            break
        hessian = np.block([[np.diag(table.sum(1)), table], [table.T, np.diag(table.sum(0))]])
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        scale = min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
        a, b = a - scale * step[: len(rows)], b - scale * step[len(rows) :]
    return seed * np.exp(a[:, None] + b[None, :])


@given(
    st.lists(st.lists(st.floats(0.5, 5), min_size=3, max_size=3), min_size=2, max_size=4),
    st.lists(st.floats(1, 4), min_size=7, max_size=7),
)
def test_raking_is_that_of_the_likelihood(cells: list[list[float]], factors: list[float]) -> None:
    seed = np.array(cells)
    rows = seed.sum(1) * np.array(factors[: len(cells)])
    columns = seed.sum(0) * np.array(factors[4:])
    expected = ipf(seed, rows, columns * rows.sum() / columns.sum())
    # a weight above 10 is refused: another test
    assume((expected / seed).max() < 9.9)
    names = tuple("abcd"[: len(cells)])
    weights = rake(seed[..., None], Margin(names, rows[:, None]), Margin(("x", "y", "z"), columns[:, None]))
    table = seed * weights[..., 0]
    np.testing.assert_allclose(table.sum(1), rows, rtol=1e-5)
    np.testing.assert_allclose(table, expected, rtol=1e-4)


def margins(rows: list[float], columns: list[float]) -> tuple[Margin, Margin]:
    return (
        Margin(tuple(f"r{i}" for i in range(len(rows))), np.array(rows)[:, None]),
        Margin(tuple(f"c{i}" for i in range(len(columns))), np.array(columns)[:, None]),
    )


@pytest.mark.parametrize(
    ("seed", "rows", "columns", "words"),
    [
        ([[1, 1], [0, 0]], [2, 3], [2, 3], "none located of r1, though sold"),
        ([[1, 0], [1, 0]], [2, 3], [2, 3], "none located of c1, though sold"),
        ([[1, 0], [0, 1]], [2, 3], [3, 2], "no table has both margins"),
        (
            [[1, 0], [0, 1]],
            [10.5, 3],
            [10.5, 3],
            "the 1 r0 located at c0 would stand for 10: a weight of 10.5",
        ),
    ],
)
def test_what_the_census_hardly_saw_is_not_scaled_up(
    seed: list[list[float]], rows: list[float], columns: list[float], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        rake(np.array(seed, float)[..., None], *margins(rows, columns))


def test_a_weight_of_ten_is_borne_and_empty_cells_stay_so() -> None:
    seed = np.array([[1.0, 0.0], [1.0, 1.0]])[..., None]
    weights = rake(seed, *margins([10, 20], [20, 10]))
    np.testing.assert_allclose((seed * weights)[..., 0], [[10, 0], [10, 10]], rtol=1e-5)
    assert weights[0, 1, 0] == 1.0


def test_raked_figures_stand_beside_the_raw_ones(tmp_path: Path, facts: Facts) -> None:
    raw = run(tmp_path, facts)
    found = run(tmp_path, facts, reconcile="rake")
    assert all(bound.adjusted is None for bound in raw.territories)
    assert any("assumed" in text for text in found.warnings)
    by_code = {bound.code: bound for bound in found.territories}
    assert by_code["US"].located == {b.code: b for b in raw.territories}["US"].located
    # each cell of this table has one way to its margins: Meta holds 600 H100, others 400 and the rest
    each = {"US": 600.0, "FR": 400 + 630.0, "DE": 660.0}
    total = sum(each.values())
    for code, value in each.items():
        adjusted, share = by_code[code].adjusted, by_code[code].adjusted_share
        assert adjusted is not None
        assert share is not None
        assert adjusted.p50 == pytest.approx(value, rel=0.03)
        assert share.mean == pytest.approx(value / total, rel=0.05)


def test_without_owners_models_alone_are_raked(tmp_path: Path, facts: Facts) -> None:
    found = run(tmp_path, facts, reconcile="rake", owners=False)
    assert found.owners == ()
    by_code = {bound.code: bound.adjusted for bound in found.territories}
    # three quarters of the located H100 stand in the US, all MI300X in Germany
    us, germany = by_code["US"], by_code["DE"]
    assert us is not None
    assert germany is not None
    assert us.p50 == pytest.approx(750, rel=0.02)
    assert germany.p50 == pytest.approx(660, rel=0.02)


def test_no_sales_by_the_day_is_refused(tmp_path: Path, facts: Facts) -> None:
    early = Selection(datetime.date(2022, 6, 1))
    with pytest.raises(InputError, match="cover no complete period up to 2022-06-01"):
        unlocated(Ledger("t", ROWS), sales(tmp_path, facts), early, facts)


def test_every_name_of_a_chip_stands_once(facts: Facts) -> None:
    chips = load_sold_chips(facts)
    names = [name.casefold() for chip in chips for name in chip.sold_as]
    accelerators = [a for chip in chips for a in chip.accelerators]
    assert len(set(names)) == len(names)
    assert len(set(accelerators)) == len(accelerators)
    for chip in chips:
        assert all(facts.accelerators[a].designer == chip.designer for a in chip.accelerators)


@pytest.fixture(scope="module")
def epoch(shared: Path) -> Path:
    return shared / "data" / "epoch"


def test_epoch_s_clusters_against_epoch_s_sales(epoch: Path, facts: Facts) -> None:
    folder = epoch / "chip_counts_2026-04-22"
    totals = control_totals([folder, epoch / "ai_chip_sales_excerpt_2026-09-30.csv"], facts)
    ledger = load_census([str(epoch / "gpu_clusters_2026-04-24.csv")], facts)
    wanted = Selection(datetime.date(2026, 3, 1))
    found = unlocated(ledger, totals, wanted, facts, draws=500)
    assert found.on == YEAR_END
    assert found.warnings == ()
    # pandas, from the same files
    published = pd.read_csv(folder / "csv_export" / "tpu_cumulative_totals.csv").set_index("End date")
    sold = float(published["Compute estimate in H100e (median)"]["12/31/2025"])
    google = next(line for line in found.designers if line.code == "google")
    assert google.h100e.sold.p50 == pytest.approx(sold, rel=0.02)
    rates = {"google-tpu-v4": 36404 / 261998, "google-tpu-v5e": 0.19858, "google-tpu-v5p": 0.46387}
    located = sum(
        entry.count.best * rates[entry.accelerator]
        for entry in ledger.entries
        if entry.accelerator in rates
        and entry.count
        and entry.status == "operational"
        and not entry.duplicate
        and entry.in_service
        and datetime.date(2023, 1, 1) <= entry.in_service <= YEAR_END
    )
    assert google.h100e.located.p50 == pytest.approx(located, rel=0.02)
    assert located < 20_000
    assert sold > 3_800_000
    with pytest.raises(InputError, match=r"none located of .*TPU v6e.* though sold"):
        unlocated(ledger, totals, wanted, facts, draws=100, reconcile="rake")


def test_the_command_shows_it(tmp_path: Path, facts: Facts, capsys: pytest.CaptureFixture[str]) -> None:
    sales(tmp_path, facts)
    asked = ["estimate", "--as-of", "2023-03-31", "--basis", "peak", "--draws", "50", "--sold", str(tmp_path)]
    assert invoke([*asked, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)["unlocated"]
    assert document["on"] == "2023-03-31"
    assert {line["code"] for line in document["designer"]} == {"nvidia", "amd"}
    held = document["designer"][0]["chips"]
    assert held["unlocated"]["mean"] == pytest.approx(held["sold"]["mean"] - held["located"]["mean"])
    assert invoke(asked) == 0
    assert "sold, not located, by owner" in capsys.readouterr().out
    assert invoke([*asked, "--reconcile", "rake"]) == 2
    assert "--reconcile none" in capsys.readouterr().err
    assert invoke(["estimate", "--reconcile", "rake"]) == 2
    assert "--reconcile needs --sold" in capsys.readouterr().err


def test_the_shipped_totals_are_those_of_the_files_to_three_digits(shared: Path, facts: Facts) -> None:
    files = control_totals([shared / CHIP_COUNTS], facts)
    shipped = shipped_totals(facts)
    assert shipped.covered(YEAR_END) == files.covered(YEAR_END)
    names = {name.casefold(): chip.name for chip in load_sold_chips(facts) for name in chip.sold_as}
    for by in ("designer", "chip"):
        theirs = {names.get(k.casefold(), k): v for k, v in files.at(YEAR_END, by).items()}
        ours = shipped.at(YEAR_END, by)
        assert set(ours) == set(theirs)
        for name, total in ours.items():
            for end in ("p5", "p50", "p95"):
                assert getattr(total.units, end) == pytest.approx(getattr(theirs[name].units, end), rel=6e-3)
                assert getattr(total.h100e, end) == pytest.approx(getattr(theirs[name].h100e, end), rel=6e-3)


def test_an_estimate_of_the_world_says_what_is_sold_and_not_located(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["estimate", "--as-of", "2026-06-30", "--basis", "peak", "--draws", "200", "--format", "json"]
    assert invoke(asked) == 0
    found = json.loads(capsys.readouterr().out)["unlocated"]
    assert found["on"] == "2025-12-31"
    google = next(line for line in found["designer"] if line["code"] == "google")
    assert google["chips"]["sold"]["p50"] == pytest.approx(6.14e6, rel=0.03)
    bounds = {bound["code"]: bound for bound in found["bounds"]["territory"]}
    assert bounds["US"]["lowest"]["p50"] < bounds["US"]["share"]["p50"] < bounds["US"]["highest"]["p95"] <= 1
    # before the sales end nothing can be held against them, and none is none
    for more in (["--as-of", "2024-06-30"], ["--sold", "none"]):
        assert invoke([*asked, *more]) == 0
        assert "unlocated" not in json.loads(capsys.readouterr().out)
    assert invoke(asked[:-2]) == 0
    assert "sold, not located by this census, 2025-12-31 (million chips" in capsys.readouterr().out
