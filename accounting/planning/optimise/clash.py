"""Which limits clash: an irreducible set, by the deletion filter.

Limits are dropped in turn; one whose absence leaves the rest without a solution stays out, so that in the end
every limit left is needed for the clash (Chinneck and Dravnieks 1991, *ORSA Journal on Computing* 3, 157).
"""

from __future__ import annotations

from accounting.planning.optimise.problem import AnyLimit, Problem
from accounting.planning.optimise.solver import UnboundedError, solve


def clashing(problem: Problem) -> tuple[AnyLimit, ...]:
    """Return limits that cannot be kept together, though without any one of them the others can."""
    kept = list(problem.limits)
    for limit in problem.limits:
        rest = [one for one in kept if one is not limit]
        if not feasible(problem.with_limits(rest)):
            kept = rest
    return tuple(kept)


def feasible(problem: Problem) -> bool:
    """Whether some counts keep every limit."""
    try:
        return solve(problem) is not None
    except UnboundedError:
        return True
