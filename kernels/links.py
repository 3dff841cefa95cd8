"""What each pair of ranks sends to each other: to find the one link, or the one node, that is slow.

A collective goes at the pace of its slowest link and does not say which it is. Here every two ranks meet
once in each round of a tournament, many pairs at once and no rank in two of them, and an array goes one way
and then the other. A value is the size ÷ the longer of the two ranks' times, as for send and receive in
nccl-tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.collectives import ELEMENT_BYTES, Collective
from kernels.workload import Choice, Metric, Place, Prepared, Shape, Unit

if TYPE_CHECKING:
    from kernels.exchange.pair import Pairing

# Of smaller messages latency counts for more than bandwidth.
SMALLEST_BYTES, LARGEST_BYTES = 4096, 256 << 20


@dataclass(frozen=True)
class Links:
    """An array sent from each rank to each other, pair by pair."""

    name: str = "links"
    family: str = "links"
    summary: str = "an array between each two ranks, both ways; the median link, and which links are slow"
    metric: Metric = "bandwidth"
    unit: Unit = "B/s"
    precisions: tuple[str, ...] = ("fp32",)
    choice: Choice = "climb"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """None. Unit: FLOP."""
        return 0.0

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """The array once. Unit: B."""
        return float(shape["bytes"])

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """What a rank sends, and room for what it gets. Unit: B."""
        return 2 * shape["bytes"]

    def lacks(self, precision: str, place: Place) -> str | None:
        """See `kernels.collectives.Collective.lacks`."""
        return Collective("send_recv").lacks(precision, place)

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """See `kernels.collectives.Collective.backends`."""
        return Collective("send_recv").backends(precision, place)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """As that of send and receive, from where bandwidth counts for more than latency."""
        rungs = Collective("send_recv").ladder(precision, place)
        return tuple(rung for rung in rungs if SMALLEST_BYTES <= rung["bytes"] <= LARGEST_BYTES)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Not by itself: who meets whom changes from call to call; see `pairing`.

        Raises:
            ValueError: Always.
        """
        raise ValueError("pairs of ranks are not called over and over: use pairing")

    def pairing(self, shape: Shape, place: Place, seed: int) -> Pairing:
        """What this rank sends and where it receives."""
        from kernels.exchange.pair import Pairing  # noqa: PLC0415 - torch takes seconds to import

        return Pairing(shape["bytes"] // ELEMENT_BYTES, place, seed)


def tournament(players: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Rounds in which every two players meet exactly once, and nobody plays twice in a round.

    The circle method: one player stays, the others move on by one place each round (Kirkman, On a problem in
    combinations, Cambridge and Dublin Mathematical Journal 2, 1847). With an odd number one rests each time.

    Example:
        >>> [list(one) for one in tournament(4)]
        [[(0, 3), (1, 2)], [(0, 2), (1, 3)], [(0, 1), (2, 3)]]
    """
    seats: list[int | None] = [*range(players), *([None] if players % 2 else [])]
    for _ in range(len(seats) - 1):
        half = len(seats) // 2
        pairs = zip(seats[:half], reversed(seats[half:]), strict=True)
        met = [(one, two) for one, two in pairs if one is not None and two is not None]
        yield tuple(sorted((min(pair), max(pair)) for pair in met))
        seats = [seats[0], seats[-1], *seats[1:-1]]
