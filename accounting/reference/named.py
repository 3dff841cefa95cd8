"""Facts that have an id, a name and other names: read from a folder, no spelling claimed twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel

from accounting.errors import Fault, InputFaults
from accounting.reference.names import Names, NameTable
from accounting.reference.overlay import Change, Overlay, plain_rows
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
    folder: Path,
    file_model: type[BaseModel],
    key: str,
    names: Names,
    row_type: type[NamedT],
    overlay: Overlay | None = None,
) -> tuple[dict[str, NamedT], tuple[Change, ...]]:
    """Read all rows of a folder's YAML files by id.

    Args:
        folder: where the files lie.
        file_model: the model of one file.
        key: the file's one key, a list of rows.
        names: the tables that names inside are looked up in.
        row_type: the model of one row.
        overlay: rows that correct these or add to them.

    Returns:
        The rows, and what the overlay changed.

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
    found = {row.id: row for _, rows in files for row in rows if isinstance(row, row_type)}
    if overlay is None:
        return found, ()
    plain = plain_rows([document for document, _ in files], key)
    over, changes = overlay.lay(key, plain, file_model, names)
    for identifier, row in over.items():
        if isinstance(row, row_type):
            found[identifier] = row
    _check_spellings(found, over, changes)
    return found, changes


def _check_spellings(rows: Mapping[str, NamedT], over: Collection[str], changes: Sequence[Change]) -> None:
    """Raise InputFaults where a row of an overlay takes a spelling that another row has."""
    holders: dict[str, set[str]] = {}
    for row in rows.values():
        for spelling in spellings(row):
            holders.setdefault(spelling.casefold(), set()).add(row.id)
    faults = [
        Fault(
            change.file, 0, 0, f"{change.key}/{change.id}", "a name of it stands elsewhere", f"'{spelling}'"
        )
        for spelling, ids in holders.items()
        for change in changes
        if len(ids) > 1 and change.id in ids and change.id in over
    ]
    if faults:
        raise InputFaults(faults)


def spellings(row: Named) -> tuple[str, ...]:
    """Return every spelling a row may be called by."""
    return (row.id, row.name, *row.aliases)


def name_table(what: str, rows: Mapping[str, NamedT]) -> NameTable:
    """Return the table of every accepted spelling."""
    return NameTable.build(what, _claims(rows.values()))


def _claims(rows: Iterable[Named]) -> Iterable[tuple[str, Iterable[str]]]:
    return ((row.id, spellings(row)[1:]) for row in rows)
