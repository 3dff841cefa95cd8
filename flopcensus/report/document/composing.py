"""Results of several commands in one document: a study's, and what was measured or compared elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flopcensus import __version__
from flopcensus.report.document.reading import SCHEMA, read_json, require_schema

Document = dict[str, Any]


def compose(paths: Sequence[Path]) -> Document:
    """Read results and join them; a later file's part replaces that of an earlier one.

    Takes a study's results (``flopcensus run``), a record (``bench``), and the JSON of ``estimate``
    and ``compare``.

    Raises:
        InputError: A file is none of these, or cannot be read.
    """
    document: Document = {}
    for path in paths:
        _add(document, read_json(path), path)
    if "schema" in document:
        # a study's own results are whole, or are refused for what they lack
        return document
    document["study"] = _study(document, paths)
    absent: Document = {
        "record": None,
        "comparison": None,
        "estimates": [],
        "facilities": [],
        "measurements": [],
    }
    return absent | {"schema": SCHEMA, "flopcensus_version": __version__} | document


def _add(document: Document, found: Document, path: Path) -> None:
    kind = str(found.get("schema", "")).rpartition("/")[0]
    if kind == "flopcensus/record":
        document["record"] = found
    elif kind == "flopcensus/comparison":
        document["comparison"] = found
    elif kind == "flopcensus/estimate":
        document["estimates"] = found.get("estimates")
    else:
        require_schema(found.get("schema"), str(path))
        document.update(found)


def _study(document: Document, paths: Sequence[Path]) -> Document:
    """Return the part ``study`` of a page that is made without one: what its estimates asked."""
    estimates = document.get("estimates")
    asked = estimates[0] if isinstance(estimates, list) and estimates else document.get("comparison")
    if not isinstance(asked, dict):
        record = document.get("record") or {}
        asked = {"as_of": str(record.get("created", ""))[:10], "precision": "bf16", "seed": 0, "draws": 0}
    title = "AI compute: " + ", ".join(path.name for path in paths)
    day = asked.get("as_of") or ""
    return {
        "id": "page",
        "title": title,
        "as_of": day,
        "precision": asked.get("precision", "bf16"),
        "seed": asked.get("seed", 0),
        "draws": asked.get("draws", 0),
    }
