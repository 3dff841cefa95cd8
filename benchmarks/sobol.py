"""What scrambled Sobol points for shared factors would gain: ratios of Monte Carlo errors, in one run.

python benchmarks/sobol.py [--draws 2000] [--seeds 40]

The shipped census is valued by the same model twice at many seeds: once with all normals pseudo-random, once
with those that sites share (efficiencies of accelerators, availability, what sized sites have in common) from
scrambled Sobol points, a dimension each, the most spread first, and those of single sites pseudo-random as
before. A ratio is the standard deviation over seeds of the first ÷ that of the second; its square is by how
much more draws would do the same. 1 is no gain.
"""

from __future__ import annotations

import argparse
import datetime
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from accounting.accounts.estimate import Request, chosen_entries, valuer_of
from accounting.capacity.bases import Draws
from accounting.capacity.calibration import load_calibration
from accounting.capacity.draws import draw, expit, standard_normal
from accounting.capacity.valuation import Term
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.reference.facts import load_facts

DAY = datetime.date(2026, 6, 30)
Normals = Callable[[str], Draws]


def shared_names(terms: list[Term]) -> list[str]:
    """Return the names of what sites share, those that move the most capacity first."""
    weight: dict[str, float] = defaultdict(float)
    for term in terms:
        size = term.unit * (term.count.best if term.count else 1.0)
        for factor in term.chain.factors:
            weight[factor.shared_name] += size * factor.shared_sd
        for name, loading in term.common:
            weight[name] += size * abs(loading)
    return sorted(weight, key=lambda name: (-weight[name], name))


def total(terms: list[Term], seed: int, size: int, shared: Normals) -> Draws:
    """Return draws of the total on the last basis: shared normals from ``shared``, others pseudo-random."""
    found = np.zeros(size)
    for term in terms:
        value = np.full(size, term.unit)
        if term.count is not None:
            own = np.zeros(size) if term.count.exact else standard_normal(seed, term.count_name, size)
            value = value * draw(term.count, own)
        for name, loading in term.common:
            value = value * np.exp(loading * shared(name))
        for factor in term.chain.factors:
            logit = factor.mean + factor.shared_sd * shared(factor.shared_name)
            if factor.site_sd:
                logit = logit + factor.site_sd * standard_normal(seed, factor.site_name + term.site, size)
            value = value * expit(logit)
        found += value
    return found


def sobol(names: list[str], seed: int, size: int) -> Normals:
    """Return normals of scrambled Sobol points, a dimension a name."""
    points = qmc.Sobol(len(names), scramble=True, seed=seed).random(1 << (size - 1).bit_length())[:size]
    normals = dict(zip(names, ndtri(np.clip(points.T, 1e-12, 1 - 1e-12)), strict=True))
    return normals.__getitem__


def pseudo(names: list[str], seed: int, size: int) -> Normals:
    """Return pseudo-random normals, made once a name."""
    normals = {name: standard_normal(seed, name, size) for name in names}
    return normals.__getitem__


def main() -> None:
    """Print the ratios for the mean and the quantiles of the total."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=2_048)
    parser.add_argument("--seeds", type=int, default=40)
    arguments = parser.parse_args()
    facts = load_facts()
    calibration, ledger = load_calibration(facts), load_census([], facts)
    for basis in ("peak", "delivered"):
        request = Request(Selection(DAY), (basis,), draws=arguments.draws)
        entries, _, _ = chosen_entries(ledger, request, facts)
        valuer = valuer_of(ledger, request, facts, calibration)
        terms = [replace(term, presence=None) for e in entries if isinstance(term := valuer.term(e), Term)]
        names = shared_names(terms)
        rows: dict[str, list[list[float]]] = {"pseudo": [], "sobol": []}
        for seed in range(arguments.seeds):
            for kind, make in (("pseudo", pseudo), ("sobol", sobol)):
                drawn = total(terms, seed, arguments.draws, make(names, seed, arguments.draws))
                rows[kind].append([drawn.mean(), *np.quantile(drawn, [0.05, 0.5, 0.95])])
        errors = {kind: np.std(found, axis=0, ddof=1) for kind, found in rows.items()}
        relative = errors["pseudo"] / np.mean(rows["pseudo"], axis=0)
        ratio = errors["pseudo"] / errors["sobol"]
        print(f"{basis}: {len(terms)} deployments, {len(names)} shared factors, {arguments.draws} draws")
        for what, error, gain in zip(("mean", "p5", "p50", "p95"), relative, ratio, strict=True):
            print(f"  {what:4} error {100 * error:.2f} % pseudo-random; pseudo-random ÷ Sobol {gain:.2f}")


if __name__ == "__main__":
    main()
