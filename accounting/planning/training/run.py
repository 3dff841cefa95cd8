"""One training run: whether it can be done, in how long, on which sites, at what cost and energy.

    days = FLOP ÷ (Σ over sites (accelerators × peak × utilisation) × linking) ÷ 86,400
    accelerator-hours = accelerators that take part × 24 × days
    energy = Σ accelerators × watts at the meter in training × time
    cost = accelerator-hours × price of an hour + energy × price of electricity

Everything is drawn together, so that the quantiles of each are of the same runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from accounting.accounts.account import Quantiles
from accounting.capacity.bases import Draws
from accounting.capacity.calibration import Calibration
from accounting.capacity.draws import draw, standard_normal
from accounting.capacity.efficiency.measurements import REGIME_OF, feeds_sustained
from accounting.capacity.efficiency.scaling import REFERENCE_CHIPS
from accounting.planning.footprint import J_PER_KWH
from accounting.planning.known import Known
from accounting.planning.training.assumptions import Assumptions
from accounting.planning.training.fit import largest_parameters, optimal_parameters
from accounting.planning.training.links import Links
from accounting.planning.training.pooling import Part, Rated, Together, best_number, link, rate_site
from accounting.planning.training.question import Outcome, Question, Share, SiteChoice, Way
from accounting.planning.training.sites import Site, Sites, shared
from accounting.planning.training.spending import Overrides, Spending
from accounting.planning.training.utilisation import Foreteller, SizeEffect
from accounting.reference.facts import Facts

DAY_S = 86_400.0
Progress = Callable[[int, int], None]
_RUNS = "configs/planning/training_runs.yaml"
_LADDER = (1, 2, 3, 5, 10, 20, 50)


@dataclass(frozen=True)
class Planner:
    """What a question is answered with; build with :func:`planner`."""

    facts: Facts
    foreteller: Foreteller
    links: Links
    flop: Draws
    parameters: Draws
    question: Question
    overrides: Overrides = field(default_factory=Overrides)

    def days(self, rate: Draws) -> Draws:
        """Return the days that the run takes at so many FLOP/s."""
        return np.asarray(self.flop / rate / DAY_S)

    def room(self, site: Site) -> Draws:
        """Return the parameters of the largest model whose training state a site holds."""
        memory = sum(
            batch.accelerators * (self.facts.accelerators[batch.accelerator].memory or 0.0)
            for batch in site.batches
        )
        of = self.foreteller.value
        return largest_parameters(memory, of("memory_for_state"), of("state_bytes_per_parameter"))


def planner(
    question: Question,
    facts: Facts,
    calibration: Calibration,
    assumptions: Assumptions,
    effect: SizeEffect,
    overrides: Overrides = Overrides(),  # noqa: B008  (frozen)
) -> Planner:
    """Draw what a question is answered with."""
    size, seed = question.draws, question.seed
    given = question.utilisation
    fixed = None if given is None else draw(given, standard_normal(seed, "training/utilisation", size))
    foreteller = Foreteller(
        calibration, assumptions, question.precision, seed, size, effect, fixed, question.recovery
    )
    of = foreteller.value
    flop = draw(question.flop, standard_normal(seed, "training/flop", size))
    if question.parameters is None:
        parameters = optimal_parameters(flop, of("tokens_per_parameter"))
    else:
        parameters = draw(question.parameters, standard_normal(seed, "training/parameters", size))
    names = ("bytes_per_parameter", "bandwidth", "inner_steps", "batch_tokens", "extra_flop")
    return Planner(facts, foreteller, Links(*map(of, names)), flop, parameters, question, overrides)


def answer(sites: Sites, plan: Planner, progress: Progress | None = None) -> Outcome:
    """Answer a question about some sites; ``progress`` is told how many are rated, of how many.

    Raises:
        InputError: nothing was measured in the precision, or the power of an accelerator is not known.
    """
    rated, left_out, fits = _candidates(sites, plan, progress)
    run = link(rated[: _number(plan.question.sites, rated, plan.links)], plan.links)
    days = plan.days(run.rate)
    used = plan.foreteller.value("hours_used")
    spending = Spending(plan.facts, used, plan.question.seed, plan.question.draws, plan.overrides)
    energy, bought, current = _spent(run, days, spending)
    hours = run.accelerators * 24 * days
    probability = float(np.mean(days <= plan.question.days)) if fits else 0.0
    first = run.sites[0]
    failures = plan.foreteller.failures(plan.parameters)
    return Outcome(
        question=plan.question,
        of=sites.of,
        run=run,
        candidates=tuple(rated),
        left_out=left_out,
        flop=Quantiles.of(plan.flop),
        days=Quantiles.of(days),
        accelerator_hours=Quantiles.of(hours),
        energy_j=Quantiles.of(energy),
        cost_usd=Quantiles.of(bought + current),
        cost_parts={"accelerators": Quantiles.of(bought), "electricity": Quantiles.of(current)},
        utilisation=Quantiles.of(plan.flop / (run.peak * days * DAY_S)),
        shares=_shares(run, plan),
        probability=probability,
        fits=fits,
        parameters=Quantiles.of(plan.parameters),
        tokens=Quantiles.of(plan.flop / (6 * plan.parameters)),
        largest_parameters=Quantiles.of(_room(run, plan)),
        checkpoint_interval_s=Quantiles.of(failures.interval(first.together)),
        between_interruptions_s=Quantiles.of(failures.between(first.together)),
        lost_to_interruptions=Quantiles.of(1 - failures.goodput(first.together)),
        lost_to_checkpoints=Quantiles.of(failures.lost_to_checkpoints(first.together)),
        ways=_ways(rated, plan, len(run.sites), fits=fits),
        provenance={**dict(plan.foreteller.assumptions.items()), **spending.used},
        warnings=(*sites.warnings, *_warnings(run, plan)),
    )


def _candidates(
    sites: Sites, plan: Planner, progress: Progress | None
) -> tuple[list[Rated], dict[str, int], bool]:
    """Return the sites that hold the model, the fastest first; the roomiest alone where none does."""
    wanted = float(np.median(plan.parameters))
    parts = [shared(site, plan.question.share) for site in sites.sites]
    room = {site.id: float(np.median(plan.room(site))) for site in parts}
    holding = [site for site in parts if room[site.id] >= wanted]
    left_out = dict(sites.left_out)
    if len(parts) > len(holding):
        left_out["too small to hold the model (sites)"] = len(parts) - len(holding)
    chosen = holding or [max(parts, key=lambda site: room[site.id])]
    rated = []
    for done, site in enumerate(chosen, start=1):
        rated.append(rate_site(site, plan.foreteller, plan.parameters))
        if progress is not None:
            progress(done, len(chosen))
    rated.sort(key=lambda one: (-one.median, one.site.id))
    return rated, left_out, bool(holding)


def _number(choice: SiteChoice, rated: Sequence[Rated], links: Links) -> int:
    if choice == "all":
        return len(rated)
    return best_number(rated, links) if choice == "best" else min(choice, len(rated))


def _spent(run: Together, days: Draws, spending: Spending) -> tuple[Draws, Draws, Draws]:
    """Return joules, and US dollars for accelerators and for electricity."""
    energy, bought, current = np.zeros_like(days), np.zeros_like(days), np.zeros_like(days)
    for one in run.sites:
        price = spending.usd_per_kwh(one.site)
        for part in one.parts:
            watts = spending.watts(one.site, part.batch)
            hourly = spending.usd_per_hour(one.site, part.batch)
            joules = part.accelerators * watts * days * DAY_S
            energy = energy + joules
            current = current + joules / J_PER_KWH * price
            bought = bought + part.accelerators * 24 * days * hourly
    return energy, bought, current


def _room(run: Together, plan: Planner) -> Draws:
    """Return what the roomiest site, or the least roomy of linked ones, holds."""
    return np.asarray(np.min([plan.room(one.site) for one in run.sites], axis=0))


def _shares(run: Together, plan: Planner) -> tuple[Share, ...]:
    """Return the chain from peak to useful work, of the batch that does most."""
    first = run.sites[0]
    part, assumptions = first.parts[0], plan.foreteller.assumptions
    rows = _chain(first.together, part, plan)
    if len(first.parts) > 1:
        rows.append(_share("several models of accelerators", first.mixing, assumptions.mixing))
    if len(run.sites) > 1:
        name = f"links of {len(run.sites)} sites: time"
        rows.append(_share(name, run.computing, assumptions.bandwidth))
        rows.append(_share("links: learning", run.learning, assumptions.extra_flop))
    return tuple(rows)


def _share(name: str, draws: Draws, known: Known) -> Share:
    return Share(name, Quantiles.of(draws), known.kind, (known.source,))


def _chain(together: float, part: Part, plan: Planner) -> list[Share]:
    u, calibration = part.utilisation, plan.foreteller.calibration
    if plan.foreteller.fixed is not None:
        return [Share("utilisation given", Quantiles.of(u.step), "assumed", ("given",))]
    own = calibration.has_production(part.batch.accelerator, plan.question.precision)
    rate = plan.foreteller.assumptions.failures_per_accelerator_day
    regime = REGIME_OF.get(plan.question.precision)
    steps = dict.fromkeys(m.source for m in calibration.measurements if feeds_sustained(m, regime))
    running = dict.fromkeys(m.source for m in calibration.measurements if m.basis == "availability")
    scaling = f"scaling to {together:,.0f} accelerators, of {REFERENCE_CHIPS:,}"
    return [
        Share(
            f"training step of {part.batch.accelerator}",
            Quantiles.of(u.step),
            "published" if own else "assumed",
            tuple(steps),
        ),
        Share(scaling, Quantiles.of(u.scaling), calibration.scaling.kind, calibration.scaling.sources),
        Share("size of the model", Quantiles.of(u.model_size), "derived", (_RUNS,)),
        _share("interruptions of this run", u.interruptions, rate),
        Share(
            "what availability holds besides", Quantiles.of(u.other_availability), "derived", tuple(running)
        ),
    ]


def _ways(rated: Sequence[Rated], plan: Planner, chosen: int, *, fits: bool) -> tuple[Way, ...]:
    numbers = sorted({n for n in (*_LADDER, chosen, len(rated)) if n <= len(rated)})
    found = []
    for number in numbers:
        together = link(rated[:number], plan.links)
        days = plan.days(together.rate)
        probability = float(np.mean(days <= plan.question.days)) if fits else 0.0
        median = float(np.median(together.accelerators))
        found.append(Way(number, median, Quantiles.of(days), probability))
    return tuple(found)


def _warnings(run: Together, plan: Planner) -> Sequence[str]:
    said = []
    idle = sum(one.idle for one in run.sites)
    if idle >= 1:
        said.append(
            f"{idle:,.0f} accelerators stay idle: with them, interruptions or slower models would cost "
            "more than they add"
        )
    if plan.question.precision != "bf16" and plan.foreteller.effect.runs:
        said.append("the effect of model size is that of 16-bit runs")
    return said
