"""ISO 3166-1 countries, and dated groups of them (EU, G7, OECD, …)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.reference.csv_facts import read_rows
from accounting.reference.names import CountryCode, Names, NameTable
from accounting.validation import Date, FactModel, Text, Url, load

_COLUMNS = ["alpha2", "alpha3", "numeric", "name", "other_names"]


@dataclass(frozen=True)
class Country:
    """A country or territory of ISO 3166-1."""

    alpha2: str
    alpha3: str
    numeric: str
    name: str
    other_names: tuple[str, ...]


class Membership(FactModel):
    """A country's time in a group; ``until`` is the last day of membership, None while it lasts."""

    country: CountryCode = Field(description="the member")
    since: Date = Field(description="first day of membership")
    until: Date | None = Field(None, description="last day of membership; it lasts where left out")

    @model_validator(mode="after")
    def _ordered(self) -> Membership:
        if self.until is not None and self.until < self.since:
            context = {"at": "until", "found": str(self.until)}
            raise PydanticCustomError("order", "the membership ends before it begins", context)
        return self

    def holds_on(self, day: datetime.date) -> bool:
        """Whether the country is a member on ``day``."""
        return self.since <= day and (self.until is None or day <= self.until)


class Group(FactModel):
    """A group of countries with dated memberships."""

    code: Text = Field(description="how --group names it")
    name: Text
    headline: bool = Field(False, description="shown in tables without being asked for")
    source: Url
    date: Date
    note: Text | None = None
    members: tuple[Membership, ...]

    def members_on(self, day: datetime.date) -> tuple[str, ...]:
        """Return the alpha-2 codes of the members on ``day``, sorted."""
        return tuple(sorted(m.country for m in self.members if m.holds_on(day)))


class GroupFile(FactModel):
    """The file ``configs/groups.yaml``."""

    groups: tuple[Group, ...]


def load_countries(path: Path) -> dict[str, Country]:
    """Read the ISO table (columns alpha2, alpha3, numeric, name, other_names joined by ';').

    Raises:
        InputFaults: the file is absent, no table, or its columns are not these.
    """
    return {row["alpha2"]: _country(row) for _, row in read_rows(path, _COLUMNS)}


def _country(row: dict[str, str]) -> Country:
    others = tuple(name for name in row["other_names"].split(";") if name)
    return Country(row["alpha2"], row["alpha3"], row["numeric"], row["name"], others)


def country_names(countries: dict[str, Country]) -> NameTable:
    """Return the table of every accepted spelling of a country."""
    rows = [(c.alpha2, (c.name, c.alpha3, *c.other_names)) for c in countries.values()]
    return NameTable.build("country", rows)


def load_groups(path: Path, names: Names) -> dict[str, Group]:
    """Read the groups by code. Raises InputFaults."""
    _, content = load(path, GroupFile, names)
    return {group.code: group for group in content.groups}
