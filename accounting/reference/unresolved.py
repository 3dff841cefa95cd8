"""Names of chips in public data sets that lead to no accelerator, and why: so that nobody guesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from accounting.errors import InputFaults
from accounting.reference.facts import Facts
from accounting.reference.names import NameTable, OrganisationId
from accounting.reference.shipped import configs_root
from accounting.validation import FactModel, Text, check_unique, load

Reason = Literal[
    "no accelerator",
    "several chips in one cell",
    "several models of that name",
    "no model of its own",
    "not in the catalogue",
]


class UnresolvedChip(FactModel):
    """A name that stays unresolved. ``designer`` where the name tells at least that."""

    name: Text
    reason: Reason
    designer: OrganisationId | None = None


class UnresolvedGroup(FactModel):
    """Names with one reason and one designer."""

    reason: Reason = Field(description="why they lead to no accelerator")
    designer: OrganisationId | None = Field(None, description="who designed them, where the names tell")
    names: tuple[Text, ...] = Field(description="names as data sets write them")


class UnresolvedFile(FactModel):
    """The file ``configs/unresolved.yaml``."""

    chips: tuple[UnresolvedGroup, ...]


@dataclass(frozen=True)
class Unresolved:
    """The names that stay unresolved, whatever their case."""

    table: NameTable
    chips: Mapping[str, UnresolvedChip]

    def find(self, name: str) -> UnresolvedChip | None:
        """Return what is said of a name, None where nothing is."""
        found = self.table.find(name)
        return self.chips[found] if found else None

    def designer(self, name: str) -> str | None:
        """Return the designer that a name tells although it names no one model."""
        found = self.find(name)
        return found.designer if found else None


def load_unresolved(facts: Facts, path: Path | None = None) -> Unresolved:
    """Read the names from a file, or the shipped ones.

    Raises:
        InputFaults: every fault of the file, also a name that stands twice.
    """
    document, content = load(path or configs_root() / "unresolved.yaml", UnresolvedFile, facts.names)
    places = [
        (document, ("chips", row, "names", place), name)
        for row, group in enumerate(content.chips)
        for place, name in enumerate(group.names)
    ]
    if faults := check_unique(places, "name"):
        raise InputFaults(faults)
    chips = {
        name: UnresolvedChip(name=name, reason=group.reason, designer=group.designer)
        for group in content.chips
        for name in group.names
    }
    return Unresolved(NameTable.build("unresolved chip", ((name, ()) for name in chips)), chips)
