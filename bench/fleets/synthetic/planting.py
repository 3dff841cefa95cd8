"""What a synthetic fleet is: how much its sound devices differ, and which faults are planted in it.

Sound devices of one model differ. Sinha et al., "Not All GPUs Are Created Equal" (SC 2022, abstract), found
8 % on average, 22 % at most, between the ends of the distributions over five clusters. For a normal
distribution, whose box-plot whiskers end at 2.7 σ, 8 % between the ends is σ = 1.5 %. Here a fleet's σ for
arithmetic is drawn between 0.7 and 1.6 %; memory and links, which no clock governs, have 0.2 to 0.5 %
(assumed).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

FaultName = Literal["slow", "hot", "link", "flaky", "drifting", "wrong", "ecc"]
Load = Literal["compute", "memory", "link"]
LOADS: tuple[Load, ...] = get_args(Load)
# The smallest and the largest size of each fault, as `Planted.size` has it (assumed). Most are small enough
# to be missed by a fixed threshold.
FAULT_SIZES: Mapping[FaultName, tuple[float, float]] = {
    "slow": (0.03, 0.25),
    "hot": (8.0, 20.0),
    "link": (0.03, 0.50),
    "flaky": (0.05, 0.40),
    "drifting": (0.03, 0.15),
    "wrong": (1.0, 1.0),
    "ecc": (1.0, 1.0),
}
NODES_PER_RACK = 16


@dataclass(frozen=True)
class Planted:
    """A fault of one device.

    Attributes:
        name: What is wrong: ``slow`` arithmetic, a ``hot`` enclosure, a slow ``link``, ``flaky`` rounds,
            rates that are ``drifting`` down, ``wrong`` results, memory errors (``ecc``).
        size: Share of the rate that is lost; of ``hot`` how much hotter the device is, in °C; of ``flaky``
            the share that a slow round loses; of ``wrong`` and ``ecc`` 1, without a meaning.
        share: Of ``flaky`` the share of rounds that are slow.
        shown: Whether the device itself tells: a clock that is down, a narrower link, an error count.
    """

    name: FaultName
    size: float
    share: float = 0.0
    shown: bool = False

    def log_loss(self, load: Load) -> float:
        """Log by which every round of a workload is slower that loads this; 0 where the fault spares it."""
        struck = {"slow": "compute", "link": "link"}.get(self.name)
        return math.log1p(-self.size) if struck == load else 0.0


@dataclass(frozen=True)
class Fleet:
    """A synthetic fleet; the same figures give the same records, bit by bit.

    Attributes:
        name: Stands in the names of its files.
        nodes: How many nodes there are.
        devices: How many devices each node has.
        seed: Draws everything.
        sound: Standard deviations of log rates: between sound devices by what is loaded, and between the
            ``rounds`` of one result.
        planted: Faults by (node, device).
        rounds: Rounds of each result.
    """

    name: str
    nodes: int
    devices: int
    seed: int
    sound: Mapping[str, float]
    planted: Mapping[tuple[int, int], Planted] = field(default_factory=dict)
    rounds: int = 10

    @property
    def bad(self) -> set[tuple[str, str]]:
        """Node and device of every fault planted."""
        return {(node_name(node), f"cuda:{device}") for node, device in self.planted}

    def generator(self, name: str) -> np.random.Generator:
        """Random numbers for one purpose, which do not depend on what else is drawn."""
        return generator(self.seed, name)


def make_fleet(
    name: str,
    nodes: int,
    devices: int,
    bad: int,
    seed: int,
    faults: Sequence[FaultName] = get_args(FaultName),
) -> Fleet:
    """Draw a fleet with this many bad devices; a hot enclosure makes all devices of its node bad.

    Raises:
        ValueError: More bad devices than a fleet has, or too few of them left for the one fault that is
            wanted, a hot enclosure.
    """
    if bad > nodes * devices:
        raise ValueError(f"{bad} bad devices of {nodes * devices}")
    rng = generator(seed, "fleet")
    sound = {
        "compute": rng.uniform(0.007, 0.016),
        "memory": rng.uniform(0.002, 0.005),
        "link": rng.uniform(0.002, 0.005),
        "rounds": rng.uniform(0.002, 0.008),
    }
    planted: dict[tuple[int, int], Planted] = {}
    free = [int(one) for one in rng.permutation(nodes)]
    while len(planted) < bad:
        left = bad - len(planted)
        fault = draw_fault(rng, [one for one in faults if one != "hot" or left >= devices])
        node = free.pop() if free else int(rng.integers(nodes))
        for device in range(devices) if fault.name == "hot" else [int(rng.integers(devices))]:
            planted[node, device] = fault
    return Fleet(name, nodes, devices, seed, sound, planted)


def draw_fault(rng: np.random.Generator, names: Sequence[FaultName]) -> Planted:
    """Draw a fault: its kind evenly among the names, its size log-uniformly within `FAULT_SIZES`.

    Raises:
        ValueError: There is no name to draw from.
    """
    if not names:
        raise ValueError("no kind of fault can be planted in the devices that are left")
    name = names[int(rng.integers(len(names)))]
    low, high = FAULT_SIZES[name]
    size = math.exp(rng.uniform(math.log(low), math.log(high)))
    return Planted(name, size, share=rng.uniform(0.2, 0.6), shown=bool(rng.random() < 0.5))


def node_name(number: int) -> str:
    """A node's name by rack and place.

    >>> node_name(53)
    'r03n05'
    """
    rack, place = divmod(number, NODES_PER_RACK)
    return f"r{rack:02d}n{place:02d}"


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers that depend on nothing but a seed and a name."""
    key = hashlib.sha256(f"flopcensus fleet {seed} {name}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "little")))
