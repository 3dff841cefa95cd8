"""Which limits clash: an irreducible set, by the deletion filter.

Limits are dropped in turn. Where the others still cannot all be kept, the one dropped was not needed for
the clash and stays out; so in the end every limit left is needed (Chinneck and
Dravnieks 1991, *ORSA Journal on Computing* 3, 157).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accounting.planning.optimise.problem import AnyLimit, Goal, Problem, Rates
from accounting.planning.optimise.solver import solve


def clashing(problem: Problem) -> tuple[AnyLimit, ...]:
    """Return limits that cannot be kept together, though without any one of them the others can."""
    kept = list(problem.limits)
    for limit in problem.limits:
        rest = [one for one in kept if one is not limit]
        if not feasible(problem.with_limits(rest)):
            kept = rest
    return tuple(kept)


def feasible(problem: Problem) -> bool:
    """Whether some counts keep every limit: the fewest accelerators that do are sought."""
    number = len(problem.units)
    draws = len(problem.goal.rates.base)
    fewest = Goal("accelerators", Rates(np.ones((number, draws)), np.zeros(draws)), maximise=False)
    return solve(replace(problem, goal=fewest)) is not None
