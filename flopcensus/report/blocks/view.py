"""The whole page as plain data: what the template shows, in its order."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from accounting.capacity.bases import BASIS_MEANING
from flopcensus.report.blocks import clusters, drivers, evidence, holders, measured, overview
from flopcensus.report.blocks.layout import Block, Table
from flopcensus.report.blocks.overview import Headline
from flopcensus.report.document.results import Estimate, Results
from flopcensus.report.words import listed


@dataclass(frozen=True)
class Estimated:
    """What the estimates say."""

    statement: str
    first: str
    last: str
    headlines: tuple[Headline, ...]
    walk: Block
    provenance: Block
    drivers: Block | None
    levels: tuple[Block, ...]
    groups: Table | None
    crossings: tuple[Block, ...]


@dataclass(frozen=True)
class Compared:
    """What the comparison of clusters says."""

    standing: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Measured:
    """What the record says."""

    facts: tuple[tuple[str, str], ...]
    devices: Table
    results: Table


@dataclass(frozen=True)
class View:
    """The page."""

    title: str
    as_of: str
    version: str
    warnings: tuple[str, ...]
    estimated: Estimated | None
    compared: Compared | None
    measured: Measured | None
    census: Table
    measurements: Table
    left_out: Table | None
    bases: tuple[tuple[str, str], ...]
    precision: str
    seed: int
    draws: int
    command: str


def view(results: Results) -> View:
    """Turn a document into what the page shows."""
    study, record, comparison = results.study, results.record, results.comparison
    return View(
        title=study.title,
        as_of=study.as_of,
        version=results.flopcensus_version,
        warnings=overview.warnings(results.estimates),
        estimated=_estimated(results.estimates) if results.estimates else None,
        compared=Compared(clusters.standing(comparison), clusters.blocks(comparison)) if comparison else None,
        measured=Measured(measured.facts(record), measured.devices(record), measured.results(record))
        if record
        else None,
        census=evidence.census(results.facilities, evidence.nation_names(results.estimates)),
        measurements=evidence.measurements(results.measurements),
        left_out=evidence.left_out(results.estimates),
        bases=tuple(BASIS_MEANING.items()),
        precision=study.precision,
        seed=study.seed,
        draws=study.draws,
        command=f"flopcensus run {shlex.quote(study.id)}",
    )


def _estimated(estimates: tuple[Estimate, ...]) -> Estimated:
    last = estimates[-1]
    return Estimated(
        statement=_statement(estimates),
        first=estimates[0].basis,
        last=last.basis,
        headlines=overview.headlines(estimates),
        walk=overview.walk(estimates),
        provenance=overview.provenance(estimates),
        drivers=drivers.drivers_block(estimates),
        levels=holders.levels(estimates),
        groups=holders.groups(last),
        crossings=holders.crossings(last),
    )


def _statement(estimates: tuple[Estimate, ...]) -> str:
    first = estimates[0]
    bases = listed([estimate.basis for estimate in estimates])
    statuses = listed([status.replace("_", " ") for status in first.status])
    recipe = f", by the recipe {first.recipe}" if first.recipe else ""
    return (
        f"Counted here: {first.deployments:,} deployments of accelerators ({statuses}) at {first.as_of}, of "
        f"{first.rows:,} in the {first.census}{recipe}, valued in {first.numbers} on {bases}."
    )
