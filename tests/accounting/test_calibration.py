"""Calibration: what measurements say, what they may not say, and how wide the rest is."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.efficiency.evidence import load_measurements
from accounting.capacity.efficiency.measurements import Measurement
from accounting.capacity.efficiency.pooling import Chip, Observation, Pool, logit
from accounting.errors import InputFaults
from accounting.reference.facts import Facts
from bench.errors import InputError


def measurement(accelerator: str, **fields: object) -> Measurement:
    base = {
        "accelerator": accelerator,
        "source": "https://example.org",
        "date": "2025-01-01",
        "kind": "published",
    }
    return Measurement.model_validate(base | fields)


def measured(accelerator: str, achieved: float) -> Measurement:
    return measurement(accelerator, basis="achievable", precision="bf16", achieved=f"{achieved} TFLOP/s")


def trained(accelerator: str, regime: str = "bf16", metric: str = "mfu", **figure: object) -> Measurement:
    return measurement(accelerator, basis="sustained", regime=regime, metric=metric, **figure)


def mfu(accelerator: str, fraction: str, metric: str = "mfu") -> Measurement:
    return trained(accelerator, metric=metric, fraction=fraction)


def test_training_in_fp8_never_moves_a_bf16_account(facts: Facts) -> None:
    """866 TFLOP/s on an H100 (MLPerf, FP8) lies above its best bf16 matmul."""
    base = [measured("nvidia-h100-sxm", 794.5), mfu("nvidia-h100-sxm", "40%")]
    fp8 = trained("nvidia-h100-sxm", "fp8-mixed", achieved="866 TFLOP/s")
    without = Calibration.of(base, facts).efficiency("sustained", "nvidia-h100-sxm", "bf16")
    beside = Calibration.of([*base, fp8], facts).efficiency("sustained", "nvidia-h100-sxm", "bf16")
    assert without == beside


@pytest.mark.parametrize("metric", ["hfu", "wall_clock"])
def test_hfu_and_wall_clock_utilisation_are_not_mfu(facts: Facts, metric: str) -> None:
    base = [measured("nvidia-h100-sxm", 794.5), mfu("nvidia-h100-sxm", "40%")]
    beside = Calibration.of([*base, mfu("nvidia-h100-sxm", "70%", metric=metric)], facts)
    assert beside.efficiency("sustained", "nvidia-h100-sxm", "bf16") == Calibration.of(
        base, facts
    ).efficiency("sustained", "nvidia-h100-sxm", "bf16")


def test_one_measurement_by_hand(facts: Facts) -> None:
    calibration = Calibration.of([measured("nvidia-h100-sxm", 794.5), mfu("nvidia-h100-sxm", "40%")], facts)
    achievable = calibration.efficiency("achievable", "nvidia-h100-sxm", "bf16")
    sustained = calibration.efficiency("sustained", "nvidia-h100-sxm", "bf16")
    assert achievable is not None
    assert sustained is not None
    assert achievable.median == pytest.approx(794.5 / 989.4, rel=1e-9)
    assert achievable.median * sustained.median == pytest.approx(0.40, rel=1e-9)


def test_an_accelerator_without_measurement_takes_its_familys_wider_and_assumed(facts: Facts) -> None:
    rows = [
        measured("nvidia-h100-sxm", 794.5),
        measured("nvidia-a100-sxm-80gb", 271.2),
        measured("amd-mi300x", 668.4),
    ]
    calibration = Calibration.of(rows, facts)
    own = calibration.efficiency("achievable", "nvidia-h100-sxm", "bf16")
    family = calibration.efficiency("achievable", "nvidia-h100-pcie", "bf16")
    everyone = calibration.efficiency("achievable", "google-tpu-v4", "bf16")
    nobody = calibration.efficiency("achievable", None, "bf16")
    assert own and family and everyone and nobody
    assert [e.kind for e in (own, family, everyone, nobody)] == ["published", "assumed", "assumed", "assumed"]
    assert [e.prediction.level for e in (own, family, everyone, nobody)] == ["own", "family", "all", "all"]
    # the PCIe card promises half as much again per watt as the SXM, and so keeps less of it
    assert family.median < own.median
    assert own.prediction.shared_sd < family.prediction.shared_sd < everyone.prediction.shared_sd


def test_every_shipped_accelerator_with_bf16_can_be_valued(facts: Facts) -> None:
    calibration = load_calibration(facts)
    for accelerator in facts.accelerators.values():
        if accelerator.peak_flop_per_s("bf16"):
            for step in ("achievable", "sustained", "delivered"):
                found = calibration.efficiency(step, accelerator.id, "bf16")
                assert found is not None
                assert 0 < found.median < 1


def test_shipped_published_figures_are_met(facts: Facts) -> None:
    """An accelerator measured once is valued at that measurement."""
    calibration = load_calibration(facts)
    a100 = calibration.efficiency("achievable", "nvidia-a100-pcie-80gb", "bf16")
    assert a100 is not None
    assert a100.median * 312e12 == pytest.approx(252.9e12, rel=1e-6)


def test_mamf_table_agrees_with_the_shipped_measurements(facts: Facts, shared: Path) -> None:
    """The best-matmul table in the shared data against ours, figure by figure."""
    names = {
        "Intel Gaudi 2": "intel-gaudi2",
        "NVIDIA A100 SXM": "nvidia-a100-sxm-80gb",
        "NVIDIA GH200 SXM": "nvidia-gh200",
        "NVIDIA A100 PCIe": "nvidia-a100-pcie-80gb",
        "NVIDIA H100 SXM": "nvidia-h100-sxm",
        "NVIDIA B200 SXM": "nvidia-b200-sxm",
        "Intel Gaudi 3": "intel-gaudi3",
        "NVIDIA GB200 SXM": "nvidia-gb200",
        "AMD MI355X": "amd-mi355x",
        "AMD MI325X": "amd-mi325x",
        "AMD MI300X": "amd-mi300x",
    }
    with (shared / "data" / "gemm" / "stas00_mamf_bf16.csv").open(encoding="utf-8") as stream:
        table = {row["Accelerator"]: float(row["MAMF"]) * 1e12 for row in csv.DictReader(stream)}
    ours = {
        (m.accelerator, m.achieved)
        for m in load_calibration(facts).measurements
        if m.basis == "achievable" and m.precision == "bf16"
    }
    for name, identifier in names.items():
        assert (identifier, table[name]) in ours, name


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.floats(0.05, 0.95)),
        min_size=1,
        max_size=12,
    )
)
def test_pooling_does_not_depend_on_order(rows: list[tuple[str, str, float]]) -> None:
    observations = [Observation(f + a, f, logit(x)) for f, a, x in rows]
    one, other = Pool.of(observations), Pool.of(observations[::-1])
    assert one == other
    for accelerator, family in (("ax", "a"), ("az", "a"), ("q", "q"), ("", "")):
        assert (
            one.predict(Chip(accelerator, family))
            == other.predict(Chip(accelerator, family))
            == other.predict(Chip(accelerator or "", family or ""))
        )


def test_pooled_spread_against_numpy() -> None:
    """Within-accelerator spread is the pooled standard deviation of numpy's own variances."""
    groups: Sequence[Sequence[float]] = ([0.1, 0.4, 0.3], [1.0, 1.2])
    observations = [Observation(f"a{i}", "f", x) for i, group in enumerate(groups) for x in group]
    variance = sum(np.var(g, ddof=1) * (len(g) - 1) for g in groups) / sum(len(g) - 1 for g in groups)
    pool = Pool.of(observations)
    assert pool.within_sd == pytest.approx(math.sqrt(variance))
    own = pool.predict(Chip("a0", "f"))
    assert own.mean == pytest.approx(np.mean(groups[0]))
    assert own.shared_sd == pytest.approx(math.sqrt(variance / 3))


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.floats(0.05, 0.95)),
        min_size=1,
        max_size=12,
    )
)
def test_what_is_not_measured_is_never_surer_than_what_is(rows: list[tuple[str, str, float]]) -> None:
    pool = Pool.of(Observation(f + a, f, logit(x)) for f, a, x in rows)
    family, accelerator, _ = rows[0]
    own = pool.predict(Chip(family + accelerator, family)).shared_sd
    kin = pool.predict(Chip(family + "new", family)).shared_sd
    stranger = pool.predict(Chip("q", "q")).shared_sd
    assert own <= kin * (1 + 1e-12)
    assert kin <= stranger * (1 + 1e-12)


