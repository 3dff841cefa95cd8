"""What one more of each limit would gain: the duals of the programme without whole units.

At the best counts the goal's and the limits' tangents make a linear programme; the dual of a limit's rows
is the goal that one more of its unit gives (Dantzig 1963, *Linear Programming and Extensions*, ch. 12). Of
a share it is what the share itself being higher by 1 gives: dual × the whole that it is a share of.
"""

from __future__ import annotations

import numpy as np

from accounting.capacity.bases import Draws
from accounting.planning.optimise.problem import Problem, ShareLimit
from accounting.planning.optimise.solver import local_tangents, rows, scipy_optimize


def shadow_values(problem: Problem, counts: Draws) -> dict[str, float]:
    """Return by limit what the goal gains for one more of it, in units of goal a unit of limit.

    Counts may be any fraction of a unit here; one that stays above 0 has a part in it. Raises
    MissingExtraError.
    """
    known = local_tangents(problem, counts)
    sign = 1.0 if problem.goal.maximise else -1.0
    table, ends, owners, signs, sizes = [], [], [], [], []
    for each, low, high, place in rows(problem, known):
        upper = np.isfinite(high)
        turn = 1.0 if upper else -1.0
        size = float(np.max(np.abs(each * problem.units))) or 1.0
        table.append(turn * each * problem.units / size)
        ends.append((high if upper else -low) / size)
        owners.append(place)
        signs.append(turn)
        sizes.append(size)
    gains = known.goal[0].each * problem.units
    scale = float(np.max(np.abs(gains))) or 1.0
    found = scipy_optimize().linprog(
        -sign * gains / scale, A_ub=np.array(table), b_ub=ends, bounds=(0, None), method="highs"
    )
    if found.status != 0:
        return {}
    values: dict[str, float] = {}
    for dual, place, turn, size in zip(found.ineqlin.marginals, owners, signs, sizes, strict=True):
        limit = problem.limits[place]
        each = -sign * dual * turn * scale / size
        if isinstance(limit, ShareLimit):
            each *= float(limit.rates.base.mean() + limit.rates.means @ counts)
        values[limit.name] = float(each) + 0.0
    return values
