"""Whether some sites can do a training run, in how long, at what cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flopcensus.library.answer import QUANTILES, Answer, table
from flopcensus.library.asking import (
    Day,
    Evidence,
    Paths,
    Texts,
    asked,
    meter_of,
    without,
)

if TYPE_CHECKING:
    import pandas as pd

    from flopcensus.answering.training_run import TrainingAnswer


@dataclass(frozen=True, repr=False, eq=False)
class TrainingRun(Answer):
    """A training run: the verdict, and what it takes."""

    _found: TrainingAnswer = field(repr=False)

    @property
    def done(self) -> bool:
        """Whether it can be done in time, with the confidence asked for."""
        return self._found.outcome.done

    @property
    def probability(self) -> float:
        """Probability that it is done within the days asked for."""
        return self._found.outcome.probability

    @property
    def verdict(self) -> str:
        """The verdict in one line."""
        from flopcensus.tables.training_run import verdict

        return verdict(self._found.outcome)

    @cached_property
    def quantities(self) -> pd.DataFrame:
        """Work, time, chip-hours, energy, cost, …, indexed by quantity, each with its unit."""
        from flopcensus.documents.training_run import quantity_rows

        return table(quantity_rows(self._found), ("quantity",), ("unit", *QUANTILES))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures should know."""
        return tuple(self._found.outcome.warnings)

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``flopcensus training-run --format json`` prints."""
        from flopcensus.documents.training_run import document

        return document(self._found)

    def to_csv(self) -> str:
        """Return what ``flopcensus training-run --format csv`` prints."""
        from flopcensus.documents.training_run import csv

        return csv(self._found)

    def _title(self) -> str:
        return self.verdict

    def _shown(self) -> dict[str, pd.DataFrame]:
        return {f"on {self._found.outcome.of}": self.quantities}


def training_run(
    *,
    flop: str | float,
    on: str | Path | None = None,
    accelerator: str | None = None,
    count: str | float | None = None,
    country: Texts = (),
    as_of: Day | None = None,
    days: float = 90.0,
    sites: str | int = "best",
    share: float = 1.0,
    parameters: str | float | None = None,
    confidence: float = 0.5,
    precision: str = "bf16",
    utilisation: str | float | None = None,
    restart: Literal["by size", "whole", "replica"] = "by size",
    link: str | None = None,
    pue: str | float | None = None,
    usd_per_kwh: str | float | None = None,
    usd_per_hour: str | float | None = None,
    assumptions: str | Path | None = None,
    overlay: Paths = (),
    calibration: Evidence = (),
    draws: int = 10_000,
    seed: int = 0,
    progress: bool = False,
) -> TrainingRun:
    """Say whether a training run can be done, in how long, at what cost and energy.

    Args:
        flop: FLOP of the run: 1e26, or a range ``"1e25 to 3e25"``.
        on: a cluster (YAML, or a shipped id) or a census; the shipped census where left out.
        accelerator: one site of this accelerator instead, with ``count``.
        count: accelerators of that site, or a range.
        country: only sites of these territories.
        as_of: date that a census is taken at; today where left out.
        days: days it may take.
        sites: sites to link: a number, best, or all.
        share: share of each site it may have.
        parameters: of the model; those that learn most from the FLOP where left out.
        confidence: probability from which it can be done.
        precision: of the arithmetic.
        utilisation: wall-clock utilisation of a site, in place of what is foretold.
        restart: what restarts after an interruption.
        link: bandwidth of a site towards the others, with its unit: ``"400 Gbit/s"``.
        pue: facility power ÷ IT power.
        usd_per_kwh: price of electricity. Unit: USD/kWh.
        usd_per_hour: price of an accelerator-hour without electricity. Unit: USD.
        assumptions: a file of your own over configs/planning/.
        overlay: files that correct or add facts.
        calibration: as for `estimate`.
        draws: draws of what is uncertain.
        seed: the same seed gives the same figures.
        progress: say on stderr how far it is.

    Raises:
        InputError: and its kin, with the message of the command line.
    """
    given = without(locals(), "calibration", "progress")
    from flopcensus.answering.training_run import run_training

    with asked("training-run", given, calibration) as options:
        return TrainingRun(run_training(options, meter_of(progress)))
