"""The long table as SDMX-CSV 2.0, for statistics offices.

After the field guide of the SDMX technical working group (https://github.com/sdmx-twg/sdmx-csv): first
STRUCTURE, STRUCTURE_ID and ACTION, then dimensions, the measure and attributes in the order of the data
structure definition (:mod:`flopcensus.exports.structure`); NaN is the value that is intentionally missing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from decimal import Decimal

from accounting.accounts.levels import MEANING
from accounting.reference.names import UNKNOWN
from bench.errors import InputError
from flopcensus.exports.codes import (
    GROUP,
    NOT_KNOWN,
    STATISTICS,
    TOTAL,
    CodeIds,
    dimension_of,
    precision_code,
)
from flopcensus.exports.structure import (
    ATTRIBUTES,
    DATAFLOW_REFERENCE,
    DIMENSIONS,
    MEASURE,
    structure_message,
)
from flopcensus.exports.table import Row
from flopcensus.output import escape_cell, to_json

HEADER = ("STRUCTURE", "STRUCTURE_ID", "ACTION", *DIMENSIONS, MEASURE, *ATTRIBUTES)
# the guide's word for a release that takes the place of what was there before
_REPLACE = "R"
_MISSING = "NaN"
# powers of ten that values are given in, by unit: PFLOP/s, PB/s; fractions are given in per cent
_UNITS = {"FLOP/s": ("FLOP_S", 15), "H100e": ("H100E", 0), "byte/s": ("BYTE_S", 15), "B/s": ("BYTE_S", 15)}
_PERCENT = ("PT", 0)


def to_sdmx(rows: Sequence[Row]) -> tuple[str, str]:
    """Return the observations as SDMX-CSV and the structures they follow as SDMX-JSON.

    Raises:
        InputError: two rows fall on the same key, or a unit has no code.
    """
    ids = CodeIds(rows)
    stream = io.StringIO()
    # RFC 4180 ends lines so
    writer = csv.DictWriter(stream, HEADER, lineterminator="\r\n")
    writer.writeheader()
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        for observation in _observations(row, ids):
            key = tuple(observation[name] for name in DIMENSIONS)
            if key in seen:
                raise InputError(f"SDMX: two rows have the key {'.'.join(key)}; export them apart")
            seen.add(key)
            writer.writerow(observation)
    return stream.getvalue(), to_json(structure_message(ids))


def _observations(row: Row, ids: CodeIds) -> Iterator[dict[str, str]]:
    if row["unit"] not in _UNITS:
        raise InputError(f"SDMX: the unit '{row['unit']}' has no code (known: {', '.join(_UNITS)})")
    withheld = row["conf_status"] != "F"
    shared = _key(row, ids) | _about(row)
    for statistic, column, fraction in STATISTICS:
        value = row[column]
        if value is None and not withheld:
            continue
        unit, power = _PERCENT if fraction else _UNITS[str(row["unit"])]
        text = _MISSING if value is None else plain_decimal(float(value), -2 if fraction else power)
        yield shared | {
            "STATISTIC": statistic,
            "UNIT_MEASURE": unit,
            MEASURE: text,
            "OBS_STATUS": "Q" if value is None else _status(row),
            "DECIMALS": str(len(text.partition(".")[2])) if value is not None else "0",
            "UNIT_MULT": str(power),
        }


def _key(row: Row, ids: CodeIds) -> dict[str, str]:
    """Return the dimensions that the columns of the row give; a group stands on its level's dimension."""
    level = str(row["level"])
    key = {dimension_of(name): _code(row[name], name, ids) for name in MEANING}
    if level.startswith("group of "):
        key[dimension_of(level.removeprefix("group of "))] = GROUP + str(row["code"])
    return key | {
        "BASIS": str(row["basis"]).upper(),
        "PRECISION": precision_code(row),
        "TIME_PERIOD": str(row["as_of"]),
    }


def _code(code: object, level: str, ids: CodeIds) -> str:
    if code is None:
        return TOTAL
    return NOT_KNOWN if code == UNKNOWN else ids.of(level, str(code))


def _about(row: Row) -> dict[str, str]:
    return {
        "STRUCTURE": "dataflow",
        "STRUCTURE_ID": DATAFLOW_REFERENCE,
        "ACTION": _REPLACE,
        "CONF_STATUS": str(row["conf_status"]),
        "N_FACILITIES": _text(row["facilities"]),
        "N_DEPLOYMENTS": _text(row["deployments"]),
        "STATUS_COUNTED": _text(row["status"]),
        "RECIPE": _text(row["recipe"]),
        "CENSUS": _text(row["census"]),
        "SEED": _text(row["seed"]),
        "DRAWS": _text(row["draws"]),
        "SOFTWARE_VERSION": _text(row["version"]),
        "METHOD_DIGEST": _text(row["method_digest"]),
    }


def _text(value: object) -> str:
    return str(escape_cell(value))


def _status(row: Row) -> str:
    """A where the whole estimate rests on what was measured, published or reported; E where on estimates."""
    return "E" if row["rests_on_assumed"] or row["rests_on_derived"] else "A"


def plain_decimal(value: float, power: int) -> str:
    """Return value ÷ 10^power in plain digits, without loss.

    >>> plain_decimal(3.5e21, 15), plain_decimal(0.25, -2), plain_decimal(0.0, 15)
    ('3500000', '25', '0')
    """
    text = format(Decimal(repr(value)).scaleb(-power), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