def test_more_measurements_narrow_what_is_shared() -> None:
    one = Pool.of([Observation("a", "f", 0.0), Observation("b", "f", 0.5), Observation("b", "f", 0.7)])
    assert one.predict(Chip("b", "f")).shared_sd < one.predict(Chip("a", "f")).shared_sd


def test_a_mixture_is_known_as_its_weakest_part_in_any_order(facts: Facts) -> None:
    rows = [
        measured("nvidia-h100-sxm", 794.5),
        measured("nvidia-h100-sxm", 720).model_copy(update={"kind": "reported"}),
    ]
    for order in (rows, rows[::-1]):
        found = Calibration.of(order, facts).efficiency("achievable", "nvidia-h100-sxm", "bf16")
        assert found is not None
        assert found.kind == "reported"


def test_a_rate_above_the_dense_peak_is_refused_not_dropped(facts: Facts) -> None:
    with pytest.raises(InputError, match=r"against a dense peak of 989\.4"):
        Calibration.of([measured("nvidia-h100-sxm", 1979)], facts)


@pytest.mark.parametrize("fraction", ["100%", "0%"])
def test_a_fraction_of_nought_or_all_is_refused(tmp_path: Path, facts: Facts, fraction: str) -> None:
    row = f"{{basis: availability, fraction: {fraction}, source: x, date: 2025-01-01, kind: published}}"
    (tmp_path / "m.yaml").write_text(f"measurements:\n  - {row}\n", encoding="utf-8")
    with pytest.raises(InputFaults, match=r"m.yaml:2:\d+: .*between 0 and 1"):
        load_measurements([tmp_path / "m.yaml"], facts)


def test_a_measurement_must_say_what_it_is(tmp_path: Path, facts: Facts) -> None:
    rest = "source: x, date: 2025-01-01, kind: published}"
    h100 = "{accelerator: nvidia-h100-sxm, basis"
    rows = [
        f"  - {h100}: sustained, fraction: 40%, {rest}",
        f"  - {h100}: achievable, precision: bf16, {rest}",
        f"  - {{basis: achievable, precision: bf16, fraction: 40%, {rest}",
        f"  - {h100}: achievable, precision: bf16, fraction: 140%, {rest}",
        f"  - {h100}: bandwidth, achieved_bandwidth: 3 TB/s, fraction: 20%, {rest}",
    ]
    text = "\n".join(["measurements:", *rows, ""])
    path = tmp_path / "m.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFaults) as caught:
        load_measurements([path], facts)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0].split(":")[-2] for line in lines] == ["2", "3", "4", "5", "6"]
    assert "needs its 'regime' and 'metric'" in lines[0]
    assert "either 'achieved'" in lines[1]
    assert "needs its 'accelerator'" in lines[2]
    assert "at most 1" in lines[3]
    assert "no 'fraction'" in lines[4]
