"""Reads the documents that are exported: ``flopcensus/estimate/1`` and a study's ``flopcensus/results/1``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.errors import InputError

_READABLE = ("flopcensus/estimate/1", "flopcensus/results/1")
_NEEDED = {"as_of": str, "basis": str, "precision": str, "unit": str, "total": dict, "accounts": dict}


def load_estimates(path: Path) -> list[dict[str, Any]]:
    """Return the estimates of a document, each with the version that made it.

    Raises:
        InputError: the file is not JSON, is another document, or holds no estimate.
    """
    document = _read(path)
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema not in _READABLE:
        raise InputError(
            f"{path}: is not what 'flopcensus estimate --format json' prints nor a study's results.json "
            f"(found schema {schema!r})"
        )
    estimates = document.get("estimates")
    if not isinstance(estimates, list) or not estimates:
        raise InputError(f"{path}: holds no estimate")
    for place, estimate in enumerate(estimates):
        _check(path, place, estimate)
    return [one | {"flopcensus_version": document.get("flopcensus_version")} for one in estimates]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON: {error}") from None


def _check(path: Path, place: int, estimate: Any) -> None:
    for name, kind in _NEEDED.items():
        if not isinstance(estimate, dict) or not isinstance(estimate.get(name), kind):
            raise InputError(f"{path}: estimates[{place}].{name} is missing or is no {kind.__name__}")
    rows = [estimate["total"], *(row for held in estimate["accounts"].values() for row in held)]
    if not all(isinstance(row, dict) and isinstance(row.get("mean"), int | float) for row in rows):
        raise InputError(f"{path}: estimates[{place}] has a row without a mean")
