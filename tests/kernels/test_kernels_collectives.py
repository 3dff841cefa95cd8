"""Collectives: nccl-tests' arithmetic by its own table, and checks that see whatever arrives wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain, combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.collectives import COLLECTIVES, Collective, bus_factor, sized
from kernels.exchange.kinds import KINDS, Kind
from kernels.exchange.operation import PreparedCollective, prepared
from kernels.exchange.pattern import EXACT, LEVELS, MOST_RANKS, mark, marks, modulus
from kernels.links import Links, tournament
from kernels.workload import Place

# Bus bandwidth ÷ algorithm bandwidth on n ranks, worked out by hand from nccl-tests' doc/PERFORMANCE.md.
PUBLISHED: list[tuple[Kind, int, float]] = [
    ("all_reduce", 8, 1.75),
    ("all_reduce", 2, 1.0),
    ("all_gather", 8, 0.875),
    ("reduce_scatter", 8, 0.875),
    ("all_to_all", 4, 0.75),
    ("broadcast", 8, 1.0),
    ("send_recv", 8, 1.0),
]


@pytest.mark.parametrize(("kind", "ranks", "factor"), PUBLISHED)
def test_bus_bandwidth_is_that_of_nccl_tests(kind: Kind, ranks: int, factor: float) -> None:
    assert bus_factor(kind, ranks) == factor
    shape = {"bytes": 1 << 20, "ranks": ranks}
    assert Collective(kind).bytes_moved(shape, "fp32") == factor * (1 << 20)


@given(st.sampled_from(KINDS), st.integers(1, 1 << 40), st.integers(2, 5000))
def test_a_size_is_whole_elements_of_each_rank(kind: Kind, size: int, ranks: int) -> None:
    found = sized(kind, size, ranks)
    parts = ranks if kind in ("all_gather", "reduce_scatter", "all_to_all") else 1
    assert found % (4 * parts) == 0
    assert found == 4 * parts or size - 4 * parts < found <= size


@pytest.mark.parametrize("one", COLLECTIVES, ids=lambda one: one.name)
def test_the_ladder_goes_from_eight_bytes_to_the_memory(one: Collective) -> None:
    place = Place(ranks=2, memory_bytes=1 << 30)
    sizes = [shape["bytes"] for shape in one.ladder("fp32", place)]
    assert sizes[0] == 8
    assert sizes == sorted(set(sizes))
    last = {"bytes": sizes[-1], "ranks": 2}
    assert one.footprint_bytes(last, "fp32") <= 1 << 30 < 8 * one.footprint_bytes(last, "fp32")
    assert one.ladder("fp32", Place(ranks=1)) == ()
    assert "two ranks" in str(one.lacks("fp32", Place(ranks=1)))
    assert "mps" in str(one.lacks("fp32", Place(kind="mps", ranks=2)))


def test_additions_are_counted_as_a_ring_makes_them() -> None:
    # Of 6 elements on 3 ranks each part of 2 is added twice on its way: 12 additions in all, 4 a rank.
    shape = {"bytes": 24, "ranks": 3}
    assert Collective("reduce_scatter").flop(shape) == 4
    assert Collective("all_gather").flop(shape) == 0


@given(st.integers(2, MOST_RANKS))
def test_sums_over_any_number_of_ranks_are_exact(ranks: int) -> None:
    assert marks(ranks) == sum(mark(rank, ranks) for rank in range(ranks))
    assert ranks * LEVELS + marks(ranks) < EXACT
    assert modulus(ranks) == ranks or ranks > 2000


def pretended(kind: Kind, ranks: int, elements: int) -> list[PreparedCollective]:
    """All ranks of a call that was done by plain indexing, as a definition has it."""
    everyone = [prepared(kind, elements, Place(ranks=ranks, rank=rank), seed=5) for rank in range(ranks)]
    part = elements // ranks
    given = [one.given.clone() for one in everyone]
    total = torch.stack(given).sum(dim=0)
    for rank, one in enumerate(everyone):
        gives: dict[Kind, Callable[[int], torch.Tensor]] = {
            "all_reduce": lambda _: total,
            "all_gather": lambda _: torch.cat(given),
            "reduce_scatter": lambda me: total[me * part : (me + 1) * part],
            "all_to_all": lambda me: torch.cat([each[me * part : (me + 1) * part] for each in given]),
            "broadcast": lambda _: given[0],
            "send_recv": lambda me: given[me - 1],
        }
        one.got.copy_(gives[kind](rank))
    return everyone


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ranks", [2, 3, 7])
def test_what_the_definition_gives_is_right_on_every_rank(kind: Kind, ranks: int) -> None:
    assert all(one.check().correct for one in pretended(kind, ranks, 84))


def _lost(one: PreparedCollective) -> None:
    one.got[-1] = math.nan


def _changed(one: PreparedCollective) -> None:
    one.got[11] += 1


def _moved(one: PreparedCollective) -> None:
    one.got.copy_(one.got.roll(1))


def _swapped(one: PreparedCollective) -> None:
    half = len(one.got) // 2
    one.got.copy_(torch.cat([one.got[half:], one.got[:half]]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spoil", [_lost, _changed, _moved, _swapped])
def test_a_spoilt_result_is_seen(kind: Kind, spoil: Callable[[PreparedCollective], None]) -> None:
    for one in pretended(kind, 4, 192):
        spoil(one)
        assert not one.check().correct


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_does_nothing_is_seen(kind: Kind) -> None:
    receivers = pretended(kind, 3, 60)[1 if kind == "broadcast" else 0 :]
    for one in receivers:
        one.poison()
        assert not one.check().correct


@pytest.mark.parametrize("kind", ["all_reduce", "reduce_scatter"])
def test_a_rank_that_counts_twice_or_not_at_all_is_seen(kind: Kind) -> None:
    everyone = pretended(kind, 4, 64)
    part = 16 if kind == "reduce_scatter" else 64
    for rank, one in enumerate(everyone):
        begin = rank * part if kind == "reduce_scatter" else 0
        for other in everyone:
            for sign in (1, -1):
                one.got.add_(other.given[begin : begin + part], alpha=sign)
                assert not one.check().correct
                one.got.sub_(other.given[begin : begin + part], alpha=sign)
        assert one.check().correct


@pytest.mark.parametrize("kind", ["all_gather", "all_to_all"])
def test_a_part_of_the_wrong_rank_is_seen(kind: Kind) -> None:
    for one in pretended(kind, 4, 64):
        part = one.got[:16].clone()
        one.got[:16] = one.got[16:32]
        one.got[16:32] = part
        assert not one.check().correct


@pytest.mark.parametrize("kind", KINDS)
def test_the_footprint_is_what_is_allocated(kind: Kind) -> None:
    one = prepared(kind, 60, Place(ranks=3, rank=1), seed=0)
    held = 4 * (one.given.numel() + one.got.numel())
    assert held == Collective(kind).footprint_bytes({"bytes": 240, "ranks": 3}, "fp32")


@given(st.integers(2, 40))
def test_in_a_tournament_every_two_meet_once_and_nobody_twice_in_a_round(players: int) -> None:
    rounds = list(tournament(players))
    met = list(chain.from_iterable(rounds))
    assert sorted(met) == list(combinations(range(players), 2))
    assert len(rounds) == players - 1 + players % 2
    for pairs in rounds:
        busy = list(chain.from_iterable(pairs))
        assert len(busy) == len(set(busy))


def test_links_are_tried_with_messages_that_are_more_than_a_beginning() -> None:
    sizes = [shape["bytes"] for shape in Links().ladder("fp32", Place(ranks=2, memory_bytes=1 << 40))]
    assert sizes[0] >= 4096
    assert sizes[-1] <= 256 << 20
    assert Links().lacks("fp32", Place(ranks=1)) is not None
