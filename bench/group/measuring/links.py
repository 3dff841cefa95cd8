"""A rank's part in finding slow links: which subgroups play, with messages of which size, how long."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bench.group.measuring.subgroups import Subgroup
from bench.group.measuring.timing import Ensemble
from bench.group.measuring.tournament import (
    CALLS_A_MEETING,
    ENOUGH_SECONDS,
    LINKS,
    PRECISION,
    STEP,
    Tournament,
    head_of,
    result_of_links,
    rounds_of,
)
from bench.group.rendezvous.joining import Joined
from bench.plan import MIN_ROUNDS
from bench.record import Result
from kernels.exchange.pair import Pairing
from kernels.workload import Place, Shape

MOST_TOURNAMENTS = 40


@dataclass
class LinkRun:
    """State of the search on this rank; results are of the subgroups that it leads.

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

    def run(self, subgroups: Sequence[Subgroup], seconds: float) -> None:
        """Play within nodes and between them; where that is the same as among all, once. Unit: s."""
        # Pairs of ranks that share a node's port would slow each other: between nodes one rank of each plays.
        playing = [subgroup for subgroup in subgroups if subgroup.reach != "all"] or list(subgroups)
        for subgroup in playing:
            self._play(subgroup, seconds / len(playing))
            self.told()

    def _play(self, subgroup: Subgroup, seconds: float) -> None:
        ranks = subgroup.ranks
        me = ranks.index(self.joined.rank) if ranks else None
        nodes = tuple(self.joined.facts[rank].node for rank in ranks)
        matches = Tournament(me, ranks, nodes, self.ensemble, subgroup.group)
        whole = replace(self.place, ranks=subgroup.largest, group=None)
        if lacking := LINKS.lacks(PRECISION, whole):
            self._tell(
                subgroup,
                Result.model_validate(head_of(self.device) | {"status": "skipped", "reason": lacking}),
            )
            return
        place = replace(self.place, ranks=max(2, len(ranks)), rank=me or 0, group=subgroup.group)
        rounds, start = rounds_of(subgroup.largest), self.ensemble.clock()
        shape, pairing = self._sized(LINKS.ladder(PRECISION, whole), matches, place, rounds, seconds)
        taken: list[list[float]] = []
        wrong = 0
        while len(taken) < MIN_ROUNDS or (
            self.ensemble.clock() - start < seconds and len(taken) < MOST_TOURNAMENTS
        ):
            self.joined.watch.step(f"links, tournament {len(taken) + 1}")
            times, worst = matches.play(pairing, rounds=rounds)
            taken.append(times)
            wrong = wrong or worst
        if pairing is None or not subgroup.leads(self.joined.rank):
            return
        fault = f"wrong output: {self.joined.name_of(wrong - 1)} received other values" if wrong else None
        told = {"bytes": shape["bytes"], "ranks": len(ranks), "nodes": subgroup.nodes}
        result = result_of_links(
            matches,
            taken,
            told,
            device=self.device,
            backend=pairing.backend,
            reach=subgroup.reach,
            wrong=fault,
        )
        self._tell(subgroup, result)

    def _sized(
        self, rungs: Sequence[Shape], matches: Tournament, place: Place, rounds: int, seconds: float
    ) -> tuple[Shape, Pairing | None]:
        """The first size whose messages take long enough, or the last that time and memory leave."""
        shape, pairing = rungs[0], None
        for shape in rungs:
            self.joined.watch.step(f"links of {shape['bytes']} B")
            pairing = LINKS.pairing(shape, place, self.seed) if matches.me is not None else None
            times, _ = matches.play(pairing, rounds=min(rounds, 1))
            # The median: one rank that was held up for a moment says nothing of larger messages.
            taken = [one for one in times if one > 0]
            (longest,) = self.ensemble.agree(statistics.median(taken) if taken else 0.0)
            foreseen = longest * STEP * CALLS_A_MEETING * rounds * MIN_ROUNDS
            if longest >= ENOUGH_SECONDS or foreseen > seconds:
                break
        return shape, pairing

    def _tell(self, subgroup: Subgroup, result: Result) -> None:
        if subgroup.leads(self.joined.rank):
            self.found.append(result)
