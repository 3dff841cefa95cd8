"""The 90 % intervals hold the truth of made-up worlds; more in benchmarks/interval_calibration.py."""

from __future__ import annotations

import importlib.util
import sys
from math import comb
from pathlib import Path
from types import ModuleType

import pytest

WORLDS = 80


@pytest.fixture(scope="module")
def benchmark(repository: Path) -> ModuleType:
    path = repository / "benchmarks" / "interval_calibration.py"
    spec = importlib.util.spec_from_file_location("interval_calibration", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def chance_below(covered: int, worlds: int) -> float:
    """Return the chance that so few, or fewer, of intervals that hold in 90 % of worlds hold."""
    return sum(comb(worlds, k) * 0.9**k * 0.1 ** (worlds - k) for k in range(covered + 1))


def test_intervals_of_the_total_hold_the_truth_as_often_as_they_say(benchmark: ModuleType) -> None:
    outcome = benchmark.run(WORLDS, 500)
    for (name, basis), covered in outcome.covered.items():
        # of 16 rows none should be as far off as happens once in 2,000 times, to either side
        assert chance_below(covered, WORLDS) > 5e-4, (name, basis, covered)
        if name == "total":
            assert chance_below(covered - 1, WORLDS) < 1 - 5e-4, (name, basis, covered)


def test_a_shared_bias_left_out_is_noticed(benchmark: ModuleType) -> None:
    """The test above can fail: estimates that take sources as independent of one another are too sure."""
    outcome = benchmark.run(WORLDS, 500, biased=False)
    assert chance_below(outcome.covered["total", "peak"], WORLDS) < 1e-4
