"""A rank's part in finding slow links: which circles play, with messages of which size, how long."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bench.group.joining import Joined
from bench.group.links import (
    CALLS_A_MEETING,
    ENOUGH_SECONDS,
    STEP,
    Matches,
    result_of_links,
    rounds_of,
)
from bench.group.reaches import Circle
from bench.group.timing import Ensemble
from bench.plan import MIN_ROUNDS
from bench.record import Result
from kernels.exchange.pair import Pairing
from kernels.links import Links
from kernels.workload import Place, Shape

MOST_TOURNAMENTS = 40


@dataclass
class Tourney:
    """State of the search on this rank; results are of the circles that it leads.

    Attributes:
        joined: All ranks, and which one this is.
        ensemble: How they agree.
        device: Id of this rank's device.
        place: Where it runs.
        seed: Draws what is sent.
        told: Called when results may be told.
    """

    joined: Joined
    ensemble: Ensemble
    device: str
    place: Place
    seed: int
    told: Callable[[], None]
    found: list[Result] = field(default_factory=list)

    def run(self, circles: Sequence[Circle], seconds: float) -> None:
        """Play within nodes and between them; where that is the same as among all, once. Unit: s."""
        # Pairs of ranks that share a node's port would slow each other: between nodes one rank of each plays.
        playing = [circle for circle in circles if circle.reach != "all"] or list(circles)
        (memory,) = self.ensemble.agree(-float(self.place.memory_bytes))
        self.place = replace(self.place, memory_bytes=int(-memory))
        for circle in playing:
            self._play(circle, seconds / len(playing))
            self.told()

    def _play(self, circle: Circle, seconds: float) -> None:
        ranks = circle.ranks
        me = ranks.index(self.joined.rank) if ranks else None
        nodes = tuple(self.joined.facts[rank].node for rank in ranks)
        matches = Matches(me, ranks, nodes, self.ensemble, circle.group)
        whole = replace(self.place, ranks=circle.largest, group=None)
        if lacking := Links().lacks("fp32", whole):
            self._tell(circle, Result.model_validate(_skipped(self.device, lacking)))
            return
        place = replace(self.place, ranks=max(2, len(ranks)), rank=me or 0, group=circle.group)
        rounds, start = rounds_of(circle.largest), self.ensemble.clock()
        shape, pairing = self._sized(Links().ladder("fp32", whole), matches, place, rounds, seconds)
        taken: list[list[float]] = []
        wrong = 0
        while len(taken) < MIN_ROUNDS or (
            self.ensemble.clock() - start < seconds and len(taken) < MOST_TOURNAMENTS
        ):
            self.joined.watch.step(f"links, tournament {len(taken) + 1}")
            times, worst = matches.play(pairing, rounds=rounds)
            taken.append(times)
            wrong = wrong or worst
        if pairing is None or not circle.leads(self.joined.rank):
            return
        fault = None
        if wrong:
            fault = (
                f"wrong output: rank {wrong - 1} on {self.joined.facts[wrong - 1].node} received other values"
            )
        told = {"bytes": shape["bytes"], "ranks": len(ranks), "nodes": circle.nodes}
        result = result_of_links(
            matches,
            taken,
            told,
            device=self.device,
            backend=pairing.backend,
            reach=circle.reach,
            wrong=fault,
        )
        self._tell(circle, result)

    def _sized(
        self, rungs: Sequence[Shape], matches: Matches, place: Place, rounds: int, seconds: float
    ) -> tuple[Shape, Pairing | None]:
        """The first size whose messages take long enough, or the last that time and memory leave."""
        shape, pairing = rungs[0], None
        for shape in rungs:
            self.joined.watch.step(f"links of {shape['bytes']} B")
            pairing = Links().pairing(shape, place, self.seed) if matches.me is not None else None
            times, _ = matches.play(pairing, rounds=min(rounds, 1))
            # The median: one rank that was held up for a moment says nothing of larger messages.
            taken = [one for one in times if one > 0]
            (longest,) = self.ensemble.agree(statistics.median(taken) if taken else 0.0)
            foreseen = longest * STEP * CALLS_A_MEETING * rounds * MIN_ROUNDS
            if longest >= ENOUGH_SECONDS or foreseen > seconds:
                break
        return shape, pairing

    def _tell(self, circle: Circle, result: Result) -> None:
        if circle.leads(self.joined.rank):
            self.found.append(result)


def _skipped(device: str, reason: str) -> dict[str, object]:
    return {
        "workload": "links",
        "device": device,
        "precision": "fp32",
        "metric": "bandwidth",
        "unit": "B/s",
        "status": "skipped",
        "reason": reason,
    }
