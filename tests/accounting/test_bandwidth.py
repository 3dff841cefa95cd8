"""Capacity in memory bandwidth: bytes per second beside operations, and never with them."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from accounting.accounts.account import account
from accounting.accounts.estimate import Request, estimate
from accounting.accounts.paper import bandwidths, moves
from accounting.capacity.bases import MEMORY, Capacity, Denomination
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.efficiency.evidence import from_record
from accounting.capacity.valuation import Skipped, Valued, Valuer
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.census.selection import Selection
from accounting.errors import InputFaults, MixedValuesError
from accounting.quantities import exact
from accounting.reference.facts import Facts
from bench.errors import InputError
from bench.record import Record

DAY = datetime.date(2026, 1, 1)
# data sheets, TB/s
SHEETS = {"nvidia-h100-sxm": 3.35, "nvidia-h20": 4.0, "amd-mi300x": 5.3, "nvidia-a100-sxm-80gb": 2.039}


@pytest.fixture(scope="module")
def calibration(facts: Facts) -> Calibration:
    return load_calibration(facts)


def entry(name: str, count: float = 100, territory: str = "FR") -> Entry:
    return Entry(
        id=f"e-{name}-{territory}",
        facility=f"f-{name}",
        facility_name=name,
        territory=territory,
        owners=(Owner("eurohpc-ju", "EU", 1.0),),
        operator=None,
        sector=None,
        accelerator=name,
        vendor=name.partition("-")[0],
        vendor_nation="US",
        count=exact(count),
        in_service=datetime.date(2025, 1, 1),
        retired=None,
        status="operational",
        kind="reported",
        source="https://example.org",
    )


def valuer(facts: Facts, calibration: Calibration, **changes: object) -> Valuer:
    base = Valuer(facts, calibration, MEMORY, ("peak", "achievable"), 3, 2_000)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_peak_is_count_times_the_sheet(facts: Facts, calibration: Calibration) -> None:
    rows = [entry(name, 10.0 * n, nation) for n, name in enumerate(SHEETS, 1) for nation in ("FR", "US")]
    table = pd.DataFrame(
        {"nation": r.territory, "value": r.count.best * SHEETS[str(r.accelerator)] * 1e12}
        for r in rows
        if r.count
    )
    expected = table.groupby("nation").value.sum()
    found = account(rows, valuer(facts, calibration), (("territory",),), as_of=DAY)["peak"]
    assert found.denomination == Denomination(MEMORY, "peak", "B/s")
    assert {row.code: row.quantiles.p50 for row in found.accounts[0].rows} == pytest.approx(dict(expected))
    assert found.total.p5 == found.total.p95 == pytest.approx(expected.sum())


def test_an_h20_has_more_bandwidth_than_an_h100_and_a_sixth_of_its_operations(
    facts: Facts, calibration: Calibration
) -> None:
    rows = [entry("nvidia-h100-sxm", 1000, "US"), entry("nvidia-h20", 1000, "CN")]
    flop = valuer(facts, calibration, precision="bf16", bases=("peak",))
    memory = valuer(facts, calibration, bases=("peak",))
    china = next(m for m in moves(rows, flop, ("territory",), ("peak", "peak"), memory) if m.code == "CN")
    assert china.before / (1 - china.before) == pytest.approx(148 / 989.4, rel=0.01)
    assert china.after / (1 - china.after) == pytest.approx(4.0 / 3.35)
    assert china.difference.p50 == pytest.approx(china.after - china.before)


def test_the_best_stream_is_below_the_sheet_in_every_draw(facts: Facts, calibration: Calibration) -> None:
    for name in ("nvidia-a100-sxm-80gb", "nvidia-h20", "google-tpu-v7", "cerebras-wse3"):
        value = valuer(facts, calibration).value(entry(name))
        assert isinstance(value, Valued)
        peak, best = (value.capacity[basis].draws for basis in ("peak", "achievable"))
        assert (best < peak).all()
    measured = calibration.efficiency("achievable", "nvidia-a100-sxm-80gb", MEMORY)
    kin = calibration.efficiency("achievable", "nvidia-h20", MEMORY)
    assert measured is not None
    assert kin is not None
    # the geometric mean of odds of both measurements
    odds = [x / (1 - x) for x in (1754.4 / 2039, 1772.4 / 2039)]
    middle = math.sqrt(odds[0] * odds[1])
    assert measured.median == pytest.approx(middle / (1 + middle), abs=1e-6)
    assert (measured.kind, kin.kind) == ("published", "assumed")
    assert kin.prediction.sd > 2 * measured.prediction.sd


def test_without_a_published_bandwidth_a_deployment_is_left_out(
    facts: Facts, calibration: Calibration
) -> None:
    bare = next(name for name, chip in facts.accelerators.items() if chip.memory_bandwidth is None)
    value = valuer(facts, calibration).value(entry(bare))
    assert value == Skipped("its accelerator's memory bandwidth is not published")


def test_bytes_and_operations_are_never_added(facts: Facts, calibration: Calibration) -> None:
    ones = np.ones(3)
    bytewise, operations = (
        Capacity(ones, Denomination(MEMORY, "peak", "B/s")),
        Capacity(ones, Denomination("bf16", "peak")),
    )
    with pytest.raises(MixedValuesError, match="memory peak B/s and bf16 dense peak FLOP/s cannot be added"):
        _ = bytewise + operations
    with pytest.raises(MixedValuesError, match="no common unit"):
        operations.ratio(bytewise)
    with pytest.raises(MixedValuesError, match="H100e is arithmetic"):
        bytewise.in_h100e(1e15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bases": ("peak", "sustained")}, "no basis sustained"),
        ({"bases": ("delivered",)}, "no basis delivered"),
        ({"precision": "bf16"}, "has no precision"),
        ({"unit": "h100e"}, "stated in bytes per second"),
        ({"unit": "flops"}, "stated in bytes per second"),
    ],
)
def test_what_means_nothing_of_memory_is_refused(
    facts: Facts, calibration: Calibration, changes: dict[str, object], message: str
) -> None:
    base = Request(Selection(DAY), ("peak",), MEMORY, "bytes_per_s")
    ledger = Ledger("a census", (entry("nvidia-h100-sxm"),))
    assert estimate(ledger, base, facts, calibration)[0].accounts.total.p50 == pytest.approx(3.35e14)
    with pytest.raises(InputError, match=message):
        estimate(ledger, replace(base, **changes), facts, calibration)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="valued by its own columns"):
        estimate(replace(ledger, valued_by="file", columns=("max",)), base, facts, calibration)


def test_memory_on_the_chip_is_said(facts: Facts, calibration: Calibration) -> None:
    ledger = Ledger("a census", (entry("nvidia-h100-sxm"), entry("groq-lpu-v1", 1)))
    request = Request(Selection(DAY), ("peak",), MEMORY, "bytes_per_s")
    (found,) = estimate(ledger, request, facts, calibration)
    chip = facts.accelerators["groq-lpu-v1"]
    assert chip.memory_bandwidth
    share = chip.memory_bandwidth / (chip.memory_bandwidth + 3.35e14)
    assert any(f"{share:.1%} of the peak bandwidth" in text for text in found.warnings)


def test_a_stream_above_the_sheet_is_refused_at_its_line(tmp_path: Path, facts: Facts) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "measurements:\n  - {accelerator: nvidia-h20, basis: bandwidth, achieved_bandwidth: 4.1 TB/s,"
        " source: mine, date: 2026-01-01, kind: measured}\n",
        encoding="utf-8",
    )
    with pytest.raises(InputFaults, match=r"mine.yaml:2:.*4,100 GB/s against a memory bandwidth of 4,000"):
        load_calibration(facts, [path])


def recorded(results: list[dict[str, object]]) -> Record:
    """A record of one H100 with these results."""
    device = {"id": "cuda:0", "kind": "cuda", "name": "A GPU", "accelerator": "nvidia-h100-sxm"}
    return Record.model_validate(
        {
            "schema": "flopcensus/record/1",
            "node": "n",
            "created": "2026-01-01T00:00:00Z",
            "flopcensus_version": "0.1.0",
            "mode": "quick",
            "budget_seconds": 60,
            "seed": 0,
            "devices": [device],
            "environment": {},
            "results": results,
        }
    )


def test_a_record_gives_its_best_stream(tmp_path: Path) -> None:
    def result(workload: str, value: float, status: str = "ok") -> dict[str, object]:
        return {
            "workload": workload, "device": "cuda:0", "precision": "fp32",
            "metric": "bandwidth", "unit": "B/s",
            "value": value, "ci95": (value, value), "rounds": (value,) * 3, "status": status,
            "reason": None if status == "ok" else "its sums are wrong",
        }  # fmt: skip

    results = [
        result("memory_copy", 2.9e12),
        result("memory_triad", 3.0e12),
        # only reads, and one that is wrong
        result("memory_read", 3.2e12),
        result("memory_add", 3.3e12, "incorrect"),
    ]
    (found,) = from_record(recorded(results), tmp_path / "r.json")
    assert (found.basis, found.achieved_bandwidth, found.method) == (
        "bandwidth",
        3.0e12,
        "triad, median of 3 rounds",
    )


def test_a_record_gives_its_best_matmul(tmp_path: Path) -> None:
    def product(value: float, precision: str = "bf16") -> dict[str, object]:
        return {
            "workload": "gemm", "device": "cuda:0", "precision": precision, "metric": "flop_rate",
            "unit": "FLOP/s", "value": value, "ci95": (value, value), "rounds": (value,) * 3, "status": "ok",
        }  # fmt: skip

    # fp16 stands beside bf16 and is the same units
    found = from_record(recorded([product(6e14), product(7e14), product(8e14, "fp16")]), tmp_path / "r.json")
    assert [(m.precision, m.achieved) for m in found] == [("bf16", 7e14)]


def test_the_paper_table_sets_bytes_beside_operations(calibration: Calibration) -> None:
    rows = {row.accelerator: row for row in bandwidths(calibration, "bf16", 0, 500)}
    h100, h20 = rows["nvidia-h100-sxm"], rows["nvidia-h20"]
    assert h20.peak / h100.peak == pytest.approx(4.0 / 3.35)
    assert h20.flop_per_byte == pytest.approx(148 / 4.0)
    assert h100.flop_per_byte == pytest.approx(989.4 / 3.35, rel=1e-3)
    assert rows["nvidia-a100-sxm-80gb"].own
    assert not h20.own
