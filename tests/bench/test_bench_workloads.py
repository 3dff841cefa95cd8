"""Which workloads a run takes where nothing is asked for, and by what names they are asked for."""

from __future__ import annotations

import pytest

from bench.errors import InputError
from bench.plan import BUDGET_SECONDS, Mode
from bench.workloads import (
    is_short,
    load_workloads,
    names_for,
    select_precisions,
    select_workloads,
    shortest_mode,
    without_stand_ins,
)

AVAILABLE = load_workloads()
MODES: tuple[Mode, ...] = ("quick", "default", "full")


def taken(seconds: float, *names: str) -> set[str]:
    return {one.name for one in select_workloads(AVAILABLE, names_for(AVAILABLE, names, seconds))}


def test_each_mode_takes_what_the_shorter_ones_do_and_more() -> None:
    quick, default, full = (taken(BUDGET_SECONDS[mode]) for mode in MODES)
    assert {"gemm", "memory_copy", "training_step"} <= quick
    assert {"gemm_typical", "attention_forward", "decode_step"} <= default - quick
    assert {"convolution", "normalisation", "embedding", "storage_cold"} <= full - default
    assert quick < default < full == set(AVAILABLE)


def test_the_mode_that_is_named_is_the_shortest_that_takes_it() -> None:
    before: set[str] = set()
    for mode in MODES:
        now = taken(BUDGET_SECONDS[mode])
        assert now - before == {one.name for one in AVAILABLE.values() if shortest_mode(one) == mode}
        before = now


def test_all_takes_all_in_any_time() -> None:
    assert taken(5.0, "all") == set(AVAILABLE)


def test_a_family_and_a_name() -> None:
    assert taken(5.0, "attention") == {"attention_forward", "attention_training"}
    assert taken(5.0, "decode_step") == {"decode_step"}


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'decode_step'"):
        select_workloads(AVAILABLE, ["decode_stp"])


def test_a_short_run_takes_a_model_in_one_precision_and_products_in_all() -> None:
    training, gemm = AVAILABLE["training_step"], AVAILABLE["gemm"]
    assert without_stand_ins(training, training.precisions, lambda one: True) == ("bf16", "fp8")
    assert without_stand_ins(training, training.precisions, lambda one: one == "fp32") == ("fp8", "fp32")
    assert without_stand_ins(training, training.precisions, lambda one: False) == training.precisions
    assert without_stand_ins(gemm, gemm.precisions, lambda one: True) == gemm.precisions
    assert is_short((), BUDGET_SECONDS["default"])
    assert not is_short((), BUDGET_SECONDS["full"])
    assert not is_short(("decode_step",), BUDGET_SECONDS["quick"])


def test_what_does_no_arithmetic_runs_whatever_precision_is_asked_for() -> None:
    for one in AVAILABLE.values():
        if one.metric in ("bandwidth", "call_rate"):
            assert select_precisions(one, ["fp64"]) == one.precisions
        else:
            assert set(select_precisions(one, ["fp64"])) <= {"fp64"}
