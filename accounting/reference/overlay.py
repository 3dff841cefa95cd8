"""Facts of the user's own, laid over the shipped ones: corrections key by key, and additions.

An overlay is a YAML file with the lists of the shipped files (``accelerators``, ``organisations``,
``facilities``). A row whose id exists corrects it: mappings are merged key by key, rows with ids inside by
id, ``sources`` are added to, any other list is replaced, and ``null`` takes a key away. A row with a new id
is added and must be whole. What comes out is checked as the shipped files are; faults point into the overlay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from accounting.documents import Document, read_document
from accounting.errors import Fault, InputFaults, nearest, quote
from accounting.validation import check_unique, validate

KEYS = ("organisations", "accelerators", "facilities")
_ADDED_TO = "sources"


@dataclass(frozen=True)
class Change:
    """One row of an overlay: the list it belongs to, its id, and whether it corrects or adds."""

    file: str
    key: str
    id: str
    added: bool

    def __str__(self) -> str:
        """``accelerators/nvidia-h100-sxm corrected``."""
        return f"{self.key}/{self.id} {'added' if self.added else 'corrected'}"


@dataclass(frozen=True)
class Overlay:
    """One or more overlay files, a later one laid over an earlier one."""

    documents: tuple[Document, ...] = ()

    def lay(
        self, key: str, rows: Mapping[str, Any], model: type[BaseModel], context: object
    ) -> tuple[dict[str, BaseModel], tuple[Change, ...]]:
        """Return the corrected and added rows of one list by id, and what was done.

        Args:
            key: one of ``KEYS``.
            rows: the shipped rows by id, as plain data.
            model: the model of a file whose one key is ``key``.
            context: what names inside are looked up in.

        Raises:
            InputFaults: every fault of every overlay.
        """
        plain, made, changes = dict(rows), dict[str, BaseModel](), list[Change]()
        for document in self.documents:
            stated = document.data.get(key)
            if not isinstance(stated, list):
                continue
            merged = [_merged(plain.get(_id(row)), row) for row in stated]
            content = validate(replace(document, data={key: merged}), model, context)
            for row, whole in zip(getattr(content, key), merged, strict=True):
                changes.append(Change(document.file, key, row.id, row.id not in rows and row.id not in made))
                plain[row.id], made[row.id] = whole, row
        return made, tuple(changes)


def _id(row: Any) -> str:
    return str(row.get("id")) if isinstance(row, Mapping) else ""


def _merged(base: Any, over: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        made = dict(base)
        for key, value in over.items():
            if value is None:
                made.pop(key, None)
            elif key == _ADDED_TO and isinstance(value, list) and isinstance(made.get(key), list):
                made[key] = [*made[key], *value]
            else:
                made[key] = _merged(made.get(key), value)
        return made
    if _have_ids(base) and _have_ids(over):
        found = {_id(row): row for row in base}
        for row in over:
            found[_id(row)] = _merged(found.get(_id(row)), row)
        return list(found.values())
    return over


def _have_ids(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_id(row) not in {"", "None"} for row in value)


def load_overlay(paths: Iterable[Path]) -> Overlay:
    """Read overlay files.

    Raises:
        InputFaults: a file cannot be read, has a key that no overlay has, a row without an id, or an id
            twice; the rest of a row is checked when it is laid.
    """
    documents = tuple(read_document(path) for path in paths)
    faults = [fault for document in documents for fault in _faults(document)]
    if faults:
        raise InputFaults(faults)
    return Overlay(documents)


def _faults(document: Document) -> list[Fault]:
    faults = []
    for key, rows in document.data.items():
        if key not in KEYS:
            mend = nearest(str(key), KEYS)
            message = f"unknown key; an overlay has {', '.join(KEYS)}"
            faults.append(document.fault((key,), message, found=quote(key), suggestion=mend, key=True))
        elif not isinstance(rows, list):
            faults.append(document.fault((key,), "a list of rows is expected"))
        else:
            faults += _row_faults(document, str(key), rows)
    return faults


def _row_faults(document: Document, key: str, rows: Sequence[object]) -> list[Fault]:
    named = {
        place: str(row["id"]) for place, row in enumerate(rows) if isinstance(row, Mapping) and "id" in row
    }
    bare = [place for place in range(len(rows)) if place not in named]
    faults = [document.fault((key, place), "a row with an 'id' is expected") for place in bare]
    # of two rows each would be laid over what is shipped, and the first be lost
    return faults + check_unique(
        ((document, (key, place, "id"), name) for place, name in named.items()), "id"
    )


def plain_rows(documents: Sequence[Document], key: str) -> dict[str, Any]:
    """Return the rows of a list by id as plain data, from files that were found to be valid."""
    return {row["id"]: row for document in documents for row in document.data[key]}
