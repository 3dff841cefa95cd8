"""Efficiency from rates, and what calibration makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from accounting.capacity.efficiency.evidence import series_from_record
from accounting.capacity.efficiency.scaling import Scaling
from bench.figures import ScalingPoint
from bench.group.measuring import scaling as measuring
from bench.group.measuring.scaling import counts_up_to, points_of
from bench.record import DeviceDescription, Record, Result
from bench.statistics import summarise
from kernels.data_parallel import DataParallel
from kernels.workload import Place, Verdict


def test_efficiency_is_the_rate_of_all_over_that_of_so_many_alone() -> None:
    alone = [100.0, 110.0, 90.0, 100.0, 105.0]
    # What slows a round slows all of it: the ratios are exact though the rates are not.
    points = points_of(
        {1: alone, 2: [1.8 * one for one in alone], 4: [3.0 * one for one in alone]}, {1: 1, 2: 1, 4: 2}
    )
    assert [point.efficiency for point in points] == pytest.approx([1.0, 0.9, 0.75])
    assert points[2].efficiency_ci95 == pytest.approx((0.75, 0.75))
    assert (points[1].value, *points[1].ci95) == pytest.approx(
        tuple(1.8 * each for each in (summarise(alone).median, summarise(alone).low, summarise(alone).high))
    )
    assert [point.nodes for point in points] == [1, 1, 2]


@pytest.mark.parametrize(("ranks", "counts"), [(1, [1]), (2, [1, 2]), (7, [1, 2, 4]), (8, [1, 2, 4, 8])])
def test_ranks_are_doubled(ranks: int, counts: list[int]) -> None:
    assert counts_up_to(ranks) == counts


class OneOfTwo:
    """Rank 0 of two, whose own check is right; the other one's figures are as given."""

    def __init__(self, *others: float) -> None:
        self._others = others
        self.watch = SimpleNamespace(step=lambda _: None)
        self.rank = 0

    def name_of(self, rank: int) -> str:
        return f"rank {rank} on n{rank}"

    def agree(self, *mine: float) -> tuple[float, ...]:
        return tuple(map(max, mine, self._others))


def checked(*others: float) -> Verdict:
    both: Any = OneOfTwo(*others)
    measured = measuring.Scaling(DataParallel(), both, both, "cpu", Place(), "fp32", 1, lambda: None)
    own: Any = SimpleNamespace(check=lambda: Verdict(True, "gradients at 0.1"), fingerprint=lambda: 5.0)
    measured._take = lambda *_: (1.0,)  # type: ignore[method-assign]
    return measured._checked(measuring.Setup(2, {}, None, own))


def test_a_wrong_step_names_the_rank_whose_check_saw_it() -> None:
    """And does not give as the reason the figures of a rank that was right."""
    assert checked(0.0, 5.0, -5.0).correct
    wrong = checked(2.0, 5.0, -5.0)
    assert not wrong.correct
    assert wrong.detail == "on 2 ranks: rank 1 on n1 is wrong"
    assert "drifted apart by 1" in checked(0.0, 6.0, -6.0).detail


def scaled(nodes: tuple[int, ...], *, strong: int = 0, left: float = 0.95) -> Record:
    """A record of an H100 that keeps so much of its rate with each doubling."""
    points = tuple(
        ScalingPoint(
            ranks=1 << power,
            nodes=here,
            value=4e14 * (1 << power) * left**power,
            ci95=(1.0, 1e20),
            efficiency=left**power,
            efficiency_ci95=(left**power, left**power),
        )
        for power, here in enumerate(nodes)
    )
    last = points[-1].value
    result = Result(
        workload="data_parallel", device="cuda:0", precision="bf16", shape={"strong": strong},
        metric="flop_rate", unit="FLOP/s", value=last, ci95=(last, last), status="ok", scaling=points,
    )  # fmt: skip
    device = DeviceDescription(id="cuda:0", kind="cuda", name="NVIDIA H100", accelerator="nvidia-h100-sxm")
    return Record(
        schema="flopcensus/record/1", node="n0", created=datetime(2026, 1, 1, tzinfo=UTC),
        flopcensus_version="0", mode="custom", budget_seconds=1.0, seed=0, devices=(device,),
        environment={}, results=(result,),
    )  # fmt: skip


def test_a_record_of_several_nodes_is_a_measured_series_from_the_full_node_on() -> None:
    (series,) = series_from_record(scaled((1, 1, 1, 2, 4)), Path("r.json"))
    assert [point.accelerators for point in series.points] == [4, 8, 16]
    pooled = Scaling.of([series])
    # Each doubling keeps 95 %: so does the factor that sustained is taken with.
    assert pooled.factor(8192, 4096) == pytest.approx(0.95)
    assert (pooled.kind, pooled.series) == ("measured", 1)


def test_what_is_lost_within_a_node_feeds_nothing() -> None:
    (series,) = series_from_record(scaled((1, 1, 1)), Path("r.json"))
    assert series.one_node
    assert Scaling.of([series]) == Scaling()


def test_a_batch_shared_out_too_thinly_feeds_nothing() -> None:
    (series,) = series_from_record(scaled((1, 2, 4, 8), strong=1), Path("r.json"))
    assert series.strong
    assert Scaling.of([series]).series == 0
    (weak,) = series_from_record(scaled((1, 2, 4, 8)), Path("r.json"))
    assert not weak.strong


def test_a_record_that_begins_on_several_nodes_counts_from_its_first_point() -> None:
    (series,) = series_from_record(scaled((2, 4)), Path("r.json"))
    assert [point.accelerators for point in series.points] == [1, 2]
    assert not series.one_node


def test_a_record_keeps_what_scaled_and_older_ones_still_load() -> None:
    record = scaled((1, 2))
    assert Record.model_validate_json(record.to_json()) == record
    old = record.to_json().replace('"exchange": null,', "")
    assert Record.model_validate_json(old) == record
