"""Reads the documents that are exported: ``flopcensus/estimate/1`` and a study's ``flopcensus/results/1``.

Only what a table needs is asked for, so that documents of older versions still make one.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from bench.errors import InputError
from bench.record import describe_faults

_READABLE = ("flopcensus/estimate/1", "flopcensus/results/1")


def _day(text: str) -> str:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("day", "not a day as YYYY-MM-DD") from None
    return text


class _Part(BaseModel):
    # text is text and a number a number: what is coerced here would be written as it stands
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class _Figures(_Part):
    mean: float
    p5: float | None = None
    p50: float | None = None
    p95: float | None = None


class _Row(_Figures):
    code: str
    name: str | None = None
    nation: str | None = None
    codes: dict[str, str] | None = None
    share: float | None = None
    share_p5: float | None = None
    share_p95: float | None = None
    facilities: int | None = None
    deployments: int | None = None
    entries_digest: str | None = None
    facts_digest: str | None = None


class _Group(_Row):
    level: str
    members: list[str]


class _Estimate(_Part):
    as_of: Annotated[str, AfterValidator(_day)]
    basis: str
    precision: str
    unit: str
    total: _Figures
    accounts: dict[str, list[_Row]]
    groups: list[_Group] = []
    census: str | None = None
    status: list[str] | None = None
    recipe: str | None = None
    sparse: bool | None = None
    provenance: dict[str, float] | None = None
    warnings: list[str] | None = None
    skipped: dict[str, int] | None = None
    seed: int | None = None
    draws: int | None = None
    facilities: int | None = None
    deployments: int | None = None
    census_digest: str | None = None
    method_digest: str | None = None
    entries_digest: str | None = None


class _Document(_Part):
    flopcensus_version: str | None = None
    estimates: list[_Estimate]


def load_estimates(path: Path) -> list[dict[str, Any]]:
    """Return the estimates of a document as plain data, each with the version that made it.

    Raises:
        InputError: The file cannot be read, is not JSON, is another document, holds no estimate, or holds
            one that lacks what a row needs; the message names the first fault.
    """
    document = _read(path)
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema not in _READABLE:
        raise InputError(
            f"{path}: is not what 'flopcensus estimate --format json' prints nor a study's results.json "
            f"(found schema {str(schema)[:60]!r})"
        )
    if not document.get("estimates"):
        raise InputError(f"{path}: holds no estimate")
    try:
        _Document.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{path}: {describe_faults(error)}") from error
    estimates: list[dict[str, Any]] = document["estimates"]
    return [one | {"flopcensus_version": document.get("flopcensus_version")} for one in estimates]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON: {error}") from error
