"""The last step of the search: units added or exchanged while that gains, all limits kept on the draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from accounting.capacity.bases import Draws
from accounting.planning.optimise.problem import Problem

_PASSES = 30
# with more candidates only so many, those whose mean rates are highest, are exchanged for others
_MANY = 12
_GAIN = 1e-12


def exchanged(problem: Problem, counts: Draws) -> Draws:
    """Return counts that no unit more, less, or exchanged for another's makes better.

    An exchange gives up one or two units of one candidate for as many of another as do the same.
    """
    best, value = counts, problem.goal.value(counts)
    for _ in range(_PASSES):
        gained = False
        for trial in _moves(problem, best):
            at = problem.goal.value(trial)
            if problem.better(at, value + (1 if problem.goal.maximise else -1) * _GAIN * abs(value)) and (
                problem.kept(trial)
            ):
                best, value, gained = trial, at, True
                break
        if not gained:
            break
    return best


def _moves(problem: Problem, counts: Draws) -> Iterator[Draws]:
    units, means = problem.units, problem.goal.rates.means
    number = len(units)
    steps = np.diag(units)
    chosen = _promising(problem, counts)
    for i in range(number):
        yield counts + steps[i]
        if counts[i] >= units[i]:
            yield counts - steps[i]
    for i in np.flatnonzero(counts >= units).tolist():
        for given_up in (1, 2):
            if counts[i] < given_up * units[i]:
                continue
            for j in chosen:
                if i == j or means[j] <= 0:
                    continue
                same = given_up * units[i] * means[i] / (units[j] * means[j])
                for taken in {max(int(same), 1), int(same) + 1, int(same) + 2}:
                    yield counts - given_up * steps[i] + taken * steps[j]


def _promising(problem: Problem, counts: Draws) -> list[int]:
    """Return places of the candidates in use, and of those with the highest rates."""
    order = np.argsort(-problem.goal.rates.means)[:_MANY]
    return sorted({*np.flatnonzero(counts).tolist(), *order.tolist()})
