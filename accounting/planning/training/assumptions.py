"""What training runs are reckoned with: ``configs/planning/``, and a file of the user's own over it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.capacity.draws import Z95
from accounting.capacity.stock.rates import Evidence
from accounting.planning.known import Known
from accounting.quantities import (
    Count,
    Duration,
    EnergyPrice,
    Fraction,
    PowerPrice,
    Pue,
    Ratio,
    Uncertain,
    read_uncertain,
    written_as,
)
from accounting.reference.architectures import PositiveFloat
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId
from accounting.reference.shipped import configs_root
from accounting.validation import Date, Fact, FactModel, Kind, Text, Url, load, weakest

UncertainBandwidth = Annotated[
    Uncertain,
    BeforeValidator(partial(read_uncertain, dimension="bandwidth")),
    written_as("bandwidth", uncertain=True),
]


class Interruptions(FactModel):
    """How often one fleet or run was interrupted."""

    what: Text = Field(description="the fleet or run")
    interruptions: PositiveFloat = Field(description="how often it was interrupted in these days")
    days: PositiveFloat = Field(description="days that it was watched")
    accelerators: PositiveFloat = Field(description="accelerators that it had")
    kind: Kind
    source: Url
    date: Date
    note: Text | None = None

    @property
    def rate(self) -> float:
        """Interruptions per accelerator and day."""
        return self.interruptions / (self.accelerators * self.days)


class FailureFacts(FactModel):
    """The section ``failures``: how often runs are interrupted, and what it costs them."""

    observed: tuple[Interruptions, ...] = Field(min_length=1)
    restart_minutes: Fact[Ratio] = Field(description="from the failure until steps go on, in minutes")
    pause_seconds: Fact[Ratio] = Field(description="what a checkpoint stops the run for, in seconds")
    write_rate_per_accelerator: Fact[UncertainBandwidth] = Field(
        description="bytes per second and accelerator at which the state is written out behind the run"
    )
    replica_restarts_from: Fact[Count] = Field(description="accelerators from which replicas restart alone")
    stall_minutes: Fact[Ratio] = Field(description="of all replicas, when one of them is lost")
    replica_accelerators: Fact[Count] = Field(
        description="accelerators of one replica, which is out until it has restarted"
    )


class LinkFacts(FactModel):
    """The section ``links``: what is lost between sites, and between models of accelerators."""

    bandwidth: Fact[UncertainBandwidth] = Field(
        description="bytes per second of a site towards the others, each direction"
    )
    bytes_per_parameter: Fact[Ratio] = Field(description="bytes exchanged for each parameter")
    inner_steps: Fact[Ratio] = Field(description="steps between two exchanges")
    batch_tokens: Fact[Count] = Field(description="tokens of a step of all sites together")
    extra_flop: Fact[Ratio] = Field(description="a in ln(FLOP) = a·l·(l − 1) more, l = log2 of the sites")
    evidence: tuple[Evidence, ...] = ()
    mixing: Fact[Fraction] = Field(
        description="rate of several models in one job ÷ the sum of their own rates"
    )


class TrainingFacts(FactModel):
    """The section ``training``: memory, size of model, and how much of the time a site is used."""

    state_bytes_per_parameter: Fact[Ratio] = Field(
        description="bytes of weights, gradients and optimiser for each parameter"
    )
    memory_for_state: Fact[Fraction] = Field(
        description="share of an accelerator's memory that they may take"
    )
    checkpoint_bytes_per_parameter: Fact[Ratio] = Field(
        description="bytes written to a checkpoint for each parameter"
    )
    tokens_per_parameter: Fact[Ratio] = Field(
        description="tokens of training for each parameter, where FLOP are best spent; sizes the model of a "
        "run"
    )
    hours_used: Fact[Fraction] = Field(description="share of hours that purchase is spread over")


class PublishedRun(FactModel):
    """A training run whose accelerator-hours are stated."""

    name: Text
    accelerator: AcceleratorId = Field(description="what it ran on")
    chips: PositiveFloat | None = Field(None, description="accelerators that took part")
    hours: PositiveFloat = Field(description="accelerator-hours")
    parameters: PositiveFloat = Field(description="weights that work on a token")
    tokens: PositiveFloat | None = Field(
        None, description="tokens of training; the FLOP are then 6 × parameters × tokens"
    )
    flop: PositiveFloat | None = Field(None, description="FLOP of the run as stated, in place of tokens")
    kind: Kind
    source: Url
    date: Date
    note: Text | None = None

    @model_validator(mode="after")
    def _worked(self) -> PublishedRun:
        if (self.tokens is None) == (self.flop is None):
            raise PydanticCustomError("work", "state either 'tokens' or 'flop'", {"at": "tokens"})
        return self

    @property
    def work_flop(self) -> float:
        """The FLOP of the run: as stated, else 6 × parameters × tokens."""
        return self.flop if self.flop is not None else 6 * self.parameters * (self.tokens or 0.0)

    def utilisation(self, peak_flop_per_s: float) -> float:
        """Return its wall-clock utilisation: FLOP ÷ (accelerator-hours × peak)."""
        return self.work_flop / (self.hours * 3600 * peak_flop_per_s)


class _FailureFile(FactModel):
    failures: FailureFacts


class _LinkFile(FactModel):
    links: LinkFacts


class _TrainingFile(FactModel):
    training: TrainingFacts


class _RunFile(FactModel):
    runs: tuple[PublishedRun, ...]


@dataclass(frozen=True)
class Assumptions:
    """Everything that a run is reckoned with besides accelerators and their calibration.

    Units are those of the names; bandwidths and rates of writing are in bytes per second, money in US
    dollars.
    """

    failures_per_accelerator_day: Known
    restart_minutes: Known
    pause_seconds: Known
    write_rate_per_accelerator: Known
    replica_restarts_from: Known
    stall_minutes: Known
    replica_accelerators: Known
    bandwidth: Known
    bytes_per_parameter: Known
    inner_steps: Known
    batch_tokens: Known
    extra_flop: Known
    mixing: Known
    state_bytes_per_parameter: Known
    memory_for_state: Known
    checkpoint_bytes_per_parameter: Known
    tokens_per_parameter: Known
    hours_used: Known

    def items(self) -> Iterator[tuple[str, Known]]:
        """Yield each value by its name."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)

    def with_values(self, values: Mapping[str, Known]) -> Assumptions:
        """Return these with some values replaced."""
        return replace(self, **values)


