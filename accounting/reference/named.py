"""Facts that have an id, a name and other names: read from a folder, no spelling claimed twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel

from accounting.errors import InputFaults
from accounting.reference.names import Names, NameTable
from accounting.validation import check_unique, load_all, yaml_files


class Named(Protocol):
    """A row that people may call by its id, its name or an alias."""

    @property
    def id(self) -> str:
        """The id."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names."""


NamedT = TypeVar("NamedT", bound=Named)


def load_named(
    folder: Path, file_model: type[BaseModel], key: str, names: Names, row_type: type[NamedT]
) -> dict[str, NamedT]:
    """Read all rows of a folder's YAML files by id.

    Args:
        folder: where the files lie.
        file_model: the model of one file.
        key: the file's one key, a list of rows.
        names: the tables that names inside are looked up in.
        row_type: the model of one row.

    Raises:
        InputFaults: every fault of every file, also an id, name or alias that stands twice.
    """
    files = [
        (document, getattr(content, key))
        for document, content in load_all(yaml_files(folder), file_model, names)
    ]
    claims = [
        (document, (key, place, "id"), spelling)
        for document, rows in files
        for place, row in enumerate(rows)
        for spelling in sorted({spelling.casefold() for spelling in spellings(row)})
    ]
    if faults := check_unique(claims, f"name in {key}"):
        raise InputFaults(faults)
    return {row.id: row for _, rows in files for row in rows if isinstance(row, row_type)}


def spellings(row: Named) -> tuple[str, ...]:
    """Return every spelling a row may be called by."""
    return (row.id, row.name, *row.aliases)


def name_table(what: str, rows: Mapping[str, NamedT]) -> NameTable:
    """Return the table of every accepted spelling."""
    return NameTable.build(what, _claims(rows.values()))


def _claims(rows: Iterable[Named]) -> Iterable[tuple[str, Iterable[str]]]:
    return ((row.id, spellings(row)[1:]) for row in rows)
