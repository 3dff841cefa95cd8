"""Where a search stands: the samples taken, the model fitted to them, and who leads.

Both stages of a search, exploring and the rounds of the best, work on one of these.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench.choosing.pace import Pace
from bench.choosing.race import Entrant, Key, Race, key_of
from bench.choosing.surface import Point, Surface, fit

if TYPE_CHECKING:
    from kernels.workload import Shape

# Weight of the model's expectation beside the samples of an entrant.
PRIOR_WEIGHT = 1.0
# After so many new entrants a leader is sampled, which tells how fast the machine is just now.
NEW_PER_LEADER = 3
LEADERS = 3


class Standings:
    """All samples of a search, in the order they were taken in.

    Args:
        race: Takes the samples.
        start: When the search began, by the bout's clock. Unit: s.
        seconds: Time the search may take. Unit: s.
    """

    def __init__(self, race: Race, *, start: float, seconds: float) -> None:
        self.race = race
        self.start, self.seconds = start, seconds
        self.random = random.Random(race.bout.seed)  # noqa: S311 - which to sample, not a secret
        self.pace: Pace[Key] = Pace()
        self.leaders: list[Entrant] = []
        self._new_in_a_row = 0
        self._fitted: tuple[tuple[int, int], Surface] | None = None

    def is_before(self, share: float) -> bool:
        """Whether less than that share of the time is gone."""
        return self.race.bout.clock() - self.start < share * self.seconds

    def sample(self, shape: Shape, backend: str) -> None:
        """Take one sample; what fails is out of the race."""
        rate = self.race.sample(shape, backend)
        if rate is not None:
            self.pace.add(key_of(shape, backend), math.log(rate))

    def sample_new(self, shape: Shape, backend: str) -> None:
        """Sample what may be new; after every few of those, the leader with the fewest samples first."""
        if self._new_in_a_row >= NEW_PER_LEADER:
            standing = [entrant for entrant in self.leaders if entrant in self.race.still_in()]
            if standing:
                least = min(standing, key=lambda entrant: len(entrant.rates))
                self.sample(least.shape, least.backend)
            self._new_in_a_row = 0
        self.sample(shape, backend)
        self._new_in_a_row += 1

    def require_right(self, shape: Shape, backend: str) -> bool:
        """Leave a backend out whose last result was wrong, unless it is the only one.

        Returns:
            Whether the question is settled: it is not where the check itself ran out of memory.
        """
        race = self.race
        if key_of(shape, backend) not in race.entrants or len(race.backends) == 1:
            return True
        verdict = race.check(shape, backend)
        if verdict is not None and not verdict.correct:
            race.drop_backend(backend, f"wrong result: {verdict.detail}")
        return verdict is not None

    def surface(self) -> Surface:
        """The model of all samples so far; kept until there are more."""
        entrants = self.race.still_in()
        state = len(self.pace), len(entrants)
        if self._fitted is None or self._fitted[0] != state:
            self._fitted = state, fit([Point(e.shape, e.backend, self.level(e)) for e in entrants])
        return self._fitted[1]

    def level(self, entrant: Entrant) -> float:
        """Log rate, as if the machine had always run at its usual pace."""
        return self.pace.levels()[entrant.key]

    def levels_since(self, sample: int, entrants: Sequence[Entrant]) -> Mapping[Key, float]:
        """Log rates by the samples from that number on; by all where not every entrant has one since."""
        found = self.pace.levels_since(sample)
        return found if all(one.key in found for one in entrants) else self.pace.levels()

    def note_leaders(self) -> None:
        """Take the best of now as the leaders."""
        self.leaders = self.ranked()[:LEADERS]

    def ranked(self) -> list[Entrant]:
        """Best first, by samples and model together: one lucky sample does not make a leader."""
        entrants = self.race.still_in()
        if not entrants:
            return []
        surface = self.surface()

        def standing(entrant: Entrant) -> float:
            count, shape, backend = len(entrant.rates), entrant.shape, entrant.backend
            model = surface.expected(shape, backend) + surface.nearby(shape, backend)
            return (count * self.level(entrant) + PRIOR_WEIGHT * model) / (count + PRIOR_WEIGHT)

        return sorted(entrants, key=standing, reverse=True)
