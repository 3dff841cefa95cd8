"""What ``flopcensus training-run`` prints."""

from __future__ import annotations

from typing import Any, Literal

from flopcensus.outputs.parts import Document, Known, Precision, Quantiles, says


class Verdict(Document):
    """Whether the run can be done in time."""

    done: bool = says("whether it can be done in time, as surely as asked for")
    within_days: float = says("days asked for")
    probability: float = says("probability of being done by then, 0 to 1")
    confidence: float = says("probability asked for, 0 to 1")
    fits: bool = says("whether the memory of a site holds the model")


class Factor(Quantiles):
    """A factor on the way from peak to useful work."""

    name: str = says("what it is, in words")
    kind: Known = says("how it is known")
    sources: tuple[str, ...] = says("what it rests on")


class Part(Document):
    """One accelerator model at a site."""

    accelerator: str = says("id of the accelerator")
    count: Quantiles = says("accelerators that take part")
    kind: Known = says("how the count is known")
    utilisation: Quantiles = says("useful FLOP ÷ peak, 0 to 1")


class Site(Document):
    """A site that takes part."""

    id: str = says("id of the site")
    name: str = says("name for people")
    territory: str | None = says("where it stands, ISO 3166 alpha-2")
    accelerators: tuple[Part, ...] = says("model by model")
    useful_flop_per_s: Quantiles = says("useful rate of the site alone. Unit: FLOP/s")
    idle: float = says("median of accelerators that the run leaves idle")


class Interruptions(Document):
    """What failures and checkpoints cost."""

    checkpoint_interval_s: Quantiles = says("time between checkpoints. Unit: s")
    between_interruptions_s: Quantiles = says("mean time between interruptions. Unit: s")
    share_lost: Quantiles = says("share of the time lost to interruptions, 0 to 1")
    share_lost_to_checkpoints: Quantiles = says("share of the time lost to checkpoints, 0 to 1")


class Model(Document):
    """The model that is trained."""

    parameters: Quantiles = says("weights that work on a token")
    tokens: Quantiles = says("tokens of training")
    largest_parameters: Quantiles = says("weights that the memory of the sites holds in training")
    compute_optimal: bool = says("whether the size was chosen so that these FLOP teach most")


class Way(Document):
    """The run on so many of the fastest sites, linked."""

    sites: int = says("sites")
    accelerators: float = says("accelerators, median")
    days: Quantiles = says("time. Unit: days")
    probability: float = says("probability of being done in the days asked for, 0 to 1")


class OneRun(Document):
    """Work that can be done in the days asked for."""

    flop: Quantiles = says("work. Unit: FLOP")
    sites: int = says("sites that do it")


class Runs(Document):
    """Such runs in a year."""

    per_year: Quantiles = says("runs a year")
    at_once: int = says("runs at the same time")
    most_sites: int = says("sites of the run with most of them")


class RunsAYear(Document):
    """Runs a year, in two ways."""

    one_after_another: Runs = says("all sites on one run at a time")
    side_by_side: Runs | None = says("several runs at a time; null where no group of sites ends one in time")


class Choices(Document):
    """What else the sites could do in the days asked for."""

    largest_site_flop: Quantiles = says("work of the largest site alone. Unit: FLOP")
    giant: OneRun = says("one run, as large as can be")
    many: OneRun = says("runs apart, one a site, all together")
    runs_a_year: RunsAYear = says("runs of the size asked for")


class Reckoned(Document):
    """What a figure rests on."""

    value: Any = says("exact, low/best/high, or several numbers by name; units stand in the names")
    kind: Known = says("how it is known")
    source: str = says("where a reader can look it up")


class TrainingRunDocument(Document):
    """The whole."""

    schema_: Literal["flopcensus/training-run/1"] = says("form and version of the document", alias="schema")
    flopcensus_version: str = says("version that made it")
    on: str = says("what it runs on, in words")
    flop: Quantiles = says("work. Unit: FLOP")
    days: Quantiles = says("time. Unit: days")
    chip_hours: Quantiles = says("accelerators × time. Unit: accelerator-hours")
    energy_j: Quantiles = says("energy at the meter. Unit: J")
    cost_usd: Quantiles = says("cost. Unit: US dollars")
    cost_parts_usd: dict[str, Quantiles] = says("its parts by name. Unit: US dollars")
    verdict: Verdict = says("whether it can be done in time")
    utilisation: Quantiles = says("useful FLOP ÷ (time × peak) over the whole run, 0 to 1")
    shares: tuple[Factor, ...] = says("factors from peak to useful work at the site that does most")
    sites: tuple[Site, ...] = says("sites that take part, the fastest first")
    candidates: int = says("sites that could have")
    left_out: dict[str, int] = says("deployments left out, by reason")
    interruptions: Interruptions = says("what failures and checkpoints cost")
    model: Model = says("the model that is trained")
    ways: tuple[Way, ...] = says("the run by the number of sites linked")
    choices: Choices = says("what else the sites could do")
    precision: Precision = says("number format of the peak")
    share: float = says("share of the accelerators that may be used, 0 to 1")
    restart: str = says("how failures are met")
    seed: int = says("seed of the draws")
    draws: int = says("number of draws")
    provenance: dict[str, Reckoned] = says("every parameter by name")
    warnings: tuple[str, ...] = says("what a reader should know of the figures")
