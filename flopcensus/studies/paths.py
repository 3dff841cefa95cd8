"""The paths that a study names: taken from its own folder, and refused where they leave it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from accounting.documents import Document
from accounting.errors import Fault, quote

_LONGEST_NAME = 200


@dataclass
class StudyPaths:
    """The paths of a study, and the faults of those that leave the folder they may read."""

    document: Document
    folder: Path
    root: Path
    faults: list[Fault] = field(default_factory=list)

    def source(self, place: tuple[str | int, ...], text: str) -> str:
        """Return a word, such as ``shipped`` or an id, as it stands, and a path, with its prefix, in full."""
        if re.fullmatch(r"[\w-]+", text) and not (self.folder / text[:_LONGEST_NAME]).exists():
            return text
        prefixed = re.fullmatch(r"([\w-]{2,}):(.+)", text)
        if prefixed:
            return f"{prefixed[1]}:{self.file(place, prefixed[2])}"
        return str(self.file(place, text))

    def file(self, place: tuple[str | int, ...], text: str) -> Path:
        """Return a path in the study's folder; a fault is kept where it, or a file in it, leaves the root."""
        path = self.folder / text
        try:
            root = self.root.resolve()
            below = path.rglob("*") if path.is_dir() else ()
            left = any(not one.resolve().is_relative_to(root) for one in (path, *below))
            message = f"a path that leaves {self.root}; put the file there, or name a wider --root"
        except (OSError, ValueError, RuntimeError):
            left, message = True, "not the name of a file"
        if left:
            self.faults.append(self.document.fault(("study", *place), message, found=quote(text)))
        return path
