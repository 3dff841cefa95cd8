"""A study: one YAML file that reproduces a whole analysis."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from accounting.accounts.estimate import DEFAULT_LEVELS, Estimate, Request, estimate, with_drivers
from accounting.accounts.levels import Levels, read_levels
from accounting.accounts.series import FIRST_YEAR
from accounting.capacity.bases import BASES, Basis
from accounting.capacity.calibration import Calibration, load_calibration
from accounting.capacity.stock.projection import HORIZON
from accounting.capacity.valuation import MAX_DRAWS
from accounting.census.ledger import Ledger
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.documents import Document, is_there
from accounting.errors import Fault, InputFaults, UnknownNameError, quote
from accounting.planning.clusters import Cluster, load_cluster
from accounting.planning.compare import compare
from accounting.planning.comparison import Comparison
from accounting.planning.outlook import planner
from accounting.planning.scenarios.files import SupplyCutSpec, load_supply_cut
from accounting.reference.accelerators import Precision
from accounting.reference.facts import Facts, load_facts
from accounting.reference.shipped import configs_root
from accounting.validation import Date, FactModel, Id, Text, load
from bench.errors import InputError
from bench.record import Record

# shipped scenarios of whole supply chains
SHIPPED_CUTS = ("us-stops-selling", "nvidia-stops", "tsmc-stops")
_LONGEST_NAME = 200


def _level(text: str) -> str:
    try:
        return ",".join(read_levels(text))
    except UnknownNameError as error:
        context = {"found": error.name, "suggestion": error.suggestion}
        raise PydanticCustomError("unknown_name", "unknown level", context) from None


class BenchPart(FactModel):
    """How long this machine is measured, in seconds."""

    seconds: float = Field(60.0, ge=5.0, le=86_400.0, description="time to measure for, in seconds")
    seed: int = Field(0, description="seed of the operands and of the order of rounds")


class StudySpec(FactModel):
    """What a study asks."""

    id: Id
    title: Text
    as_of: Date = Field(description="day that the stock is counted at")
    precision: Precision = Field("bf16", description="number format of the operations, dense")
    bases: tuple[Basis, ...] = Field(BASES, min_length=1, description="bases that are shown")
    levels: tuple[Annotated[str, AfterValidator(_level)], ...] = Field(
        (), description="levels, or crossings joined by commas, as in estimate --by"
    )
    census: tuple[Text, ...] = Field(
        (), description="facility files or folders; the shipped census where empty"
    )
    calibration: tuple[Text, ...] = Field((), description="measurements beside the shipped ones")
    clusters: tuple[Text, ...] = Field((), description="cluster files or shipped ids to compare")
    seed: int = Field(0, description="seed of the draws")
    draws: int = Field(10_000, ge=1, le=MAX_DRAWS, description="number of draws of the study's own views")
    bench: BenchPart | None = None
    drivers: bool = Field(True, description="work out what drives the spread of the last basis")
    precisions: tuple[Precision, ...] = Field(
        (), description="precisions that the page can show; the study's own where empty"
    )
    years: tuple[Date, ...] = Field(
        (),
        description="dates that the page can show, a list or FIRST:LAST for the ends of these years; the "
        "study's own where empty. What is planned is shown from the study's date on",
    )
    view_draws: int = Field(
        2_000, ge=100, le=MAX_DRAWS, description="draws of all views but the study's own, draws at most"
    )

    countries: tuple[Text, ...] = Field(
        (), description="countries and groups with a page of their own; those with 0.1 % or more where empty"
    )
    supply_cuts: tuple[Text, ...] | None = Field(
        None, description="scenario files or shipped ids; the shipped supply cuts where left out"
    )
    plan: Text | None = Field(None, description="cluster file or shipped id to plan, for its frontier")
    bridge: tuple[Text, ...] = Field((), description="the file of Epoch AI to walk from, as in bridge --file")
    fleet: Text | None = Field(None, description="folder of records of bench, judged as a fleet")

    @field_validator("years", mode="before")
    @classmethod
    def _years(cls, raw: object) -> object:
        return read_years(raw)

    @field_validator("years")
    @classmethod
    def _in_reach(cls, days: tuple[datetime.date, ...]) -> tuple[datetime.date, ...]:
        for day in days:
            if not FIRST_YEAR <= day.year <= HORIZON.year:
                what = "a date before {first} or after {last}, of which the census says nothing"
                context = {"first": FIRST_YEAR, "last": HORIZON.year, "found": str(day)}
                raise PydanticCustomError("out_of_reach", what, context)
        return tuple(sorted(set(days)))

    def bases_in_order(self) -> tuple[Basis, ...]:
        """Return the bases, each after the one that it is a fraction of."""
        return tuple(basis for basis in BASES if basis in self.bases)

    def cuts_named(self) -> tuple[str, ...]:
        """Return the cuts of supply: those named, or the shipped ones."""
        return SHIPPED_CUTS if self.supply_cuts is None else tuple(self.supply_cuts)

    def level_tuples(self) -> tuple[Levels, ...]:
        """Return the levels as the accounts take them."""
        return tuple(read_levels(text) for text in self.levels) or DEFAULT_LEVELS


def read_years(raw: object) -> object:
    """Turn ``FIRST:LAST`` into the ends of these years; leave a list of dates as it is.

    >>> read_years("2024:2025")
    ['2024-12-31', '2025-12-31']
    """
    if not isinstance(raw, str):
        return raw
    found = re.fullmatch(r"\s*(\d{4})\s*:\s*(\d{4})\s*", raw)
    if found is None or found[1] > found[2]:
        what = "no span of years; write FIRST:LAST, such as 2019:2030, or a list of dates"
        raise PydanticCustomError("years", what, {"found": raw})
    return [f"{year}-12-31" for year in range(int(found[1]), int(found[2]) + 1)]


class StudyFile(FactModel):
    """A study file."""

    study: StudySpec


@dataclass(frozen=True)
class Study:
    """A study with everything it names loaded, so that a fault shows before any long work begins."""

    spec: StudySpec
    facts: Facts
    ledger: Ledger
    calibration: Calibration
    clusters: tuple[Cluster, ...]
    cuts: tuple[SupplyCutSpec, ...] = ()
    plan: str | None = None
    fleet: Path | None = None
    theirs: Ledger | None = None


@dataclass(frozen=True)
class Findings:
    """What a study found. The record of this machine stands beside the estimates and is no part of them."""

    study: Study
    estimates: tuple[Estimate, ...]
    comparison: Comparison | None
    record: Record | None = None
    views: Mapping[str, Any] = field(default_factory=dict)


def load_study(source: str, root: Path | None = None) -> Study:
    """Load a study from a YAML file, or a shipped one by its id.

    Paths in the file are taken from the file's folder and may not leave ``root`` (that folder where left
    out), links followed: a study that somebody sent reads what came with it and nothing else.

    Raises:
        InputFaults: every fault of the study, or of a file it names; a path that leaves ``root``.
        UnknownNameError: neither a file nor the id of a shipped study.
    """
    path = _find(source)
    document, content = load(path, StudyFile)
    spec, facts = content.study, load_facts()
    paths = _Paths(document, path.parent, root or path.parent)
    census = [paths.source(("census", n), text) for n, text in enumerate(spec.census)]
    measured = [paths.file(("calibration", n), text) for n, text in enumerate(spec.calibration)]
    named = [paths.source(("clusters", n), text) for n, text in enumerate(spec.clusters)]
    cuts = [paths.source(("supply_cuts", n), text) for n, text in enumerate(spec.cuts_named())]
    theirs = [paths.source(("bridge", n), text) for n, text in enumerate(spec.bridge)]
    plan = paths.source(("plan",), spec.plan) if spec.plan else None
    fleet = paths.file(("fleet",), spec.fleet) if spec.fleet else None
    if paths.faults:
        raise InputFaults(paths.faults)
    _refuse_unknown(spec, facts)
    clusters = tuple(load_cluster(text, facts) for text in named)
    return Study(
        spec,
        facts,
        load_census(census, facts),
        load_calibration(facts, measured),
        clusters,
        cuts=tuple(load_supply_cut(text, facts) for text in cuts),
        plan=_planned(plan, facts) if plan else None,
        fleet=_folder(fleet) if fleet else None,
        theirs=load_census(theirs, facts) if theirs else None,
    )


def _refuse_unknown(spec: StudySpec, facts: Facts) -> None:
    groups, table = facts.groups_on(spec.as_of), facts.names.countries
    for name in spec.countries:
        if name not in groups and table is not None:
            table.resolve(name)


def _planned(source: str, facts: Facts) -> str:
    load_cluster(source, facts)
    return source


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise InputError(f"study: fleet: {path}: no such folder")
    return path


def _find(source: str) -> Path:
    path = Path(source)
    if is_there(path) and path.is_file():
        return path
    shipped = {p.stem: p for p in sorted((configs_root() / "studies").glob("*.yaml"))}
    if source in shipped:
        return shipped[source]
    raise UnknownNameError("study (neither a file nor a shipped id)", source, shipped)


@dataclass
class _Paths:
    """The paths of a study, and the faults of those that leave the folder they may read."""

    document: Document
    folder: Path
    root: Path
    faults: list[Fault] = field(default_factory=list)

    def source(self, place: tuple[str | int, ...], text: str) -> str:
        """Return a word, such as ``shipped`` or an id, as it stands, and a path, with its prefix, in full."""
        if re.fullmatch(r"[\w-]+", text) and not (self.folder / text[:_LONGEST_NAME]).exists():
            return text
        prefixed = re.fullmatch(r"([\w-]{2,}):(.+)", text)
        if prefixed:
            return f"{prefixed[1]}:{self.file(place, prefixed[2])}"
        return str(self.file(place, text))

    def file(self, place: tuple[str | int, ...], text: str) -> Path:
        """Return a path in the study's folder; a fault is kept where it, or a file in it, leaves the root."""
        path = self.folder / text
        try:
            root = self.root.resolve()
            below = path.rglob("*") if path.is_dir() else ()
            left = any(not one.resolve().is_relative_to(root) for one in (path, *below))
            message = f"a path that leaves {self.root}; put the file there, or name a wider --root"
        except (OSError, ValueError, RuntimeError):
            left, message = True, "not the name of a file"
        if left:
            self.faults.append(self.document.fault(("study", *place), message, found=quote(text)))
        return path


def answer(study: Study) -> Findings:
    """Value the study's census and compare its clusters."""
    return Findings(study, _estimates(study), _comparison(study))


def _estimates(study: Study) -> tuple[Estimate, ...]:
    spec = study.spec
    request = Request(
        selection=Selection(as_of=spec.as_of),
        bases=spec.bases_in_order(),
        precision=spec.precision,
        levels=spec.level_tuples(),
        seed=spec.seed,
        draws=spec.draws,
    )
    found = estimate(study.ledger, request, study.facts, study.calibration)
    if not spec.drivers:
        return found
    # the last basis has all steps in it
    return (*found[:-1], with_drivers(found[-1], study.ledger, study.facts, study.calibration))


def _comparison(study: Study) -> Comparison | None:
    if not study.clusters:
        return None
    spec = study.spec
    by = planner(
        study.facts, study.calibration, precisions=(spec.precision,), seed=spec.seed, size=spec.draws
    )
    return compare(study.clusters, by)
