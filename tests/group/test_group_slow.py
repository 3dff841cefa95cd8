"""Slow links, ranks and nodes, planted and found; and none where there is none."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bench.figures import Link
from bench.group.measuring.slow_links import in_words, slow_links
from bench.group.measuring.tournament import Tournament, links_of, result_of_links, rounds_of
from kernels.workload import Verdict

Rate = Callable[[int, int], float]


def planted(count: int, a_node: int, rate: Rate, noise: float = 0.0, seed: int = 0) -> list[Link]:
    """All links among ranks; the rate is of each way. Unit: B/s."""
    draw = random.Random(seed)
    found = []
    for one in range(count):
        for two in range(count):
            if one != two:
                rounds = sorted(rate(one, two) * draw.lognormvariate(0, noise) for _ in range(5))
                nodes = (f"n{one // a_node}", f"n{two // a_node}")
                found.append(
                    Link(ranks=(one, two), nodes=nodes, bytes_per_s=rounds[2], best_bytes_per_s=rounds[4])
                )
    return found


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("count", "a_node"), [(4, 1), (8, 4), (16, 1)])
def test_a_sound_fabric_has_no_slow_link(count: int, a_node: int, seed: int) -> None:
    def rate(one: int, two: int) -> float:
        return 400e9 if one // a_node == two // a_node else 50e9

    assert in_words(planted(count, a_node, rate, noise=0.1, seed=seed)) == ()


@pytest.mark.parametrize("seed", range(8))
def test_one_slow_link_is_found_and_named(seed: int) -> None:
    def rate(one: int, two: int) -> float:
        return 20e9 if {one, two} == {2, 5} else 50e9

    links = planted(8, 1, rate, noise=0.05, seed=seed)
    assert {link.ranks for link in slow_links(links)} == {(2, 5), (5, 2)}
    told = in_words(links)
    assert len(told) == 2
    assert all("rank 2 on n2" in line and "rank 5 on n5" in line for line in told)


def test_one_way_that_is_slow_is_told_from_the_other() -> None:
    links = planted(6, 1, lambda one, two: 10e9 if (one, two) == (3, 1) else 50e9, noise=0.02)
    assert [link.ranks for link in slow_links(links)] == [(3, 1)]


def test_a_rank_with_slow_links_to_all_is_named_once() -> None:
    links = planted(6, 2, lambda one, two: 5e9 if 4 in (one, two) else 50e9, noise=0.02)
    assert in_words(links) == ("rank 4 on n2: 8 of its 8 links are slow",) or in_words(links)[0].startswith(
        "rank 4 on n2"
    )


def test_a_node_whose_ranks_are_all_slow_is_named_as_a_node() -> None:
    links = planted(8, 2, lambda one, two: 5e9 if 1 in (one // 2, two // 2) else 50e9, noise=0.02)
    between = [link for link in links if link.nodes[0] != link.nodes[1]]
    assert in_words(between) == ("node n1: 24 of its 24 links are slow",)


def test_links_within_a_node_are_no_measure_of_those_between() -> None:
    def rate(one: int, two: int) -> float:
        return 400e9 if one // 4 == two // 4 else 10e9

    assert slow_links(planted(16, 4, rate, noise=0.05)) == []


def test_of_two_ranks_nothing_is_usual_so_that_one_way_must_be_half() -> None:
    assert slow_links(planted(2, 1, lambda one, two: 40e9 if one else 50e9)) == []
    assert [one.ranks for one in slow_links(planted(2, 1, lambda one, two: 5e9 if one else 50e9))] == [(1, 0)]


class Threads:
    """Ranks that are threads: what `Ensemble` does, by a barrier."""

    def __init__(self, count: int) -> None:
        self._barrier = threading.Barrier(count, timeout=60)
        self._values: list[Sequence[float]] = []
        self._lock = threading.Lock()

    def highest(self, values: Sequence[float], group: Any = None) -> tuple[float, ...]:
        with self._lock:
            self._values.append(values)
        self._barrier.wait()
        found = tuple(max(each) for each in zip(*self._values, strict=True))
        self._barrier.wait()
        self._values = []
        self._barrier.wait()
        return found

    def agree(self, *values: float) -> tuple[float, ...]:
        return self.highest(values)

    def clock(self) -> float:
        return 0.0

    def time_calls(self, call: Callable[[], None], count: int) -> tuple[float, ...]:
        # A stand-in's call says how long it took in place of taking it.
        return tuple(float(call() or 0.0) for _ in range(count))  # type: ignore[func-returns-value]


class Throttled:
    """A transport between threads; the link between ranks 1 and 3 is one of 1 Gbit/s, the others of 10."""

    backend = "threads"

    def __init__(self, me: int, size: int, garbling: bool = False) -> None:
        self._me, self._size, self._garbling = me, size, garbling

    def poison(self) -> None:
        self._from = -1

    def send(self, peer: int) -> Any:
        return self._seconds(peer) * 0.9

    def receive(self, peer: int) -> Any:
        self._from = peer
        return self._seconds(peer)

    def check(self, peer: int) -> Verdict:
        return Verdict(self._from == peer and not self._garbling, "")

    def _seconds(self, peer: int) -> float:
        return self._size / (0.125e9 if {self._me, peer} == {1, 3} else 1.25e9)


def play(count: int, garbling: int | None = None) -> list[tuple[Tournament, list[float], int]]:
    """A tournament between threads."""
    ensemble = Threads(count)
    played: dict[int, tuple[Tournament, list[float], int]] = {}

    def go(me: int) -> None:
        nodes = tuple(f"n{rank}" for rank in range(count))
        matches = Tournament(me, tuple(range(count)), nodes, ensemble)
        times, wrong = matches.play(Throttled(me, 1 << 20, me == garbling), rounds=rounds_of(count))
        played[me] = matches, times, wrong

    threads = [threading.Thread(target=go, args=(me,)) for me in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [played[me] for me in range(count)]


@pytest.mark.parametrize("count", [4, 5])
def test_a_throttled_link_is_found_by_the_tournament(count: int) -> None:
    everyone = play(count)
    matches, times, wrong = everyone[0]
    assert all(other == (times, wrong) for _, *rest in everyone for other in [tuple(rest)])
    links = links_of(matches, [times] * 5, 1 << 20)
    assert len(links) == count * (count - 1)
    assert {link.ranks: round(link.bytes_per_s / 1e9, 6) for link in links} == {
        (one, two): 0.125 if {one, two} == {1, 3} else 1.25
        for one in range(count)
        for two in range(count)
        if one != two
    }
    about: dict[str, Any] = {"device": "cpu", "backend": "threads", "reach": "all", "wrong": None}
    result = result_of_links(matches, [times] * 5, {"bytes": 1 << 20, "ranks": count}, **about)
    assert result.value == pytest.approx(1.25e9)
    assert result.exchange is not None
    assert [line.partition(":")[0] for line in result.exchange.slow] == [
        "rank 1 on n1 to rank 3 on n3",
        "rank 3 on n3 to rank 1 on n1",
    ]


def test_who_receives_something_else_is_told() -> None:
    assert {wrong for _, _, wrong in play(4, garbling=2)} == {3}
