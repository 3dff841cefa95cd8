"""A study with everything that it names read, so that a fault shows before any long work begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accounting.capacity.calibration import Calibration, load_calibration
from accounting.census.ledger import Ledger
from accounting.census.sources import load_census
from accounting.documents import is_there
from accounting.errors import InputFaults, UnknownNameError
from accounting.planning.clusters import Cluster, load_cluster
from accounting.planning.scenarios.supply_cut_files import SupplyCutSpec, load_supply_cut
from accounting.reference.facts import Facts, load_facts
from accounting.reference.shipped import configs_root
from accounting.validation import load
from bench.errors import InputError
from flopcensus.studies.paths import StudyPaths
from flopcensus.studies.spec import StudyFile, StudySpec


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
    paths = StudyPaths(document, path.parent, root or path.parent)
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
