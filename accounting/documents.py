"""YAML files as written by people: plain data, and where in the file each value stands.

Most files are right, and of those nobody asks where a value stands. So a file is read first by
:mod:`.yaml_data`, which is fast and gives up at anything odd. Only then, or when a place is asked for, is it
read by :mod:`.yaml_places`, which keeps all places and names every fault.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from accounting.errors import Fault, InputFaults
from accounting.yaml_data import OddError, read_plainly
from accounting.yaml_places import Builder, KeyPath, Position, read_thoroughly, show_path

MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, with the position of every key and value."""

    file: str
    data: Any
    text: str = field(repr=False)

    @cached_property
    def _places(self) -> Builder:
        """Values and keys by place, read when the first is asked for."""
        return read_thoroughly(self.text, self.file)

    def position(self, path: KeyPath, *, key: bool = False) -> Position:
        """Return where ``path`` stands, or the nearest ancestor that stands in the file."""
        values = self._places.values
        table = self._places.keys if key else values
        while path:
            if path in table:
                return table[path]
            if path in values:
                return values[path]
            path = path[:-1]
        return values.get((), Position(1, 1))

    def fault(
        self, path: KeyPath, message: str, *, found: str = "", suggestion: str = "", key: bool = False
    ) -> Fault:
        """Describe something wrong at ``path``."""
        at = self.position(path, key=key)
        return Fault(self.file, at.line, at.column, show_path(path), message, found, suggestion)


def is_there(path: Path) -> bool:
    """Whether a file or folder is there; of a name that no file can have, none is."""
    try:
        return path.exists()
    except OSError:
        return False


def read_document(path: Path, *, name: str | None = None) -> Document:
    """Read one YAML file.

    Args:
        path: the file.
        name: how messages call it; the path as given where left out.

    Raises:
        InputFaults: the file is absent, empty, not UTF-8 text, broken YAML, nested deeper than
            ``MAX_DEPTH``, or holds anchors, aliases, tags or duplicate keys.
    """
    label = name or str(path)
    return parse_document(_read_text(path, label), label)


def parse_document(text: str, label: str) -> Document:
    """Parse YAML text; ``label`` is how messages call it. Raises as :func:`read_document`."""
    if not text.strip():
        raise InputFaults([Fault(label, 0, 0, "", "the file is empty; a YAML mapping is expected")])
    try:
        data = read_plainly(text)
    except (OddError, yaml.YAMLError, ValueError):
        data = read_thoroughly(text, label).root
    return Document(label, data, text)


def _read_text(path: Path, label: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputFaults([Fault(label, 0, 0, "", f"the file is larger than {MAX_BYTES // 2**20} MiB")])
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        # a ValueError: a name with a NUL, as text in a file may have it
        reason = getattr(error, "strerror", None) or error
        raise InputFaults([Fault(label, 0, 0, "", f"cannot be read: {reason}")]) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        message = "not UTF-8 text; save the file as UTF-8"
        raise InputFaults(
            [Fault(label, line, column, "", message, f"byte 0x{raw[error.start]:02x}")]
        ) from None


__all__ = [
    "Document",
    "KeyPath",
    "Position",
    "is_there",
    "parse_document",
    "read_document",
    "show_path",
]
