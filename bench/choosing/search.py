"""Search shapes and backends, coarse to fine, and measure the finalists again.

A few spread-out shapes are sampled with every backend, and backends clearly behind are left out. A model
of the rates found so far then says which shape to sample next, near the best or where little is known
(`bench.choosing.explore`). The best run in rounds, ever fewer of them, and the last few are judged by those
rounds alone, so that the winner is not the luckiest. Samples are short, and each is compared with those just
before and after it (`bench.choosing.pace`): the machine's own pace may change by half within a second. The
search only chooses: none of its times enter a figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from bench.choosing.choice import Bout, Chosen, NothingToChoose
from bench.choosing.explore import Explorer
from bench.choosing.race import Entrant, Key, Race
from bench.choosing.standings import Standings
from bench.devices.device import MEMORY_SHARE
from bench.record import Search

if TYPE_CHECKING:
    from kernels.workload import Place, Shape

# Of how many there are rounds, and until which share of the time is gone; of no more than so many rounds.
ROUNDS = ((12, 0.58), (12, 0.66), (6, 0.75), (6, 0.84), (4, 1.0))
MOST_ROUNDS = 40
# Finalists this close to the best (in logs) count as alike: seconds of rounds tell no more.
ALIKE = 0.005


class Searchable(Protocol):
    """What a workload gives in addition, to be searched."""

    def grid(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Shapes to choose among, least work first; empty where none fits the place's memory."""

    def sharing(self, precision: str, place: Place) -> AbstractContextManager[None]:
        """While it lasts, preparing one shape of the grid after the other should cost little."""


def search(bout: Bout, *, seconds: float, slot_seconds: float) -> Chosen:
    """The shape and the backend that do best.

    Args:
        bout: What to choose for; its workload is `Searchable`.
        seconds: Time the search may take. Unit: s.
        slot_seconds: Expected length of a round of the measurement. Unit: s.

    Raises:
        NothingToChoose: No shape of the grid fits the memory.
        Exception: Whatever the last backend raised, if none could run at all.
    """
    workload = cast("Searchable", bout.workload)
    shapes = workload.grid(bout.precision, bout.place)
    if not shapes:
        raise NothingToChoose(
            f"too little memory for any shape: {bout.place.memory_bytes / 1e9:.2f} GB may be taken "
            f"({MEMORY_SHARE:.0%} of what is free)"
        )
    race = Race(bout, shapes, seconds=seconds, slot_seconds=slot_seconds)
    standings = Standings(race, start=bout.clock(), seconds=seconds)
    candidates, backends = len(shapes) * len(race.backends), tuple(race.backends)
    with workload.sharing(bout.precision, bout.place):
        explorer = Explorer(standings)
        explorer.sample_seeds()
        explorer.follow_model()
        final = _Contest(standings).final()
    return _chosen(standings, final, candidates, backends)


@dataclass(frozen=True)
class _Final:
    """Who was left at the end.

    Attributes:
        finalists: Those that the last rounds were of.
        rounds_began: How many samples had been taken before the first round.
        last_began: How many before the rounds of the finalists.
    """

    finalists: Sequence[Entrant]
    rounds_began: int
    last_began: int


class _Contest:
    """Rounds of the best, of ever fewer of them."""

    def __init__(self, standings: Standings) -> None:
        self._standings, self._race = standings, standings.race
        self._checked: set[str] = set()

    def final(self) -> _Final:
        """All rounds. Whoever falls behind makes room for the next best, and so does whoever fails.

        Raises:
            NothingToChoose: Nothing could be sampled in the time given.
            Exception: Whatever was raised last, where all have failed.
        """
        began = last_began = len(self._standings.pace)
        pool: list[Entrant] = []
        for size, until in ROUNDS:
            pool = self._best_few(size)
            last_began = len(self._standings.pace)
            for _ in range(MOST_ROUNDS):
                if not pool or not self._standings.is_before(until):
                    break
                self._round(pool, until)
                if until == ROUNDS[-1][1]:
                    self._check(pool)
                if not self._all_in(pool):
                    pool = self._best_few(size)
        if pool:
            return _Final(pool, began, last_began)
        raise self._race.error or NothingToChoose("no shape could be sampled in the time given")

    def _best_few(self, size: int) -> list[Entrant]:
        """The best now, the default at its best shape among them."""
        ranked = self._standings.ranked()
        few = ranked[:size]
        own = [entrant for entrant in ranked if entrant.backend == self._race.default]
        if not own or own[0] in few:
            return few
        return [*few[:-1], own[0]]

    def _all_in(self, pool: Sequence[Entrant]) -> bool:
        standing = self._race.still_in()
        return all(entrant in standing for entrant in pool)

    def _round(self, pool: Sequence[Entrant], until: float) -> None:
        """A sample of each, in random order."""
        for entrant in self._standings.random.sample(list(pool), len(pool)):
            if self._standings.is_before(until) and entrant in self._race.still_in():
                self._standings.sample(entrant.shape, entrant.backend)

    def _check(self, pool: Sequence[Entrant]) -> None:
        """Check one finalist of each backend, once."""
        for entrant in pool:
            backend = entrant.backend
            if backend in self._checked or entrant not in self._race.still_in():
                continue
            if self._standings.is_before(1.0) and self._standings.require_right(entrant.shape, backend):
                self._checked.add(backend)


def _chosen(standings: Standings, final: _Final, candidates: int, backends: tuple[str, ...]) -> Chosen:
    race, finalists, default = standings.race, final.finalists, standings.race.default
    winner = _winner(finalists, standings.levels_since(final.rounds_began, finalists), race)
    # The samples that made them finalists were the lucky ones: figures are of later samples only.
    levels = standings.levels_since(final.last_began, finalists)
    own = (entrant for entrant in finalists if entrant.backend == default)
    plain = max(own, key=lambda entrant: levels[entrant.key], default=None)
    found = Search(
        shapes_tried=len({entrant.key[0] for entrant in race.entrants.values()}),
        candidates=candidates,
        backends=backends,
        seconds=race.bout.clock() - standings.start,
        value=math.exp(levels[winner.key]),
        default_backend=default,
        default_value=None if plain is None else math.exp(levels[plain.key]),
        default_shape={} if plain is None else dict(plain.shape),
        finalists=len(finalists),
    )
    return Chosen(winner.shape, winner.backend, winner.call_seconds, found, tuple(race.notes))


def _winner(finalists: Sequence[Entrant], levels: Mapping[Key, float], race: Race) -> Entrant:
    """The best; of those alike torch's default, as others will run it, then the longest call.

    A long call is the steadier one: what disturbs the machine for a moment is a smaller part of it.
    """
    best = max(levels[entrant.key] for entrant in finalists)
    alike = [entrant for entrant in finalists if levels[entrant.key] >= best - ALIKE]
    return max(alike, key=lambda entrant: (entrant.backend == race.default, race.bout.work(entrant.shape)))
