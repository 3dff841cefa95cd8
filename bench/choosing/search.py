"""Search shapes and backends, coarse to fine, and measure the finalists again.

A few spread-out shapes are sampled with every backend, and backends clearly behind are left out. A model
of the rates found so far then says which shape to sample next, near the best or where little is known.
The best run in rounds, ever fewer of them, and the last few are judged by those rounds alone, so that the
winner is not the luckiest. Samples are short, and each is compared with those just before and after it
(`bench.choosing.pace`): the machine's own pace may change by half within a second. The search only chooses:
none of its times enter a figure.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, cast

from bench.choosing.choice import Bout, Chosen, NothingToChoose
from bench.choosing.pace import Pace
from bench.choosing.race import Entrant, Key, Race, Sides, key_of
from bench.choosing.surface import Point, Surface, distance, fit
from bench.devices.device import MEMORY_SHARE
from bench.record import Search

if TYPE_CHECKING:
    from kernels.workload import Place, Shape

SEED_SHAPES, FEWEST_SEEDS = 8, 2
# A backend that at no seed comes this close to the best there is out.
CLEARLY_BEHIND = 0.85
# Share of the time at which exploring ends.
EXPLORED = 0.5
# Of each batch of new ones so many parts are the most promising of all, and so many the best near a leader.
BATCH_NEW, BATCH_NEAR = 3, 2
# A batch takes this share of the time, so that fitting the model takes little beside it.
BATCH_SHARE, MOST_PARTS = 1 / 60, 4
# How near a leader is near, in the logs of the sides; 512 beside 2048 is 0.22.
NEAR = 0.45
# So many new ones are sampled for each sample of a leader, which tells the machine's pace.
NEW_PER_LEADER = 3
LEADERS = 3
# Long calls cost much and tell no more than short ones: only near a leader may they be as long as allowed.
SHORT_CALLS = 0.4
DOUBT_WEIGHT = 0.5
# The default is searched on its own account once in so many batches, whether or not it leads.
DEFAULT_EVERY = 4
# The model's promising shapes, of which the residuals around are looked at too.
SHORT_LIST = 24
# Weight of the model's expectation beside the samples of an entrant.
PRIOR_WEIGHT = 1.0
# What falls this far short of what was expected (in logs) is sampled again: the machine may have been busy.
SHORTFALL, MOST_DOUBTS = 0.1, 2
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
    run = _Run(race, start=bout.clock(), seconds=seconds)
    candidates, backends = len(shapes) * len(race.backends), tuple(race.backends)
    with workload.sharing(bout.precision, bout.place):
        finalists = run.finalists()
    return _chosen(run, finalists, candidates, backends)


class _Run:
    """One search in progress."""

    def __init__(self, race: Race, *, start: float, seconds: float) -> None:
        self.race = race
        self.start, self.seconds = start, seconds
        self.random = random.Random(race.bout.seed)  # noqa: S311 - which to sample, not a secret
        self.pace: Pace[Key] = Pace()
        self.leaders: list[Entrant] = []
        self.rounds_began = self.last_began = 0
        """How many samples came before all rounds, and before those of the finalists."""
        self._new_in_a_row = 0
        self._checked: set[str] = set()
        self._fitted: tuple[tuple[int, int], Surface] | None = None

    def is_before(self, share: float) -> bool:
        """Whether less than that share of the time is gone."""
        return self.race.bout.clock() - self.start < share * self.seconds

    def finalists(self) -> list[Entrant]:
        """All stages; those that the last rounds were of."""
        self._sample_seeds()
        self._explore()
        self.rounds_began = len(self.pace)
        found = self._contest()
        if not found:
            self._give_up()
        return found

    def _give_up(self) -> None:
        if self.race.error is not None:
            raise self.race.error
        raise NothingToChoose("no shape could be sampled in the time given")

    # Stage 1: every backend at a few shapes far from each other.

    def _sample_seeds(self) -> None:
        race = self.race
        for backend in list(race.backends):
            if race.shapes and (backend == race.default or self.is_before(EXPLORED)):
                self._sample_new(race.shapes[0], backend)
                self._require_right(race.shapes[0], backend)
        for number in range(SEED_SHAPES):
            if race.over or not self.is_before(EXPLORED):
                break
            self.leaders = self._ranked()[:LEADERS]
            self._sample_everywhere(self._farthest())
            if number >= FEWEST_SEEDS:
                self._drop_the_slow()
        self._doubt_the_poor([(entrant.shape, entrant.backend) for entrant in race.still_in()])
        self._drop_the_slow()

    def _require_right(self, shape: Shape, backend: str) -> bool:
        """Leave a backend out whose last result was wrong, unless it is the only one.

        Returns whether the question is settled: where the check itself ran out of memory, it is not.
        """
        race = self.race
        if key_of(shape, backend) not in race.entrants or len(race.backends) == 1:
            return True
        verdict = race.check(shape, backend)
        if verdict is not None and not verdict.correct:
            race.drop_backend(backend, f"wrong result: {verdict.detail}")
        return verdict is not None

    def _farthest(self) -> Shape | None:
        """The affordable shape farthest from all that were sampled."""
        race = self.race
        tried = [entrant.shape for entrant in race.still_in()]
        leader = max(race.still_in(), key=self._level, default=None)
        if leader is None:
            return None
        shapes = [shape for shape in race.affordable(leader.backend, SHORT_CALLS) if shape not in tried]
        return max(shapes, key=lambda shape: min(distance(shape, other) for other in tried), default=None)

    def _sample_everywhere(self, shape: Shape | None) -> None:
        if shape is None:
            return
        backends = list(self.race.backends)
        self.random.shuffle(backends)
        for backend in backends:
            if self.is_before(EXPLORED) and shape in self.race.affordable(backend):
                self._sample_new(shape, backend)

    def _drop_the_slow(self) -> None:
        """Leave out what is clearly behind at every seed; the default stays, to be compared with."""
        race = self.race
        best: dict[Sides, float] = {}
        for entrant in race.still_in():
            sides = entrant.key[0]
            best[sides] = max(best.get(sides, -math.inf), self._level(entrant))
        for backend in [name for name in race.backends if name != race.default]:
            gaps = [self._level(e) - best[e.key[0]] for e in race.still_in() if e.backend == backend]
            if not gaps or max(gaps) < math.log(CLEARLY_BEHIND):
                race.backends.remove(backend)

    # Stage 2: where the model expects most, or knows least.

    def _explore(self) -> None:
        batch = 0
        while self.is_before(EXPLORED) and not self.race.over and self.race.still_in():
            only = self.race.default if batch % DEFAULT_EVERY == DEFAULT_EVERY - 1 else None
            self.leaders = self._ranked()[:LEADERS]
            picked = self._pick(only)
            if not picked and only is None:
                break
            self._sample_batch(picked)
            batch += 1

    def _pick(self, only: str | None) -> list[tuple[Shape, str]]:
        """New shapes: by expectation and doubt, and near the leaders by expectation alone."""
        surface = self._surface()
        parts = self._parts()
        picked = self._best(self._new(only, SHORT_CALLS), surface, DOUBT_WEIGHT)[: parts * BATCH_NEW]
        near = [c for c in self._new(only, 1.0) if c not in picked and self._is_near(c)]
        return picked + self._best(near, surface, 0.0)[: parts * BATCH_NEAR]

    def _parts(self) -> int:
        """How many times the smallest batch fits the time of one, as samples have taken so far."""
        sample_seconds = (self.race.bout.clock() - self.start) / max(1, len(self.pace))
        smallest_seconds = max(1e-9, (BATCH_NEW + BATCH_NEAR) * sample_seconds)
        return max(1, min(MOST_PARTS, int(BATCH_SHARE * self.seconds / smallest_seconds)))

    def _new(self, only: str | None, share: float) -> list[tuple[Shape, str]]:
        """What has not been sampled yet, of one backend or of all."""
        race = self.race
        return [
            (shape, backend)
            for backend in (race.backends if only is None else [only])
            for shape in race.affordable(backend, share)
            if key_of(shape, backend) not in race.entrants
        ]

    def _best(
        self, candidates: list[tuple[Shape, str]], surface: Surface, doubt_weight: float
    ) -> list[tuple[Shape, str]]:
        """The most promising, best first: a short list by the effects of the sides, then what is nearby."""
        rough = {
            at: surface.expected(*candidate) + doubt_weight * surface.doubt(*candidate)
            for at, candidate in enumerate(candidates)
        }
        short = sorted(rough, key=rough.__getitem__, reverse=True)[:SHORT_LIST]
        fine = {at: rough[at] + surface.nearby(*candidates[at]) for at in short}
        return [candidates[at] for at in sorted(fine, key=fine.__getitem__, reverse=True)]

    def _is_near(self, candidate: tuple[Shape, str]) -> bool:
        shape, backend = candidate
        return any(e.backend == backend and distance(shape, e.shape) < NEAR for e in self.leaders)

    def _sample_batch(self, picked: list[tuple[Shape, str]]) -> None:
        for shape, backend in picked:
            if not self.is_before(EXPLORED):
                break
            if shape in self.race.shapes and backend in self.race.backends:
                self._sample_new(shape, backend)
        self._doubt_the_poor(picked)

    def _doubt_the_poor(self, picked: list[tuple[Shape, str]]) -> None:
        """Sample those again that fell far short of what was expected: the machine may have been busy."""
        for _ in range(MOST_DOUBTS):
            if not self.race.still_in():
                return
            surface = self._surface()
            poor = [candidate for candidate in picked if self._falls_short(candidate, surface)]
            for shape, backend in poor:
                if self.is_before(EXPLORED):
                    self._sample(shape, backend)

    def _falls_short(self, candidate: tuple[Shape, str], surface: Surface) -> bool:
        entrant = self.race.entrants.get(key_of(*candidate))
        if entrant is None or entrant not in self.race.still_in():
            return False
        return self._level(entrant) < surface.expected(*candidate) - SHORTFALL

    def _sample_new(self, shape: Shape, backend: str) -> None:
        """Sample, and after every few one of the leaders, which tells how fast the machine is just now."""
        if self._new_in_a_row >= NEW_PER_LEADER:
            standing = [entrant for entrant in self.leaders if entrant in self.race.still_in()]
            if standing:
                least = min(standing, key=lambda entrant: len(entrant.rates))
                self._sample(least.shape, least.backend)
            self._new_in_a_row = 0
        self._sample(shape, backend)
        self._new_in_a_row += 1

    def _sample(self, shape: Shape, backend: str) -> None:
        rate = self.race.sample(shape, backend)
        if rate is not None:
            self.pace.add(key_of(shape, backend), math.log(rate))

    def _surface(self) -> Surface:
        """The model of all samples so far; kept until there are more."""
        entrants = self.race.still_in()
        state = len(self.pace), len(entrants)
        if self._fitted is None or self._fitted[0] != state:
            self._fitted = state, fit([Point(e.shape, e.backend, self._level(e)) for e in entrants])
        return self._fitted[1]

    def _level(self, entrant: Entrant) -> float:
        """Log rate, as if the machine had always run at its usual pace."""
        return self.pace.levels()[entrant.key]

    def _ranked(self) -> list[Entrant]:
        """Best first, by samples and model together: one lucky sample does not make a leader."""
        entrants = self.race.still_in()
        if not entrants:
            return []
        surface = self._surface()

        def standing(entrant: Entrant) -> float:
            count, shape, backend = len(entrant.rates), entrant.shape, entrant.backend
            model = surface.expected(shape, backend) + surface.nearby(shape, backend)
            return (count * self._level(entrant) + PRIOR_WEIGHT * model) / (count + PRIOR_WEIGHT)

        return sorted(entrants, key=standing, reverse=True)

    # Stage 3: rounds of the best, of ever fewer.

    def _contest(self) -> list[Entrant]:
        """Whoever falls behind makes room for the next best, and so does whoever fails."""
        pool: list[Entrant] = []
        for size, until in ROUNDS:
            pool = self._best_few(size)
            self.last_began = len(self.pace)
            for _ in range(MOST_ROUNDS):
                if not pool or not self.is_before(until):
                    break
                self._round(pool, until)
                if until == ROUNDS[-1][1]:
                    self._check(pool)
                if not self._all_in(pool):
                    pool = self._best_few(size)
        return pool

    def _best_few(self, size: int) -> list[Entrant]:
        """The best now, the default at its best shape among them."""
        ranked = self._ranked()
        few = ranked[:size]
        own = [entrant for entrant in ranked if entrant.backend == self.race.default]
        if not own or own[0] in few:
            return few
        return [*few[:-1], own[0]]

    def _all_in(self, pool: Sequence[Entrant]) -> bool:
        standing = self.race.still_in()
        return all(entrant in standing for entrant in pool)

    def _round(self, pool: Sequence[Entrant], until: float) -> None:
        """A sample of each, in random order."""
        for entrant in self.random.sample(list(pool), len(pool)):
            if self.is_before(until) and entrant in self.race.still_in():
                self._sample(entrant.shape, entrant.backend)

    def _check(self, pool: Sequence[Entrant]) -> None:
        """Check one finalist of each backend, once."""
        race = self.race
        for entrant in pool:
            backend = entrant.backend
            if backend in self._checked or entrant not in race.still_in() or not self.is_before(1.0):
                continue
            if self._require_right(entrant.shape, backend):
                self._checked.add(backend)

    def levels_since(self, sample: int, finalists: Sequence[Entrant]) -> Mapping[Key, float]:
        """Log rates by the samples since; by all of them where there was no time for one of each."""
        found = self.pace.levels_since(sample)
        return found if all(one.key in found for one in finalists) else self.pace.levels()


def _chosen(run: _Run, finalists: list[Entrant], candidates: int, backends: tuple[str, ...]) -> Chosen:
    race, default = run.race, run.race.default
    winner = _winner(finalists, run.levels_since(run.rounds_began, finalists), race)
    # What made them finalists is not to flatter their figures.
    levels = run.levels_since(run.last_began, finalists)
    own = (entrant for entrant in finalists if entrant.backend == default)
    plain = max(own, key=lambda entrant: levels[entrant.key], default=None)
    found = Search(
        shapes_tried=len({entrant.key[0] for entrant in race.entrants.values()}),
        candidates=candidates,
        backends=backends,
        seconds=race.bout.clock() - run.start,
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
