"""MLPerf results: rates against pandas and by hand, and the regime that nobody may guess."""

from __future__ import annotations

import csv
import random
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.capacity.calibration import Calibration, load_calibration, shipped_evidence
from accounting.census.readers import mlperf, mlperf_power
from accounting.census.readers.mlperf_facts import load_mlperf_facts
from accounting.errors import InputFaults
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root

PARAMETERS = {"gpt3": 175e9, "llama31_405b": 405.9e9, "llama31_8b": 8.03e9}
ROW = {
    "round": "training_results_v5.1",
    "submitter_dir": "Somebody",
    "system": "one",
    "benchmark": "llama31_8b",
    "accel": "nvidia-h100-sxm",
    "nodes": "2",
    "n_accel": "16",
    "minutes_olympic": "100",
    "seq": "8192",
    "samples": "100000",
}
# 6 × 8.03e9 parameters × 100,000 × 8,192 tokens over 6,000 s and 16 accelerators
BY_HAND = 6 * 8.03e9 * 100_000 * 8192 / (6000 * 16)


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / "mlperf"


def write(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_one(tmp_path: Path, facts: Facts, **change: str) -> mlperf.TrainingResults:
    return mlperf.read(write(tmp_path / "m.csv", [ROW | change]), facts)


def test_rates_are_those_that_the_table_states(folder: Path, facts: Facts) -> None:
    table = pd.read_csv(folder / "mlperf_llm_tflops.csv")
    found = mlperf.read(folder / "mlperf_llm_tflops.csv", facts)
    assert found.readout.rows == found.readout.kept == len(table) == 82
    rates = [result.flop_per_s for result in found.results]
    assert rates == pytest.approx(list(table["TF_gpu_6N"] * 1e12), rel=1e-9)
    assert [result.accelerators for result in found.results] == list(table["n_accel"])


def test_the_summary_gives_the_same_rates_as_the_table_of_rates(folder: Path, facts: Facts) -> None:
    """In one table the samples of GPT-3 have a length of 1, in the other of 2,048; both count tokens."""
    summary = mlperf.read(folder / "mlperf_summary.csv", facts)
    table = pd.read_csv(folder / "mlperf_summary.csv", dtype=str, keep_default_na=False)
    without = int((table["n_accel"] == "0").sum())
    assert summary.readout.reasons() == {mlperf.NO_ACCELERATORS: without}
    assert summary.readout.rows == len(table) == 714
    rated = mlperf.read(folder / "mlperf_llm_tflops.csv", facts).results
    key = [(r.round, r.submitter, r.system, r.benchmark) for r in rated]
    rates = dict(zip(key, (r.flop_per_s for r in rated), strict=True))
    ours = {
        (r.round, r.submitter, r.system, r.benchmark): r.flop_per_s
        for r in summary.results
        if r.flop_per_s is not None
    }
    assert ours == pytest.approx(rates, rel=1e-9)
    assert Counter(r.benchmark for r in summary.results) == Counter(
        table["benchmark"][table["n_accel"] != "0"]
    )


def test_regimes_are_those_of_the_submitters_own_files(folder: Path, facts: Facts) -> None:
    results = mlperf.read(folder / "mlperf_llm_tflops.csv", facts).results
    regimes = Counter(
        (r.round[-4:], r.submitter, r.benchmark, r.regime) for r in results if r.regime != "unknown"
    )
    assert regimes == {
        ("v4.0", "NVIDIA", "gpt3", "fp8-mixed"): 3,
        ("v4.0", "Intel-HabanaLabs", "gpt3", "fp8-mixed"): 1,
        ("v5.1", "NVIDIA", "llama31_405b", "fp4-mixed"): 4,
    }
    # trained in 8-bit integers, for which there is no regime: kept, and used by nothing
    google = [r for r in results if r.submitter == "Google" and r.round.endswith("v4.0")]
    assert {(r.precision, r.regime) for r in google} == {("int8", "unknown")}
    assert not any(r.regime == "bf16" for r in results)


def test_no_result_moves_a_bf16_account(folder: Path, facts: Facts) -> None:
    found = mlperf.read(folder / "mlperf_llm_tflops.csv", facts).measurements()
    assert len(found) > 70
    assert {m.metric for m in found} == {"wall_clock"}
    assert {m.kind for m in found} == {"derived"}
    published = load_calibration(facts, ())
    series = shipped_evidence(facts).scaling
    beside = Calibration.of((*published.measurements, *found), facts, series)
    for chip in {m.accelerator for m in found}:
        plain = published.efficiency("sustained", chip, "bf16")
        assert plain is not None
        assert beside.efficiency("sustained", chip, "bf16") == plain


def test_a_rate_by_hand(tmp_path: Path, facts: Facts) -> None:
    found = read_one(tmp_path, facts)
    (result,) = found.results
    (measurement,) = found.measurements()
    assert result.flop_per_s == pytest.approx(BY_HAND, rel=1e-12)
    assert measurement.achieved == pytest.approx(BY_HAND, rel=1e-12)
    assert (measurement.basis, measurement.regime) == ("sustained", "unknown")
    assert (measurement.date.isoformat(), measurement.software) == ("2025-11-12", "MLPerf Training v5.1")
    assert measurement.accelerators is not None
    assert measurement.accelerators.best == 16
    assert measurement.source == "https://github.com/mlcommons/training_results_v5.1"


def test_a_column_of_precisions_is_believed(tmp_path: Path, facts: Facts) -> None:
    assert read_one(tmp_path, facts, precision="BF16").results[0].regime == "bf16"
    assert read_one(tmp_path, facts, precision="fp8").results[0].regime == "fp8-mixed"
    wrong = read_one(tmp_path, facts, precision="quick")
    assert wrong.results[0].regime == "unknown"
    assert list(wrong.readout.repairs) == [f"precision: {mlperf.NO_PRECISION}"]


def test_a_rate_that_contradicts_its_own_row_is_replaced(tmp_path: Path, facts: Facts) -> None:
    found = read_one(tmp_path, facts, TF_gpu_6N="999")
    assert found.results[0].flop_per_s == pytest.approx(BY_HAND)
    assert list(found.readout.repairs) == [f"TF_gpu_6N: {mlperf.DISAGREES}"]
    agreed = read_one(tmp_path, facts, TF_gpu_6N=f"{BY_HAND / 1e12 * 1.005:.6f}")
    assert not agreed.readout.repairs
    # nothing to check against: theirs is taken
    bare = read_one(tmp_path, facts, TF_gpu_6N="500", samples="")
    assert bare.results[0].flop_per_s == pytest.approx(500e12)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"round": "training_results_v9.9"}, mlperf.NO_ROUND),
        ({"n_accel": "0"}, mlperf.NO_ACCELERATORS),
        ({"n_accel": "many"}, mlperf.NO_ACCELERATORS),
        ({"minutes_olympic": ""}, mlperf.NO_TIME),
        ({"minutes_olympic": "-3"}, mlperf.NO_TIME),
    ],
)
def test_rows_without_what_it_takes_are_left_out(
    tmp_path: Path, facts: Facts, change: dict[str, str], reason: str
) -> None:
    assert read_one(tmp_path, facts, **change).readout.reasons() == {reason: 1}


