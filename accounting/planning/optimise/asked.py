"""What is asked of a plan: a goal, limits, and what a batch is bought in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounting.capacity.bases import BASES
from accounting.errors import UnknownNameError
from accounting.planning.optimise.problem import Sense
from accounting.planning.outlook import METRICS
from bench.errors import InputError

# other names that people write; the rest are bases and names of METRICS
ALIASES: Mapping[str, str] = {
    "power": "facility_full_load_w",
    "cost": "cost_usd_per_year",
    "capital": "capital_usd",
    "carbon": "carbon_kg_per_year",
    "energy": "energy_j_per_year",
    "water": "water_m3_per_year",
    "run": "run_flop",
}
# a ratio of two values that both grow with the counts
_NOT_A_SUM = frozenset({"levelised_usd_per_1e21_flop"})
QUANTITIES = (*BASES, *(name for name in METRICS if name not in _NOT_A_SUM))


@dataclass(frozen=True)
class MetricLimit:
    """A quantity (a basis, or a name of ``METRICS``) at most or at least ``value``, in its base unit."""

    metric: str
    sense: Sense
    value: float


@dataclass(frozen=True)
class OriginLimit:
    """A code's share at a level, of the capacity that is planned for: at most or at least ``share``.

    ``code`` is one of the level's codes, or a group of nations; None stands for each code in turn.
    """

    level: str
    code: str | None
    sense: Sense
    share: float


@dataclass(frozen=True)
class CountWanted:
    """Accelerators of one model, or of one deployment: at most or at least so many."""

    of: str
    sense: Sense
    value: float


@dataclass(frozen=True)
class Asked:
    """What is asked.

    ``goal`` is a basis or a name of ``METRICS``; ``basis`` that of shares and of what is at least wanted.
    ``robust`` is the percentile (0 to 1) of the goal that is made best, counted from the bad end; ``sure``
    the probability with which each limit is kept. ``capped`` names export rules whose country cap must
    suffice.
    """

    goal: str = "delivered"
    maximise: bool = True
    basis: str = "delivered"
    metrics: tuple[MetricLimit, ...] = ()
    origins: tuple[OriginLimit, ...] = ()
    counts: tuple[CountWanted, ...] = ()
    capped: tuple[str, ...] = ()
    robust: float = 0.5
    sure: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what has no answer."""
        for name, value in (("robust", self.robust), ("sure", self.sure)):
            if not 0 < value < 1:
                raise InputError(f"--{name} must lie between 0 and 1 (found {value:g})")
        for one in self.origins:
            if not 0 <= one.share <= 1:
                raise InputError(f"a share must lie between 0 and 1 (found {one.share:g})")

    @property
    def capacity(self) -> str:
        """The quantity that shares are of: the goal where it is one that a mix delivers, else ``basis``."""
        return self.goal if self.maximise else self.basis


def quantity(text: str) -> str:
    """Return the name of a quantity that people may write otherwise. Raises UnknownNameError.

    >>> quantity("power"), quantity("bytes-per-s")
    ('facility_full_load_w', 'bytes_per_s')
    """
    name = text.strip().replace("-", "_")
    name = ALIASES.get(name, name)
    if name not in QUANTITIES:
        raise UnknownNameError("quantity", text, (*QUANTITIES, *ALIASES))
    return name


def label(name: str) -> str:
    """Return what people read for a quantity."""
    return METRICS[name][1] if name in METRICS else name


def unit(name: str) -> str:
    """Return the base unit of a quantity."""
    return METRICS[name][0] if name in METRICS else "FLOP/s"