class _Own(FactModel):
    """A file of the user's own: any of the values by name."""

    failures_per_accelerator_day: Fact[Ratio] | None = None
    restart_minutes: Fact[Ratio] | None = None
    pause_seconds: Fact[Ratio] | None = None
    write_rate_per_accelerator: Fact[UncertainBandwidth] | None = None
    replica_restarts_from: Fact[Count] | None = None
    stall_minutes: Fact[Ratio] | None = None
    replica_accelerators: Fact[Count] | None = None
    bandwidth: Fact[UncertainBandwidth] | None = None
    bytes_per_parameter: Fact[Ratio] | None = None
    inner_steps: Fact[Ratio] | None = None
    batch_tokens: Fact[Count] | None = None
    extra_flop: Fact[Ratio] | None = None
    mixing: Fact[Fraction] | None = None
    state_bytes_per_parameter: Fact[Ratio] | None = None
    memory_for_state: Fact[Fraction] | None = None
    checkpoint_bytes_per_parameter: Fact[Ratio] | None = None
    tokens_per_parameter: Fact[Ratio] | None = None
    hours_used: Fact[Fraction] | None = None


class SiteFacts(FactModel):
    """What a user's own file may state of every site, by the names of a cluster file's keys."""

    pue: Fact[Pue] | None = None
    electricity_price: Fact[EnergyPrice] | None = None
    it_lifetime: Fact[Duration] | None = None
    building_lifetime: Fact[Duration] | None = None
    building_cost: Fact[PowerPrice] | None = None
    discount_rate: Fact[Fraction] | None = None
    operations: Fact[Fraction] | None = None


class _OwnFile(FactModel):
    assumptions: _Own = _Own()
    site: SiteFacts = SiteFacts()


def failure_rate(rows: tuple[Interruptions, ...]) -> Known:
    """Pool rates of interruption on the log scale: the interval of another fleet's rate.

    Mean of ln(rate), standard deviation s·√(1 + 1/n); one row says nothing of spread, and is taken as it is.

    >>> row = dict(what="a", days=10, kind="published", source="https://a.b", date="2024")
    >>> two = [Interruptions(interruptions=n, accelerators=100, **row) for n in (1, 4)]
    >>> round(failure_rate(tuple(two)).value.best, 6)
    0.002
    """
    logs = [math.log(row.rate) for row in rows]
    mean = math.fsum(logs) / len(logs)
    spread = 0.0
    if len(logs) > 1:
        variance = math.fsum((x - mean) ** 2 for x in logs) / (len(logs) - 1)
        spread = Z95 * math.sqrt(variance * (1 + 1 / len(logs)))
    best = math.exp(mean)
    value = Uncertain(best * math.exp(-spread), best, best * math.exp(spread), "lognormal")
    source = " ".join(dict.fromkeys(row.source for row in rows))
    return Known(value, weakest(row.kind for row in rows), source)


def load_assumptions(own: Path | None = None) -> Assumptions:
    """Read the shipped values, and those of a file of the user's own over them. Raises InputFaults."""
    root = configs_root() / "planning"
    failures = load(root / "failures.yaml", _FailureFile)[1].failures
    links = load(root / "links.yaml", _LinkFile)[1].links
    training = load(root / "training.yaml", _TrainingFile)[1].training
    values = {"failures_per_accelerator_day": failure_rate(failures.observed)}
    for section in (failures, links, training):
        values |= _stated(section)
    found = Assumptions(**values)
    return found if own is None else found.with_values(_stated(load(own, _OwnFile)[1].assumptions))


def load_site(own: Path | None) -> dict[str, Fact[Any]]:
    """Return what a file of the user's own states of every site, by key. Raises InputFaults."""
    if own is None:
        return {}
    found = load(own, _OwnFile)[1].site
    stated = {name: getattr(found, name) for name in SiteFacts.model_fields}
    return {name: fact for name, fact in stated.items() if fact is not None}


def load_published_runs(facts: Facts) -> tuple[PublishedRun, ...]:
    """Read ``configs/planning/training_runs.yaml``. Raises InputFaults."""
    return load(configs_root() / "planning" / "training_runs.yaml", _RunFile, facts.names)[1].runs


def _stated(section: FactModel) -> dict[str, Known]:
    stated = {name: getattr(section, name) for name in type(section).model_fields}
    return {name: Known.of(fact) for name, fact in stated.items() if isinstance(fact, Fact)}
