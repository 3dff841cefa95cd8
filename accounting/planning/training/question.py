"""What is asked of a training run, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from accounting.accounts.account import Quantiles
from accounting.planning.known import Known
from accounting.planning.training.pooling import Rated, Together
from accounting.planning.training.utilisation import Recovery
from accounting.quantities import Uncertain
from accounting.validation import Kind
from bench.errors import InputError

SiteChoice = int | Literal["best", "all"]


@dataclass(frozen=True)
class Question:
    """What is asked: FLOP, within how many days, on how many sites, of what share of each, of which model.

    ``parameters`` None stands for the model that learns most from the FLOP. ``utilisation`` given replaces
    all that is foretold of one site (linking and mixing stay). ``confidence`` is the probability from which
    the answer is yes.
    """

    flop: Uncertain
    days: float = 90.0
    sites: SiteChoice = "best"
    share: float = 1.0
    parameters: Uncertain | None = None
    utilisation: Uncertain | None = None
    confidence: float = 0.5
    recovery: Recovery = "by size"
    precision: str = "bf16"
    seed: int = 0
    draws: int = 10_000

    def __post_init__(self) -> None:
        """Refuse what has no answer."""
        checks = (
            (self.flop.low > 0, f"--flop must be above 0 (found {self.flop.low:g})"),
            (0 < self.days < float("inf"), f"--days must be above 0 (found {self.days:g})"),
            (0 < self.share <= 1, f"--share must be above 0 and at most 1 (found {self.share:g})"),
            (0 < self.confidence < 1, f"--confidence must lie between 0 and 1 (found {self.confidence:g})"),
            (isinstance(self.sites, str) or self.sites > 0, f"--sites must be above 0 (found {self.sites})"),
            (1 < self.draws <= 1_000_000, f"--draws must lie between 2 and 1000000 (found {self.draws})"),
        )
        for fine, message in checks:
            if not fine:
                raise InputError(message)


@dataclass(frozen=True)
class Way:
    """The run on the n fastest sites: days, and the probability that they are enough."""

    sites: int
    accelerators: float
    days: Quantiles
    probability: float


@dataclass(frozen=True)
class Share:
    """One link of the chain from peak to useful work, as a fraction, and what it rests on."""

    name: str
    quantiles: Quantiles
    kind: Kind
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The answer. Quantities are quantiles in the units of their names."""

    question: Question
    of: str
    run: Together
    candidates: tuple[Rated, ...]
    left_out: Mapping[str, int]
    flop: Quantiles
    days: Quantiles
    accelerator_hours: Quantiles
    energy_j: Quantiles
    cost_usd: Quantiles
    cost_parts: Mapping[str, Quantiles]
    utilisation: Quantiles
    shares: tuple[Share, ...]
    probability: float
    fits: bool
    parameters: Quantiles
    tokens: Quantiles
    largest_parameters: Quantiles
    checkpoint_interval_s: Quantiles
    between_interruptions_s: Quantiles
    lost_to_interruptions: Quantiles
    lost_to_checkpoints: Quantiles
    ways: tuple[Way, ...]
    provenance: Mapping[str, Known]
    warnings: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the model fits and the run is done within the days, with the confidence asked for."""
        return self.fits and self.probability >= self.question.confidence
