"""Categories of countries: the published ones, from cloud regions, and our own, from capacity.

Published (Hawkins, Lehdonvirta and Wu, 2025, SSRN 5312977): a country is Compute North where it hosts a
public cloud region with accelerators relevant for training, Compute South where those it hosts are relevant
for inference only, Compute Desert where it hosts none. It hedges where at least one of its accelerator
regions is US-owned and at least one Chinese-owned. Presence of regions, never capacity.

Which chips they count as relevant for training is in no text that was at hand here, so it is a parameter.
The default is an assumption of ours: a chip with high-bandwidth memory whose dense 16-bit peak exceeds that
of the last Volta (V100S), which begins with the A100.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from accounting.capacity.bases import Draws
from accounting.dimensions import DAY_S
from accounting.reference.clouds import Cloud, CloudRegion
from accounting.reference.facts import Facts

Category = Literal["Compute North", "Compute South", "Compute Desert"]
Alignment = Literal["hedging", "US only", "China only", "neither", "none"]


@dataclass(frozen=True)
class TrainingRule:
    """Which accelerators count as relevant for training: above a chip's 16-bit peak, with HBM if asked."""

    above: str = "nvidia-v100s-pcie"
    high_bandwidth_memory: bool = True
    kind: Literal["assumed", "published"] = "assumed"

    def covers(self, accelerator: str, facts: Facts) -> bool:
        """Whether an accelerator counts as relevant for training."""
        chip, limit = facts.accelerators[accelerator], facts.accelerators[self.above]
        peak, least = chip.peak_flop_per_s("bf16"), limit.peak_flop_per_s("bf16")
        memory = not self.high_bandwidth_memory or (chip.memory_type or "").startswith("HBM")
        return bool(memory and peak is not None and least is not None and peak > least)

    def words(self, facts: Facts) -> str:
        """Say the rule, and that it is an assumption where it is one."""
        memory = " and high-bandwidth memory" if self.high_bandwidth_memory else ""
        name = facts.accelerators[self.above].name
        return f"training-relevant: a dense 16-bit peak above that of the {name}{memory} ({self.kind})"


@dataclass(frozen=True)
class CloudPresence:
    """The published categories of one country, and the regions they rest on.

    ``unknown`` regions may offer accelerators and ``unnamed`` ones offer some of no stated model: with either
    the country may belong to a higher category, which is then ``at_most``.
    """

    code: str
    category: Category
    at_most: Category
    alignment: Alignment
    training: int
    inference: int
    unnamed: int
    unknown: int
    without: int
    owners: dict[str, int]


def cloud_presence(
    code: str, clouds: Iterable[Cloud], facts: Facts, rule: TrainingRule | None = None
) -> CloudPresence:
    """Return the published categories of a country from the shipped cloud regions."""
    rule = rule or TrainingRule()
    here = [
        (cloud.provider, region) for cloud in clouds for region in cloud.regions if region.territory == code
    ]
    offering = [(provider, region) for provider, region in here if region.accelerators or region.designers]
    training = sum(_trains(region, rule, facts) for _, region in offering)
    unnamed = sum(not region.accelerators for _, region in offering)
    unknown = sum(region.unknown for _, region in here)
    owners: dict[str, int] = {}
    for provider, _ in offering:
        nation = facts.nation_of(provider) or "unknown"
        owners[nation] = owners.get(nation, 0) + 1
    category = _category(training, len(offering))
    return CloudPresence(
        code=code,
        category=category,
        at_most="Compute North" if unknown or unnamed else category,
        alignment=_alignment(owners),
        training=training,
        inference=len(offering) - training,
        unnamed=unnamed,
        unknown=unknown,
        without=len(here) - len(offering) - unknown,
        owners=dict(sorted(owners.items())),
    )


def _trains(region: CloudRegion, rule: TrainingRule, facts: Facts) -> bool:
    return any(rule.covers(accelerator, facts) for accelerator in region.accelerators)


def _category(training: int, offering: int) -> Category:
    if training:
        return "Compute North"
    return "Compute South" if offering else "Compute Desert"


def _alignment(owners: dict[str, int]) -> Alignment:
    american, chinese = "US" in owners, "CN" in owners
    if american and chinese:
        return "hedging"
    if american or chinese:
        return "US only" if american else "China only"
    return "neither" if owners else "none"


# a model trained with more is presumed to have systemic risk: Regulation (EU) 2024/1689, Article 51(2)
RUN_FLOP = 1e25
RUN_DAYS = 90


@dataclass(frozen=True)
class OwnCategories:
    """Categories of ours, each a probability over draws; never mixed with the published ones.

    ``trains`` is that of the largest site being able to do a run of ``run_flop`` FLOP in ``run_days`` days at
    its capacity on the basis of the account; ``home_grown`` that of at least half of the capacity on the
    soil being domestic at every level at once.
    """

    trains: float
    run_flop: float
    run_days: float
    home_grown: float


def own_categories(
    site_flop_per_s: Draws,
    joint: Draws,
    soil: Draws,
    *,
    run_flop: float = RUN_FLOP,
    run_days: float = RUN_DAYS,
) -> OwnCategories:
    """Return our categories.

    Args:
        site_flop_per_s: the largest site's capacity in FLOP/s (shape: draws).
        joint: capacity that is domestic at every level, in any unit (shape: draws).
        soil: all capacity on the soil, in that unit (shape: draws).
        run_flop: operations of a training run.
        run_days: days it may take.
    """
    needed = run_flop / (run_days * DAY_S)
    return OwnCategories(
        trains=float(np.mean(site_flop_per_s >= needed)),
        run_flop=run_flop,
        run_days=run_days,
        home_grown=float(np.mean((2 * joint >= soil) & (soil > 0))),
    )
