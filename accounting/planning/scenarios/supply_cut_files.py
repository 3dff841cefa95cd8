"""Scenario files, the shipped ones of ``configs/scenarios`` or a user's own: one scenario a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from accounting.documents import is_there
from accounting.errors import InputFaults, UnknownNameError
from accounting.planning.scenarios.cut import STOPS, Stop
from accounting.reference.facts import Facts
from accounting.reference.names import CountryCode, NationCode, OrganisationId
from accounting.reference.shipped import configs_root
from accounting.validation import Date, FactModel, Id, Source, Text, load

_FOLDER = "scenarios"


class SupplyCutSpec(FactModel):
    """A supply cut: who stops what, where in the chain, and from when on.

    ``parameters`` replaces values of configs/planning/supply_cut.yaml by their dotted names.
    """

    id: Id
    name: Text
    hypothetical: bool = Field(description="whether it is thought out; false where somebody has announced it")
    from_nations: tuple[NationCode, ...] = Field((), description="nations whose firms stop supplying")
    from_firms: tuple[OrganisationId, ...] = Field((), description="firms that stop supplying")
    at: tuple[Text, ...] = Field(
        (), description="vendor, foundry, memory, packaging, provider; all where left out"
    )
    stop: tuple[Stop, ...] = Field(
        STOPS, description="what stops: sales of new chips, service of old ones, licences that are checked"
    )
    on: Date = Field(description="day of the cut")
    years: int = Field(10, ge=1, le=30, description="how many years after the day are shown")
    countries: tuple[CountryCode, ...] = Field(
        (),
        description="territories whose capacity is shown; everywhere where neither they nor a group is named",
    )
    group: Text | None = Field(None, description="code of a group of countries whose capacity is shown")
    parameters: dict[str, str | float | dict[str, str | float]] = Field(
        default_factory=dict,
        description="values in place of those of configs/planning/supply_cut.yaml, by dotted name",
    )
    sources: tuple[Source, ...] = Field(min_length=1)
    note: Text | None = None


class SupplyCutFile(FactModel):
    """A file with one supply cut."""

    supply_cut: SupplyCutSpec


def load_supply_cut(source: str, facts: Facts) -> SupplyCutSpec:
    """Read a supply cut from a YAML file, or a shipped one by its id.

    Raises:
        InputFaults: every fault of the file.
        UnknownNameError: neither a file nor the id of a shipped scenario; a group that is not known.
    """
    path = scenario_path(source)
    document, content = load(path, SupplyCutFile, facts.names)
    spec = content.supply_cut
    if bool(spec.from_nations) == bool(spec.from_firms):
        message = "name who cuts: either from_nations or from_firms"
        raise InputFaults([document.fault(("supply_cut",), message)])
    if spec.group is not None and spec.group not in facts.groups:
        raise UnknownNameError("group", spec.group, facts.groups)
    return spec


def scenario_path(source: str) -> Path:
    """Return the file that is named, or that of the shipped scenario of this id. Raises UnknownNameError."""
    path = Path(source)
    if is_there(path) and path.is_file():
        return path
    known = shipped_scenarios()
    if source not in known:
        raise UnknownNameError("scenario (neither a file nor a shipped id)", source, known)
    return known[source]


def shipped_scenarios() -> dict[str, Path]:
    """Return the files of the shipped scenarios by id."""
    return {path.stem: path for path in sorted((configs_root() / _FOLDER).glob("*.yaml"))}
