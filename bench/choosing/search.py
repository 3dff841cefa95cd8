"""Search shapes and backends, coarse to fine, and measure the finalists again.

A few spread-out shapes are sampled with every backend, and backends clearly behind are left out. A model
of the rates found so far then says which shape to sample next, near the best or where little is known.
The leaders are sampled again and halved, and the last few are measured afresh, interleaved, so that the
winner is not the luckiest. The search only chooses: none of its times enter a figure.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, cast

from bench.choosing.choice import Bout, Chosen, NothingToChoose
from bench.choosing.race import Entrant, Finals, Key, Race, key_of
from bench.choosing.surface import Point, Surface, distance, fit
from bench.devices.device import MEMORY_SHARE
from bench.record import Search

if TYPE_CHECKING:
    from kernels.workload import Place, Shape

SEED_SHAPES = 8
# A backend that at no seed comes this close to the best there is out.
CLEARLY_BEHIND = 0.85
# Shares of the time at which exploring ends, and halving.
EXPLORED, HALVED = 0.6, 0.72
BATCH_NEW, BATCH_NEAR, BATCH_AGAIN = 3, 2, 2
# How near a leader is near, in the logs of the sides; 512 beside 2048 is 0.22.
NEAR = 0.45
LEADERS = 3
# Long calls cost much and tell no more than short ones: only near a leader may they be as long as allowed.
SHORT_CALLS = 0.4
DOUBT_WEIGHT = 0.5
# The default is searched on its own account once in so many batches, whether or not it leads.
DEFAULT_EVERY = 4
# The model's promising shapes, of which the residuals around are looked at too.
SHORT_LIST = 24
# Weight of the model's expectation beside the samples of an entrant.
PRIOR_WEIGHT = 0.5
# The leader runs once a batch; if it is off its usual rate by more than this (in logs), so is the machine.
TEMPO_TOLERANCE = 0.1
HALVING_FROM = 12
FEWEST_FINALISTS, MOST_FINALISTS = 4, 8
FINAL_ROUNDS, MOST_FINAL_ROUNDS = 7, 25
FINAL_STRETCH = 2.0


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
        finals = run.finals()
    return _chosen(run, finals, candidates, backends)


class _Run:
    """One search in progress."""

    def __init__(self, race: Race, *, start: float, seconds: float) -> None:
        self.race = race
        self.start, self.seconds = start, seconds
        self.random = random.Random(race.bout.seed)  # noqa: S311 - which to sample, not a secret
        self.tempo: dict[Key, list[float]] = {}
        """Log rates less how much slower than usual the machine was, by entrant."""
        self.leaders: list[Entrant] = []

    def is_before(self, share: float) -> bool:
        """Whether less than that share of the time is gone."""
        return self.race.bout.clock() - self.start < share * self.seconds

    def finals(self) -> Finals:
        """All stages; the finalists with what they gave when measured afresh."""
        self._sample_seeds()
        self._explore()
        finalists = self._halve()
        if not finalists:
            self._give_up()
        return self._measure_again(finalists)

    def _give_up(self) -> None:
        if self.race.error is not None:
            raise self.race.error
        raise NothingToChoose("no shape could be sampled in the time given")

    # Stage 1: every backend at a few shapes far from each other.

    def _sample_seeds(self) -> None:
        race = self.race
        for backend in list(race.backends):
            if race.shapes and (backend == race.default or self.is_before(EXPLORED)):
                self._sample(race.shapes[0], backend)
                self._require_right(race.shapes[0], backend)
        for _ in range(SEED_SHAPES):
            if race.over or not self.is_before(EXPLORED):
                break
            self._sample_everywhere(self._farthest())
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
        leader = max(race.still_in(), key=self._middle, default=None)
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
                self._sample(shape, backend)

    def _drop_the_slow(self) -> None:
        """Leave out what is clearly behind at every seed; the default stays, to be compared with."""
        race = self.race
        best: dict[tuple[tuple[str, int], ...], float] = {}
        for entrant in race.still_in():
            best[entrant.key[0]] = max(best.get(entrant.key[0], 0.0), *entrant.rates)
        for backend in [name for name in race.backends if name != race.default]:
            shares = [max(e.rates) / best[e.key[0]] for e in race.still_in() if e.backend == backend]
            if not shares or max(shares) < CLEARLY_BEHIND:
                race.backends.remove(backend)

    # Stage 2: where the model expects most, or knows least.

    def _explore(self) -> None:
        batch = 0
        while self.is_before(EXPLORED) and not self.race.over and self.race.still_in():
            only = self.race.default if batch % DEFAULT_EVERY == DEFAULT_EVERY - 1 else None
            picked = self._pick(only)
            if not picked and only is None and not self._wants_more():
                break
            self._sample_batch(picked)
            batch += 1

    def _wants_more(self) -> bool:
        """Whether a leader has been sampled less often than a final round would."""
        return any(len(entrant.rates) < FINAL_ROUNDS for entrant in self._ranked()[:HALVING_FROM])

    def _pick(self, only: str | None) -> list[tuple[Shape, str]]:
        """New shapes: by expectation and doubt, and near the leaders by expectation alone."""
        surface = self._surface()
        picked = self._best(self._new(only, SHORT_CALLS), surface, DOUBT_WEIGHT)[:BATCH_NEW]
        near = [c for c in self._new(only, 1.0) if c not in picked and self._is_near(c)]
        return picked + self._best(near, surface, 0.0)[:BATCH_NEAR]

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
        """The leader first, to tell how fast the machine is just now; then new ones, then leaders again."""
        ranked = self._ranked()
        if not ranked:
            return
        again = sorted(ranked[1:HALVING_FROM], key=lambda entrant: len(entrant.rates))[:BATCH_AGAIN]
        offset = self._offset(ranked[0])
        for shape, backend in [*picked, *((entrant.shape, entrant.backend) for entrant in again)]:
            if not self.is_before(EXPLORED):
                break
            if shape in self.race.shapes and backend in self.race.backends:
                self._sample(shape, backend, offset)
        self._doubt_the_poor(picked)
        self.leaders = self._ranked()[:LEADERS]

    def _doubt_the_poor(self, picked: list[tuple[Shape, str]]) -> None:
        """Sample those again that fell far short of what was expected: the machine may have been busy."""
        if not self.race.still_in():
            return
        surface = self._surface()
        for shape, backend in picked:
            entrant = self.race.entrants.get(key_of(shape, backend))
            if entrant is None or entrant not in self.race.still_in() or not self.is_before(EXPLORED):
                continue
            if self._middle(entrant) < surface.expected(shape, backend) - TEMPO_TOLERANCE:
                self._sample(shape, backend)

    def _offset(self, leader: Entrant) -> float:
        """How much slower than usual the machine runs, in logs; 0 where no more than noise, or no longer."""
        usual, offset = self._middle(leader), 0.0
        for _ in range(2):
            rate = self.race.sample(leader.shape, leader.backend)
            if rate is None:
                return 0.0
            offset = usual - math.log(rate)
            if offset <= TEMPO_TOLERANCE:
                self.tempo[leader.key].append(math.log(rate))
                return 0.0
        return offset

    def _sample(self, shape: Shape, backend: str, offset: float = 0.0) -> None:
        rate = self.race.sample(shape, backend)
        if rate is not None:
            self.tempo.setdefault(key_of(shape, backend), []).append(math.log(rate) + offset)

    def _surface(self) -> Surface:
        return fit([Point(e.shape, e.backend, self._middle(e)) for e in self.race.still_in()])

    def _middle(self, entrant: Entrant) -> float:
        """The median log rate, the better of two: what disturbs a sample makes it slower, seldom faster."""
        return statistics.median_high(self.tempo[entrant.key])

    def _ranked(self) -> list[Entrant]:
        """Best first, by samples and model together: one lucky sample does not make a leader."""
        entrants = self.race.still_in()
        if not entrants:
            return []
        surface = self._surface()

        def standing(entrant: Entrant) -> float:
            count, shape, backend = len(self.tempo[entrant.key]), entrant.shape, entrant.backend
            model = surface.expected(shape, backend) + surface.nearby(shape, backend)
            return (count * self._middle(entrant) + PRIOR_WEIGHT * model) / (count + PRIOR_WEIGHT)

        return sorted(entrants, key=standing, reverse=True)

    # Stage 3: the leaders again and again, half of them each time.

    def _halve(self) -> list[Entrant]:
        pool = self._ranked()[:HALVING_FROM]
        wanted = self._finalist_count(pool)
        while len(pool) > wanted and self.is_before(HALVED):
            for _ in range(2):
                self._sample_all(pool, HALVED)
            pool = [entrant for entrant in self._ranked() if entrant in pool]
            pool = pool[: max(wanted, (len(pool) + 1) // 2)]
        return self._with_default(pool[:wanted])

    def _sample_all(self, pool: Sequence[Entrant], until: float) -> None:
        for entrant in self.random.sample(list(pool), len(pool)):
            if self.is_before(until) and entrant in self.race.still_in():
                self._sample(entrant.shape, entrant.backend)

    def _finalist_count(self, pool: Sequence[Entrant]) -> int:
        """As many as can be measured often enough in the time left."""
        if not pool:
            return 0
        call = statistics.median(entrant.call_seconds for entrant in pool)
        fitting = int((1 - HALVED) * self.seconds / (FINAL_ROUNDS * max(call, 1e-9)))
        return min(MOST_FINALISTS, max(FEWEST_FINALISTS, fitting))

    def _with_default(self, pool: list[Entrant]) -> list[Entrant]:
        """The default at its best shape is always among the finalists."""
        default = self.race.default
        if any(entrant.backend == default for entrant in pool):
            return pool
        best = next((entrant for entrant in self._ranked() if entrant.backend == default), None)
        return pool if best is None else [*pool[: MOST_FINALISTS - 1], best]

    # Stage 4: the finalists afresh, interleaved.

    def _measure_again(self, finalists: list[Entrant]) -> Finals:
        finals = Finals(finalists)
        checked: set[str] = set()
        while len(finals.rounds) < MOST_FINAL_ROUNDS and self.is_before(1.0):
            rates = self._round(finals.entrants)
            if rates is not None:
                finals.rounds.append(rates)
            sound = self._sound(finals.entrants, checked)
            if len(sound) < len(finals.entrants):
                finals = self._without(finals, sound)
        return finals

    def _round(self, entrants: list[Entrant]) -> list[float] | None:
        """One rate each, in random order; None where the time ran out or one failed."""
        rates: dict[Key, float] = {}
        for entrant in self.random.sample(entrants, len(entrants)):
            if not self.is_before(1.0) or entrant not in self.race.still_in():
                continue
            rate = self.race.sample(entrant.shape, entrant.backend, stretch=FINAL_STRETCH)
            if rate is not None:
                rates[entrant.key] = rate
        if len(rates) < len(entrants):
            return None
        return [rates[entrant.key] for entrant in entrants]

    def _sound(self, entrants: list[Entrant], checked: set[str]) -> list[Entrant]:
        """Those still in, after one finalist of each backend has been checked once."""
        race = self.race
        for entrant in entrants:
            backend = entrant.backend
            if backend in checked or entrant not in race.still_in() or not self.is_before(1.0):
                continue
            if self._require_right(entrant.shape, backend):
                checked.add(backend)
        return [entrant for entrant in entrants if entrant in race.still_in()]

    def _without(self, finals: Finals, sound: list[Entrant]) -> Finals:
        """The rounds of those that are left; where none is, whatever else was sampled and still runs."""
        if not sound:
            sound = self._ranked()[:FEWEST_FINALISTS]
            if not sound:
                self._give_up()
            return Finals(sound)
        kept = [finals.entrants.index(entrant) for entrant in sound]
        return Finals(sound, [[rates[at] for at in kept] for rates in finals.rounds])


def _chosen(run: _Run, finals: Finals, candidates: int, backends: tuple[str, ...]) -> Chosen:
    race, default = run.race, run.race.default
    ranked = finals.entrants
    if finals.rounds:
        ranked = sorted(finals.entrants, key=finals.standing, reverse=True)
    winner = ranked[0]
    plain = next((entrant for entrant in ranked if entrant.backend == default), None)
    found = Search(
        shapes_tried=len({entrant.key[0] for entrant in race.entrants.values()}),
        candidates=candidates,
        backends=backends,
        seconds=race.bout.clock() - run.start,
        value=finals.middle(winner),
        default_backend=default,
        default_value=None if plain is None else finals.middle(plain),
        default_shape={} if plain is None else dict(plain.shape),
        finalists=len(finals.entrants),
    )
    return Chosen(winner.shape, winner.backend, winner.call_seconds, found, tuple(race.notes))
