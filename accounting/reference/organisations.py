"""Organisations: who designs, makes, owns and operates, and which nation ultimately controls them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from accounting.errors import InputFaults
from accounting.reference.names import Names, NameTable, NationCode
from accounting.validation import Date, FactModel, Id, Text, Url, check_unique, load_all, yaml_files


class Organisation(FactModel):
    """An organisation. ``nation`` is that of the ultimate controlling unit, ``EU`` for EU bodies."""

    id: Id
    name: Text
    aliases: tuple[Text, ...] = ()
    nation: NationCode
    kind: Literal["company", "government", "university", "research", "joint_undertaking", "foundation"]
    source: Url
    date: Date
    note: Text | None = None


class OrganisationFile(FactModel):
    """A file of ``configs/organisations/``."""

    organisations: tuple[Organisation, ...]


def load_organisations(folder: Path, names: Names) -> dict[str, Organisation]:
    """Read all organisations by id. Raises InputFaults, also for an id or name that stands twice."""
    files = load_all(yaml_files(folder), OrganisationFile, names)
    spellings = [
        (document, ("organisations", row, "id"), spelling)
        for document, content in files
        for row, organisation in enumerate(content.organisations)
        for spelling in {s.casefold() for s in (organisation.id, organisation.name, *organisation.aliases)}
    ]
    if faults := check_unique(spellings, "organisation name"):
        raise InputFaults(faults)
    return {o.id: o for _, content in files for o in content.organisations}


def organisation_names(organisations: dict[str, Organisation]) -> NameTable:
    """Return the table of every accepted spelling of an organisation."""
    rows = [(o.id, (o.name, *o.aliases)) for o in organisations.values()]
    return NameTable.build("organisation", rows)
