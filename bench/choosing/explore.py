"""The first half of a search: a few far-apart shapes with every backend, then where a model expects most.

A candidate is a shape with a backend.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.choosing.race import Sides, key_of
from bench.choosing.standings import Standings
from bench.choosing.surface import Surface, distance

if TYPE_CHECKING:
    from kernels.workload import Shape

    Candidate = tuple[Shape, str]

SEED_SHAPES, FEWEST_SEEDS = 8, 2
# A backend that at no seed comes this close to the best there is left out.
CLEARLY_BEHIND = 0.85
# Share of the time at which exploring ends.
EXPLORED = 0.5
# A batch is made of parts. Of a part so many candidates are the most promising of all, and so many the most
# promising near a leader.
BATCH_NEW, BATCH_NEAR = 3, 2
# A batch takes this share of the time, so that fitting the model takes little beside it.
BATCH_SHARE, MOST_PARTS = 1 / 60, 4
# How near a leader is near, in the logs of the sides; 512 beside 2048 is 0.22.
NEAR = 0.45
# Long calls cost much and tell no more than short ones: only near a leader may they be as long as allowed.
SHORT_CALLS = 0.4
DOUBT_WEIGHT = 0.5
# Once in so many batches only the default backend is searched, whether or not it leads.
DEFAULT_EVERY = 4
# Of how many promising candidates it is also asked what others near them have given.
SHORT_LIST = 24
# What falls this far short of what was expected (in logs) is sampled again: the machine may have been busy.
SHORTFALL, MOST_DOUBTS = 0.1, 2


class Explorer:
    """Samples widely until half of the time is gone."""

    def __init__(self, standings: Standings) -> None:
        self._standings, self._race = standings, standings.race

    def sample_seeds(self) -> None:
        """Every backend at a few shapes far from each other; wrong backends and slow ones are left out."""
        race, standings = self._race, self._standings
        for backend in list(race.backends):
            if race.shapes and (backend == race.default or standings.is_before(EXPLORED)):
                standings.sample_new(race.shapes[0], backend)
                standings.require_right(race.shapes[0], backend)
        for number in range(SEED_SHAPES):
            if race.over or not standings.is_before(EXPLORED):
                break
            standings.note_leaders()
            self._sample_everywhere(self._farthest())
            if number >= FEWEST_SEEDS:
                self._drop_the_slow()
        self._doubt_the_poor([(entrant.shape, entrant.backend) for entrant in race.still_in()])
        self._drop_the_slow()

    def follow_model(self) -> None:
        """Batches of what the model expects most of, or knows least about."""
        batch = 0
        while self._standings.is_before(EXPLORED) and not self._race.over and self._race.still_in():
            only = self._race.default if batch % DEFAULT_EVERY == DEFAULT_EVERY - 1 else None
            self._standings.note_leaders()
            picked = self._pick(only)
            if not picked and only is None:
                break
            self._sample_batch(picked)
            batch += 1

    def _farthest(self) -> Shape | None:
        """The affordable shape farthest from all that were sampled."""
        race = self._race
        tried = [entrant.shape for entrant in race.still_in()]
        leader = max(race.still_in(), key=self._standings.level, default=None)
        if leader is None:
            return None
        shapes = [shape for shape in race.affordable(leader.backend, SHORT_CALLS) if shape not in tried]
        return max(shapes, key=lambda shape: min(distance(shape, other) for other in tried), default=None)

    def _sample_everywhere(self, shape: Shape | None) -> None:
        if shape is None:
            return
        backends = list(self._race.backends)
        self._standings.random.shuffle(backends)
        for backend in backends:
            if self._standings.is_before(EXPLORED) and shape in self._race.affordable(backend):
                self._standings.sample_new(shape, backend)

    def _drop_the_slow(self) -> None:
        """Leave out what is clearly behind at every seed; the default stays, to be compared with."""
        race, level = self._race, self._standings.level
        best: dict[Sides, float] = {}
        for entrant in race.still_in():
            sides = entrant.key[0]
            best[sides] = max(best.get(sides, -math.inf), level(entrant))
        for backend in [name for name in race.backends if name != race.default]:
            gaps = [level(e) - best[e.key[0]] for e in race.still_in() if e.backend == backend]
            if not gaps or max(gaps) < math.log(CLEARLY_BEHIND):
                race.backends.remove(backend)

    def _pick(self, only: str | None) -> list[Candidate]:
        """New candidates: by expectation and doubt, and near the leaders by expectation alone."""
        surface = self._standings.surface()
        parts = self._parts()
        picked = _most_promising(self._new(only, SHORT_CALLS), surface, DOUBT_WEIGHT)[: parts * BATCH_NEW]
        near = [c for c in self._new(only, 1.0) if c not in picked and self._is_near(c)]
        return picked + _most_promising(near, surface, 0.0)[: parts * BATCH_NEAR]

    def _parts(self) -> int:
        """How many parts fit the time of a batch, by the time that samples have taken so far."""
        standings = self._standings
        spent_seconds = self._race.bout.clock() - standings.start
        sample_seconds = spent_seconds / max(1, len(standings.pace))
        part_seconds = max(1e-9, (BATCH_NEW + BATCH_NEAR) * sample_seconds)
        return max(1, min(MOST_PARTS, int(BATCH_SHARE * standings.seconds / part_seconds)))

    def _new(self, only: str | None, share: float) -> list[Candidate]:
        """What has not been sampled yet, of one backend or of all."""
        race = self._race
        return [
            (shape, backend)
            for backend in (race.backends if only is None else [only])
            for shape in race.affordable(backend, share)
            if key_of(shape, backend) not in race.entrants
        ]

    def _is_near(self, candidate: Candidate) -> bool:
        shape, backend = candidate
        leaders = self._standings.leaders
        return any(e.backend == backend and distance(shape, e.shape) < NEAR for e in leaders)

    def _sample_batch(self, picked: list[Candidate]) -> None:
        for shape, backend in picked:
            if not self._standings.is_before(EXPLORED):
                break
            if shape in self._race.shapes and backend in self._race.backends:
                self._standings.sample_new(shape, backend)
        self._doubt_the_poor(picked)

    def _doubt_the_poor(self, picked: list[Candidate]) -> None:
        """Sample those again that fell far short of what was expected: the machine may have been busy."""
        for _ in range(MOST_DOUBTS):
            if not self._race.still_in():
                return
            surface = self._standings.surface()
            poor = [candidate for candidate in picked if self._falls_short(candidate, surface)]
            for shape, backend in poor:
                if self._standings.is_before(EXPLORED):
                    self._standings.sample(shape, backend)

    def _falls_short(self, candidate: Candidate, surface: Surface) -> bool:
        entrant = self._race.entrants.get(key_of(*candidate))
        if entrant is None or entrant not in self._race.still_in():
            return False
        return self._standings.level(entrant) < surface.expected(*candidate) - SHORTFALL


def _most_promising(candidates: list[Candidate], surface: Surface, doubt_weight: float) -> list[Candidate]:
    """The short list, best first: picked by the effects of the sides, then ranked with what is nearby."""
    rough = {
        at: surface.expected(*candidate) + doubt_weight * surface.doubt(*candidate)
        for at, candidate in enumerate(candidates)
    }
    short = sorted(rough, key=rough.__getitem__, reverse=True)[:SHORT_LIST]
    fine = {at: rough[at] + surface.nearby(*candidates[at]) for at in short}
    return [candidates[at] for at in sorted(fine, key=fine.__getitem__, reverse=True)]
