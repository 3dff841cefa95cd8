"""One giant run against many small ones, and how many runs a year some sites could do.

Sites may be linked in one run, or each train a model of its own. What the one does is more FLOP in one
model; what the many do together is more FLOP, since nothing is lost to links. Both are of the same size of
model and within the same days. Waiting between runs is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.capacity.bases import Draws
from accounting.planning.training.links import Links
from accounting.planning.training.pooling import Rated, Together, best_number, link
from accounting.planning.training.run import DAY_S, Planner

YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Runs:
    """Runs a year of the FLOP asked for: how many at once, on how many sites each at most."""

    per_year: Quantiles
    at_once: int
    most_sites: int


@dataclass(frozen=True)
class Choices:
    """FLOP within the days, as one run or as many; and runs a year, one after another or side by side.

    ``side_by_side`` gives each run the fewest of the sites, the fastest first, that end it in time by the
    median; sites that do not end one are left idle. None where no group of sites ends one in time.
    """

    largest_site_flop: Quantiles
    giant_flop: Quantiles
    giant_sites: int
    many_flop: Quantiles
    many_sites: int
    one_after_another: Runs
    side_by_side: Runs | None


def choices(rated: Sequence[Rated], plan: Planner) -> Choices:
    """Return what else the sites could do, the fastest first (at least one)."""
    seconds = plan.question.days * DAY_S
    giant = link(rated[: best_number(rated, plan.links)], plan.links)
    many = np.asarray(sum(one.rate for one in rated))
    groups = _groups(rated, plan)
    beside = None
    if groups:
        rate = np.asarray(sum(group.rate for group in groups))
        most = max(len(group.sites) for group in groups)
        beside = Runs(Quantiles.of(_per_year(rate, plan)), len(groups), most)
    return Choices(
        largest_site_flop=Quantiles.of(rated[0].rate * seconds),
        giant_flop=Quantiles.of(giant.rate * seconds),
        giant_sites=len(giant.sites),
        many_flop=Quantiles.of(many * seconds),
        many_sites=len(rated),
        one_after_another=Runs(Quantiles.of(_per_year(giant.rate, plan)), 1, len(giant.sites)),
        side_by_side=beside,
    )


def _per_year(rate: Draws, plan: Planner) -> Draws:
    return YEAR_DAYS / plan.days(rate)


def _groups(rated: Sequence[Rated], plan: Planner) -> list[Together]:
    """Share sites out to runs: each takes the fastest that are left until its median ends in time."""
    found: list[Together] = []
    left = list(rated)
    while left:
        group = _enough(left, plan, plan.links)
        if group is None:
            return found
        found.append(group)
        del left[: len(group.sites)]
    return found


def _enough(sites: Sequence[Rated], plan: Planner, links: Links) -> Together | None:
    needed = float(np.median(plan.flop)) / (plan.question.days * DAY_S)
    if sum(one.median for one in sites) < needed:
        return None
    for number in range(1, len(sites) + 1):
        together = link(sites[:number], links)
        if float(np.median(plan.days(together.rate))) <= plan.question.days:
            return together
    return None
