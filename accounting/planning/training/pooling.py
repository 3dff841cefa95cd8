"""What a site does for one run, and several sites together.

A site's rate is Σ accelerators × peak × utilisation, where the utilisation is that on all accelerators that
take part. Several models of accelerators in one job wait for one another; what is left of the sum of their
rates is the factor ``mixing``. A run takes the largest models first and leaves out those that would slow
it, and no more accelerators than make it faster (:func:`.failures.most_useful`).

Linked sites' rates are added, times what linking leaves (:mod:`.links`). Each is restarted by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accounting.capacity.bases import Draws
from accounting.capacity.draws import draw, standard_normal
from accounting.planning.training.failures import most_useful
from accounting.planning.training.links import Links
from accounting.planning.training.sites import Batch, Site
from accounting.planning.training.utilisation import Foreteller, Utilisation


@dataclass(frozen=True)
class Part:
    """A batch that takes part: accelerators used and peak FLOP/s of all of them (shape: draws)."""

    batch: Batch
    accelerators: Draws
    peak: Draws
    utilisation: Utilisation


@dataclass(frozen=True)
class Rated:
    """A site as a run sees it: FLOP/s (shape: draws), the batches that take part, and what mixing leaves.

    ``together`` is the median number of accelerators that the job runs on, ``idle`` of those that it leaves.
    """

    site: Site
    parts: tuple[Part, ...]
    rate: Draws
    mixing: Draws
    together: float
    idle: float

    @property
    def median(self) -> float:
        """The median rate in FLOP/s."""
        return float(np.median(self.rate))

    @property
    def accelerators(self) -> Draws:
        """The accelerators that take part."""
        return np.asarray(sum(part.accelerators for part in self.parts))

    @property
    def peak(self) -> Draws:
        """The peak FLOP/s of those that take part."""
        return np.asarray(sum(part.peak for part in self.parts))


@dataclass(frozen=True)
class Together:
    """Sites in one run: FLOP/s of useful work (shape: draws), and what linking leaves by cause."""

    sites: tuple[Rated, ...]
    rate: Draws
    computing: Draws
    learning: Draws

    @property
    def accelerators(self) -> Draws:
        """The accelerators that take part."""
        return np.asarray(sum(one.accelerators for one in self.sites))

    @property
    def peak(self) -> Draws:
        """The peak FLOP/s of those that take part."""
        return np.asarray(sum(one.peak for one in self.sites))


def rate_site(site: Site, foreteller: Foreteller, parameters: Draws) -> Rated:
    """Return what a site does for a run of a model of so many parameters, at its fastest."""
    peaks = {b.accelerator: _peak(b, foreteller) for b in site.batches}
    ordered = sorted(site.batches, key=lambda b: (-b.accelerators * peaks[b.accelerator], b.accelerator))
    tried = [_rate(site, ordered[:n], foreteller, parameters) for n in range(1, len(ordered) + 1)]
    return max(tried, key=lambda one: one.median)


def link(sites: Sequence[Rated], links: Links) -> Together:
    """Return sites in one run; one alone loses nothing to links."""
    whole = np.asarray(sum(one.rate for one in sites))
    ones = np.ones_like(whole)
    if len(sites) == 1:
        return Together(tuple(sites), whole, ones, ones)
    computing, learning = links.computing(len(sites), whole), links.learning(len(sites)) * ones
    return Together(tuple(sites), whole * computing * learning, computing, learning)


def best_number(sites: Sequence[Rated], links: Links) -> int:
    """Return how many of the sites, the fastest first, make the run with the highest median rate."""
    whole, best = np.zeros_like(sites[0].rate), (-1.0, 0)
    for number, one in enumerate(sites, start=1):
        whole = whole + one.rate
        rate = whole * links.factor(number, whole) if number > 1 else whole
        best = max(best, (float(np.median(rate)), -number))
    return -best[1]


def _rate(site: Site, batches: Sequence[Batch], foreteller: Foreteller, parameters: Draws) -> Rated:
    present = sum(batch.accelerators for batch in batches)
    useful = present
    if foreteller.fixed is None:
        slope = foreteller.calibration.scaling.slope
        useful = most_useful(present, foreteller.failures(parameters), slope)
    share = useful / present
    parts = tuple(_part(batch, share, useful, foreteller, parameters) for batch in batches)
    mixing = foreteller.value("mixing") if len(batches) > 1 else np.ones(foreteller.size)
    rate = mixing * sum(part.peak * part.utilisation.draws for part in parts)
    return Rated(site, parts, np.asarray(rate), mixing, useful, site.accelerators - useful)


def _part(batch: Batch, share: float, together: float, foreteller: Foreteller, parameters: Draws) -> Part:
    size, seed = foreteller.size, foreteller.seed
    counts = [draw(count, standard_normal(seed, name, size)) for name, count in batch.counts.items()]
    accelerators = share * np.asarray(sum(counts))
    found = foreteller.utilisation(batch.accelerator, together, parameters)
    return Part(batch, accelerators, accelerators * _peak(batch, foreteller), found)


def _peak(batch: Batch, foreteller: Foreteller) -> float:
    chip = foreteller.calibration.facts.accelerators[batch.accelerator]
    # sites hold no accelerators without a peak in this precision
    return chip.peak_flop_per_s(foreteller.precision) or 0.0
