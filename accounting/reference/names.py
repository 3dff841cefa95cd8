"""Ids, names and codes as people write them, resolved to the one id that the facts use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from accounting.errors import UnknownNameError
from accounting.validation import Text

UNKNOWN = "unknown"
# a source knows but does not say; never guessed, and kept apart from what nobody knows
WITHHELD = "anonymized"
EU = "EU"
# joins codes of which one holds something, where it is not known which or in what parts
ALTERNATIVES = "+"


@dataclass(frozen=True)
class NameTable:
    """Maps every accepted spelling, case ignored, to one id."""

    what: str
    ids: Mapping[str, str]
    spellings: tuple[str, ...]

    @classmethod
    def build(cls, what: str, rows: Iterable[tuple[str, Iterable[str]]]) -> NameTable:
        """Build from (id, other spellings); the first to claim a spelling keeps it."""
        ids: dict[str, str] = {}
        spellings: list[str] = []
        for identifier, names in rows:
            for name in (identifier, *names):
                if ids.setdefault(_fold(name), identifier) == identifier:
                    spellings.append(name)
        return cls(what, ids, tuple(spellings))

    def find(self, name: str) -> str | None:
        """Return the id, or None where the name is not known."""
        return self.ids.get(_fold(name))

    def resolve(self, name: str) -> str:
        """Return the id. Raises UnknownNameError with the nearest spelling."""
        found = self.find(name)
        if found is None:
            raise UnknownNameError(self.what, name, self.spellings)
        return found


def _fold(name: str) -> str:
    return " ".join(name.casefold().split())


@dataclass(frozen=True)
class Names:
    """The tables that validation looks names up in; a table left out checks nothing."""

    countries: NameTable | None = None
    organisations: NameTable | None = None
    accelerators: NameTable | None = None


def _check(table: NameTable | None, value: str) -> str:
    if table is None:
        return value
    try:
        return table.resolve(value)
    except UnknownNameError as error:
        context = {"found": value, "suggestion": error.suggestion}
        raise PydanticCustomError("unknown_name", f"unknown {table.what}", context) from None


def _names(info: ValidationInfo) -> Names:
    return info.context if isinstance(info.context, Names) else Names()


def _country(value: str, info: ValidationInfo) -> str:
    return _check(_names(info).countries, value)


def _nation(value: str, info: ValidationInfo) -> str:
    return EU if value == EU else _check(_names(info).countries, value)


def _organisation(value: str, info: ValidationInfo) -> str:
    return _check(_names(info).organisations, value)


def _accelerator(value: str, info: ValidationInfo) -> str:
    return _check(_names(info).accelerators, value)


def _named(what: str, table: str) -> WithJsonSchema:
    """Say to editors what is named; ``x-names`` is the table whose ids a schema offers."""
    text = f"{what}: an id or any name of flopcensus catalogue {table}"
    return WithJsonSchema({"type": "string", "minLength": 1, "description": text, "x-names": table})


_TERRITORY = _named("country, ISO 3166 alpha-2", "countries")
CountryCode = Annotated[Text, AfterValidator(_country), _TERRITORY]
NationCode = Annotated[Text, AfterValidator(_nation), _TERRITORY]
OrganisationId = Annotated[Text, AfterValidator(_organisation), _named("organisation", "organisations")]
AcceleratorId = Annotated[Text, AfterValidator(_accelerator), _named("accelerator", "accelerators")]

__all__ = [
    "EU",
    "UNKNOWN",
    "WITHHELD",
    "AcceleratorId",
    "CountryCode",
    "NameTable",
    "Names",
    "NationCode",
    "OrganisationId",
]
