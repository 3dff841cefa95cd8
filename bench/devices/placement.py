"""How far the cores of a CPU lie apart: near on one die, or far, as a host may move a virtual machine.

Bandwidth and latency differ by half between the two, so figures taken in one say little of the other.
"""

from __future__ import annotations

import ctypes
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.record import Placement

if TYPE_CHECKING:
    from kernels.workload import Place

# Geometric mean of some 75 ns (two cores of one die) and some 350 ns (two sockets), which one virtual machine
# of two cores showed at different times: latencies spread by factors, and it is as far from the one as from
# the other.
FAR_FROM_NS = 162.0
ROUND_TRIPS = 500
BATCHES = 9
MOST_PARTNERS = 6


@dataclass(frozen=True)
class MeasuredPlacement:
    """How far apart the cores lie.

    Attributes:
        core_to_core_ns: One way of a cache line between two cores. Unit: ns.
        placement: ``near`` or ``far``.
    """

    core_to_core_ns: float
    placement: Placement


def measure_placement(place: Place) -> MeasuredPlacement | None:
    """Play ping-pong between the first core and others evenly spaced; some 1 to 20 ms.

    None with a single core, without compiled routines, or where a core has been taken away.
    """
    if place.native is None or len(place.cpus) < 2:
        return None
    first, *others = place.cpus
    found = [_one_way_ns(place.native, first, other) for other in _evenly(others, MOST_PARTNERS)]
    known = [ns for ns in found if ns is not None]
    return placed(statistics.median(known)) if known else None


def placed(core_to_core_ns: float) -> MeasuredPlacement:
    """Near or far, by the time that a cache line takes. Unit: ns."""
    return MeasuredPlacement(core_to_core_ns, "far" if core_to_core_ns > FAR_FROM_NS else "near")


def _evenly(cpus: Sequence[int], most: int) -> list[int]:
    """At most so many, evenly spaced, the last one among them."""
    count = min(most, len(cpus))
    return [cpus[(number + 1) * len(cpus) // count - 1] for number in range(count)]


def _one_way_ns(library: ctypes.CDLL, first: int, second: int) -> float | None:
    """Median over batches, so that one batch in which a core was preempted does not count. Unit: ns."""
    batches = (ctypes.c_double * BATCHES)()
    refused = library.fc_ping_pong(first, second, ROUND_TRIPS, BATCHES, batches)
    return None if refused else statistics.median(batches)
