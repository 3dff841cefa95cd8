"""All reference facts together, loaded once and checked against one another."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from accounting.errors import Fault, InputFaults
from accounting.reference.accelerators import Accelerator, AcceleratorFile
from accounting.reference.countries import Country, Group, country_names, load_countries, load_groups
from accounting.reference.named import load_named, name_table
from accounting.reference.names import ALTERNATIVES, EU, UNKNOWN, WITHHELD, Names, NameTable
from accounting.reference.organisations import Organisation, OrganisationFile, broken_ties
from accounting.reference.overlay import Change, Overlay, load_overlay
from accounting.reference.shipped import configs_root


@dataclass(frozen=True)
class Facts:
    """Countries, groups, organisations and accelerators by id, with the names that lead to them.

    ``overlay`` holds the user's own facts, laid over these already and still to be laid over facilities;
    ``changes`` says what it changed.
    """

    countries: dict[str, Country]
    groups: dict[str, Group]
    organisations: dict[str, Organisation]
    accelerators: dict[str, Accelerator]
    names: Names
    overlay: Overlay | None = None
    changes: tuple[Change, ...] = ()

    def nation_of(self, organisation: str | None) -> str | None:
        """Return the controlling nation of an organisation id, None where it is not known."""
        found = self.organisations.get(organisation or "")
        return found.nation if found else None

    def label(self, code: str) -> str:
        """Return the name people read for a country code, an organisation id or an accelerator id."""
        if code == UNKNOWN:
            return "unknown"
        if code == WITHHELD:
            return "Anonymized (stays unknown)"
        if code == EU:
            return "EU bodies"
        for table in (self.countries, self.organisations, self.accelerators):
            if code in table:
                return str(table[code].name)
        parts = code.split(ALTERNATIVES)
        if len(parts) > 1 and all(part in self.organisations or part in self.countries for part in parts):
            return " or ".join(self.label(part) for part in parts)
        return code

    def groups_on(self, day: datetime.date) -> dict[str, tuple[str, ...]]:
        """Return each group's members on ``day``, by group code."""
        return {code: group.members_on(day) for code, group in self.groups.items()}


def load_facts(root: Path | None = None, overlays: Sequence[Path] = ()) -> Facts:
    """Load the reference facts of ``root`` (the shipped configs where left out), overlays laid over them.

    Raises:
        InputFaults: every fault of every file.
    """
    if overlays:
        return _read(root or configs_root(), load_overlay(overlays))
    return _load(root or configs_root())


@lru_cache(maxsize=4)
def _load(root: Path) -> Facts:
    return _read(root, None)


def _read(root: Path, overlay: Overlay | None) -> Facts:
    countries = load_countries(root / "countries.csv")
    names = Names(countries=country_names(countries))
    groups = load_groups(root / "groups.yaml", names)
    organisations, changes = load_named(
        root / "organisations", OrganisationFile, "organisations", names, Organisation, overlay
    )
    if broken := broken_ties(organisations):
        where = str(root / "organisations")
        raise InputFaults([Fault(where, 0, 0, "organisations", message) for message in broken])
    names = replace(names, organisations=name_table("organisation", organisations))
    accelerators, more = load_named(
        root / "accelerators", AcceleratorFile, "accelerators", names, Accelerator, overlay
    )
    names = replace(names, accelerators=name_table("accelerator", accelerators))
    return Facts(countries, groups, organisations, accelerators, names, overlay, (*changes, *more))


def find_or_none(table: NameTable | None, name: str) -> str | None:
    """Return the id that ``name`` leads to, or None where it is not known."""
    return table.find(name) if table is not None and name else None