def test_rows_without_a_rate_are_kept_and_no_measurement(tmp_path: Path, facts: Facts) -> None:
    for change in ({"benchmark": "bert"}, {"samples": ""}, {"accel": "Abacus"}):
        found = read_one(tmp_path, facts, **change)
        assert len(found.results) == 1
        assert found.measurements() == ()


texts = st.one_of(
    st.sampled_from(
        ["", "0", "1e300", "1e-300", "-1", "nan", "1e9999", "=1", "8192", "12,5", "💥", "1" * 500]
    ),
    st.text(max_size=8),
)


@given(st.dictionaries(st.sampled_from([*ROW, "TF_gpu_6N", "precision"]), texts, max_size=5))
@settings(max_examples=60)
def test_no_cell_breaks_the_reading(facts: Facts, change: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "m.csv", [ROW, ROW | change])
        try:
            found = mlperf.read(path, facts)
        except InputFaults:
            return
    assert found.readout.rows == found.readout.kept + sum(found.readout.reasons().values())
    for measurement in found.measurements():
        assert measurement.achieved is not None
        assert 0 < measurement.achieved < 1e20


@given(st.permutations(range(6)))
@settings(max_examples=10)
def test_order_of_the_rows_does_not_matter(facts: Facts, order: list[int]) -> None:
    rows = [ROW | {"system": str(place), "minutes_olympic": str(50 + place)} for place in range(6)]
    columns = list(ROW)
    random.Random(sum(place * value for place, value in enumerate(order))).shuffle(columns)
    with tempfile.TemporaryDirectory() as folder:
        one = mlperf.read(write(Path(folder) / "a.csv", rows), facts).results
        mixed = [{column: rows[place][column] for column in columns} for place in order]
        other = mlperf.read(write(Path(folder) / "b.csv", mixed), facts).results
    assert {r.system: r.flop_per_s for r in one} == {r.system: r.flop_per_s for r in other}


def test_facts_that_stand_twice_are_named(tmp_path: Path) -> None:
    text = (configs_root() / "mlperf.yaml").read_text(encoding="utf-8")
    path = tmp_path / "mlperf.yaml"
    path.write_text(text.replace("benchmark: llama31_8b", "benchmark: llama31_405b", 1), encoding="utf-8")
    with pytest.raises(InputFaults, match="duplicate benchmark"):
        load_mlperf_facts(path)


def test_parameters_are_those_of_the_models() -> None:
    assert {key: model.parameters.value for key, model in load_mlperf_facts().models.items()} == PARAMETERS


def test_node_power_as_pandas_reads_it(folder: Path) -> None:
    table = pd.read_csv(folder / "mlperf_node_power.csv", keep_default_na=False)
    found = mlperf_power.read(folder / "mlperf_node_power.csv")
    assert [node.watts for node in found.nodes] == list(table["median_of_mean_w"])
    assert found.readout.kept == found.readout.rows == len(table)
    # measured before and behind the power supplies: what they lose lies between 2 and 5 %
    paired: dict[tuple[str, str], dict[str, float]] = {}
    for node in found.nodes:
        if node.submitter.startswith("smc-"):
            assert node.current is not None
            paired.setdefault((node.system, node.benchmark), {})[node.current] = node.watts
    assert len(paired) == 12
    assert all(1.01 < pair["AC"] / pair["DC"] < 1.05 for pair in paired.values())


@pytest.mark.parametrize(
    ("median", "reason"),
    [("", mlperf_power.NO_POWER), ("0", mlperf_power.NO_POWER), ("5", mlperf_power.NOT_ORDERED)],
)
def test_power_that_cannot_be_is_left_out(tmp_path: Path, median: str, reason: str) -> None:
    row = {"round": "v4.0", "submitter": "a", "system": "s", "benchmark": "b", "min_mean_w": "6"}
    found = mlperf_power.read(write(tmp_path / "p.csv", [row | {"median_of_mean_w": median}]))
    assert found.readout.reasons() == {reason: 1}
