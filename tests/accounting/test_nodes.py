"""Runs and nodes pooled: the figure, and two spreads kept apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.capacity.efficiency.measurements import Measurement
from accounting.capacity.efficiency.nodes import pool_nodes, spread_of

RATES = st.lists(st.lists(st.floats(1e12, 1e15), min_size=1, max_size=5), min_size=1, max_size=5)


def of_node(rate: float, source: str = "record a", **fields: object) -> Measurement:
    base = {"accelerator": "nvidia-h100-sxm", "basis": "achievable", "precision": "bf16"}
    rest = {"achieved": f"{rate!r} FLOP/s", "source": source, "date": "2026-01-01", "kind": "measured"}
    return Measurement.model_validate(base | rest | fields)


def test_spreads_against_simulated_nodes() -> None:
    """A synthetic cluster with known spreads, 2,000 nodes of 8 devices: both are found."""
    rng = np.random.default_rng(3)
    nodes = 0.03 * rng.standard_normal(2000)
    logs = nodes[:, None] + 0.01 * rng.standard_normal((2000, 8))
    between, within = spread_of(np.exp(logs).tolist())
    assert between == pytest.approx(0.03, rel=0.05)
    assert within == pytest.approx(0.01, rel=0.05)


def test_spreads_of_equal_groups_against_textbook_mean_squares() -> None:
    logs = np.array([[0.0, 0.1, 0.2], [0.5, 0.7, 0.6]])
    between, within = spread_of(np.exp(logs).tolist())
    mean_square_within = logs.var(axis=1, ddof=1).mean()
    mean_square_between = 3 * logs.mean(axis=1).var(ddof=1)
    assert within == pytest.approx(math.sqrt(mean_square_within))
    assert between == pytest.approx(math.sqrt((mean_square_between - mean_square_within) / 3))


@pytest.mark.parametrize(("rates", "expected"), [([[1.0]], (None, None)), ([[1.0], [1.0]], (0.0, None))])
def test_what_cannot_be_seen_is_not_nought(rates: list[list[float]], expected: tuple[object, object]) -> None:
    assert spread_of(rates) == expected


@given(RATES)
def test_the_figure_is_the_mean_over_nodes_and_one_observation(rates: list[list[float]]) -> None:
    rows = [(f"n{i}", of_node(rate)) for i, node in enumerate(rates) for rate in node]
    (pooled,) = pool_nodes(rows)
    assert pooled.achieved == pytest.approx(np.mean([np.mean(node) for node in rates]), rel=1e-9)
    if len(rows) > 1:
        assert pooled.nodes is not None
        assert pooled.nodes.best == len(rates)
        assert pooled.figures is not None
        assert pooled.figures.best == len(rows)


def test_a_node_measured_often_weighs_no_more() -> None:
    rows = [("a", of_node(100e12))] * 9 + [("b", of_node(200e12))]
    (pooled,) = pool_nodes(rows)
    assert pooled.achieved == pytest.approx(150e12)


def test_software_generations_are_not_pooled() -> None:
    rows = [("a", of_node(100e12, software="torch 2.5")), ("a", of_node(200e12, software="torch 2.9"))]
    assert [m.achieved for m in pool_nodes(rows)] == [100e12, 200e12]
