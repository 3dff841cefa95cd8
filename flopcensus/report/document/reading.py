"""Reads a results document and checks it before a word is shown: one line says what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from bench.errors import InputError
from bench.record import describe_faults
from flopcensus.report.document.results import Results

SCHEMA = "flopcensus/results/1"
SCHEMA_VERSION = 1
MEND = "give a results.json written by flopcensus run"


def load_results(path: Path) -> dict[str, Any]:
    """Read a results document as plain data.

    Raises:
        InputError: The file is absent, binary, not JSON, cut short, or holds something else; one line
            says what was found and what to give instead.
    """
    data = read_json(path)
    check_results(data, source=str(path))
    return data


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, of whatever schema.

    Raises:
        InputError: The file is absent, binary, not JSON, cut short, or no object.
    """
    data = _parse(_read_text(path), str(path))
    if not isinstance(data, dict):
        raise InputError(f"{path}: not a results document (found a JSON {_json_type(data)}); {MEND}")
    return data


def check_results(document: Mapping[str, Any], *, source: str = "results") -> Results:
    """Check a results document and return it typed; ``source`` names it in errors.

    Raises:
        InputError: Another schema, a newer version, or a part that is absent or wrong.
    """
    require_schema(document.get("schema"), source)
    try:
        return Results.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{source}: {describe_faults(error)}; {MEND}") from error


def _read_text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text but binary data; {MEND}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}; {MEND}") from error
    if not text.strip():
        raise InputError(f"{path}: empty; {MEND}")
    return text


def _parse(text: str, source: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise InputError(f"{source}: holds {constant}, which no results document may; {MEND}")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        what = "cut short" if error.pos >= len(text.rstrip()) else "not JSON"
        raise InputError(f"{source}: {what} ({place}); {MEND}") from error
    except (RecursionError, ValueError) as error:
        raise InputError(f"{source}: not a results document ({error}); {MEND}") from error


def require_schema(found: object, source: str) -> None:
    """Refuse a schema that is not that of results.

    Raises:
        InputError: Another schema, none, or a newer version.
    """
    if found == SCHEMA:
        return
    match = re.fullmatch(r"flopcensus/results/(\d{1,9})", found) if isinstance(found, str) else None
    if match and int(match[1]) > SCHEMA_VERSION:
        raise InputError(
            f"{source}: results version {match[1]} is newer than {SCHEMA_VERSION}; upgrade flopcensus"
        )
    what = "no schema" if found is None else f"schema {repr(found)[:60]}"
    raise InputError(f"{source}: not a results document ({what}, needs {SCHEMA!r}); {MEND}")


def _json_type(data: object) -> str:
    names = {list: "list", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(data), "number")
