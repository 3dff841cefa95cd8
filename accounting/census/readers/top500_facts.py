"""What the TOP500 list does not say: how many cores it counts to a chip, and how many chips are installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from accounting.census.facilities import Facility, shipped_facilities
from accounting.documents import Document
from accounting.errors import InputFaults, nearest, quote
from accounting.quantities import Count, Uncertain
from accounting.reference.architectures import PositiveInt, load_architectures
from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId
from accounting.reference.shipped import configs_root
from accounting.validation import Fact, FactModel, Id, Text, check_unique, load

SystemNumber = Annotated[str, StringConstraints(pattern=r"^\d+$")]


class CoresPerChip(FactModel):
    """How many accelerator cores the list counts to one chip."""

    accelerator: AcceleratorId = Field(description="the chip")
    per_chip: Fact[PositiveInt] = Field(description="accelerator cores that the list counts to one chip")


class System(FactModel):
    """A system of the list, and where the count of its installed chips comes from."""

    system: SystemNumber = Field(description="number of the system on top500.org")
    name: Text
    deployments: tuple[Id, ...] = Field((), description="of our own facilities")
    installed: Fact[Count] | None = Field(
        None, description="accelerators that stand there; a run may have left some out"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> System:
        if bool(self.deployments) == (self.installed is not None):
            message = "state either 'deployments' or 'installed'"
            raise PydanticCustomError("installed", message, {"at": "system", "found": self.system})
        return self


class Top500File(FactModel):
    """The file ``configs/top500.yaml``."""

    cores: tuple[CoresPerChip, ...]
    systems: tuple[System, ...]


@dataclass(frozen=True)
class Installed:
    """How many chips stand in a system, and who says so."""

    name: str
    count: Uncertain
    source: str


@dataclass(frozen=True)
class Top500Facts:
    """Cores the list counts to a chip, by accelerator id; installed chips, by the system's number."""

    cores: Mapping[str, int]
    installed: Mapping[str, Installed]


def load_top500_facts(facts: Facts, path: Path | None = None) -> Top500Facts:
    """Read the facts from a file, or the shipped ones; units of chips come from ``architectures.yaml``.

    Raises:
        InputFaults: every fault of the file, also a deployment that no shipped facility has.
    """
    document, content = load(path or configs_root() / "top500.yaml", Top500File, facts.names)
    repeated = check_unique(
        [(document, ("systems", row, "system"), item.system) for row, item in enumerate(content.systems)],
        "system",
    )
    if repeated:
        raise InputFaults(repeated)
    units = {key: whole.units.value for key, whole in load_architectures().wholes.items()}
    cores = units | {item.accelerator: item.per_chip.value for item in content.cores}
    return Top500Facts(cores, _installed(document, content, shipped_facilities(facts)))


def _installed(
    document: Document, content: Top500File, facilities: tuple[Facility, ...]
) -> dict[str, Installed]:
    counts = {
        deployment.id: deployment.count
        for facility in facilities
        for deployment in facility.deployments
        if deployment.count is not None
    }
    faults = [
        document.fault(
            ("systems", row, "deployments", place),
            "unknown deployment",
            found=quote(name),
            suggestion=nearest(name, counts),
        )
        for row, system in enumerate(content.systems)
        for place, name in enumerate(system.deployments)
        if name not in counts
    ]
    if faults:
        raise InputFaults(faults)
    return {system.system: _of(system, counts) for system in content.systems}


def _of(system: System, counts: Mapping[str, Fact[Count]]) -> Installed:
    if system.installed is not None:
        return Installed(system.name, system.installed.value, system.installed.source)
    parts = [counts[name] for name in system.deployments]
    low, best, high = (sum(getattr(part.value, key) for part in parts) for key in ("low", "best", "high"))
    sources = dict.fromkeys(part.source for part in parts)
    return Installed(system.name, Uncertain(low, best, high, parts[0].value.family), ", ".join(sources))
