"""Ids of codes in SDMX: what our codes are called there, and the lists they belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from accounting.accounts.levels import MEANING, NATIONAL
from accounting.reference.names import UNKNOWN
from bench.errors import InputError
from flopcensus.exports.table import Row

# as in the cross-domain code lists
TOTAL, NOT_KNOWN = "_T", "_U"
# groups of nations overlap, and one (EU) has the code of the Union's own bodies
GROUP = "GRP_"
# (code, column of the long table, whether it is a fraction)
STATISTICS = (
    ("MEAN", "mean", False),
    ("P5", "p5", False),
    ("P50", "p50", False),
    ("P95", "p95", False),
    ("MEAN", "share", True),
    ("P5", "share_p5", True),
    ("P95", "share_p95", True),
)
_DIMENSIONS = {
    "territory": "REF_AREA",
    "provider": "COUNTERPART_AREA",
    # VENDOR_AREA, FOUNDRY_AREA, …
    **{level: f"{level.removesuffix('_nation').upper()}_AREA" for level in NATIONAL if "_" in level},
}
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_@$-]")
CLOSED: Mapping[str, Mapping[str, str]] = {
    "BASIS": {
        "PEAK": "Peak: data sheet, dense",
        "ACHIEVABLE": "Achievable: best measured matrix product",
        "SUSTAINED": "Sustained: measured training step at scale",
        "DELIVERED": "Delivered: sustained times availability",
    },
    "STATISTIC": {
        "MEAN": "Mean",
        "P5": "5th percentile",
        "P50": "Median",
        "P95": "95th percentile",
    },
    "UNIT_MEASURE": {
        "FLOP_S": "Floating-point operations per second",
        "H100E": "H100 equivalents on the same basis and precision",
        "BYTE_S": "Bytes per second of memory bandwidth",
        "PT": "Per cent of the total",
    },
    "OBS_STATUS": {
        "A": "Normal value",
        "E": "Estimated value",
        "M": "Missing value; data cannot exist",
        "Q": "Missing value; suppressed",
    },
    "CONF_STATUS": {
        "F": "Free (free for publication)",
        "C": "Confidential statistical information",
        "D": "Secondary confidentiality set by the sender, not for publication",
    },
    "UNIT_MULT": {"0": "Units", "15": "Quadrillions (10 to the 15th)"},
}


def dimension_of(level: str) -> str:
    """Return the dimension of a level: REF_AREA is where it stands, COUNTERPART_AREA who controls it."""
    return _DIMENSIONS.get(level, level.upper())


def list_of(level: str) -> str:
    """Return the code list of a level; the levels of nations share one."""
    return "CL_AREA" if level in NATIONAL else f"CL_{level.upper()}"


def precision_code(row: Row) -> str:
    """Return the code of a row's precision: BF16, FP8_SPARSE, …."""
    text = _NOT_ALLOWED.sub("_", str(row["precision"]).upper())
    return f"{text}_SPARSE" if row["sparse"] else text


class CodeIds:
    """The codes of a table, each with an id that SDMX allows and a name, in the order of first appearance.

    Raises:
        InputError: A group is of a level that there is not.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._ids: dict[tuple[str, str], str] = {}
        self.names: dict[str, dict[str, str]] = {list_of(level): _specials() for level in MEANING}
        self.precisions = {
            precision_code(row): str(row["precision"]) + (" sparse" if row["sparse"] else " dense")
            for row in rows
        }
        for row in rows:
            self._add(row)

    def of(self, level: str, code: str) -> str:
        """Return the id of a code of ours."""
        return self._ids[list_of(level), code]

    def _add(self, row: Row) -> None:
        level, name = str(row["level"]), str(row["name"])
        if level.startswith("group of "):
            of = level.removeprefix("group of ")
            listed = list_of(of)
            if listed not in self.names:
                raise InputError(f"SDMX: a group of the level '{of[:60]}', which there is not")
            self.names[listed][GROUP + str(row["code"])] = f"{name} (group of nations)"
        for place in MEANING:
            code = row[place]
            if code is not None and code != UNKNOWN:
                self._name(list_of(place), str(code), name if level == place else None)

    def _name(self, listed: str, code: str, name: str | None) -> None:
        known = self.names[listed]
        if (listed, code) not in self._ids:
            self._ids[listed, code] = _free(_NOT_ALLOWED.sub("_", code) or "_", known)
            known[self._ids[listed, code]] = name or code
        elif name:
            known[self._ids[listed, code]] = name


def _specials() -> dict[str, str]:
    return {TOTAL: "Total", NOT_KNOWN: "Not known"}


def _free(wanted: str, taken: Mapping[str, str]) -> str:
    """Return an id that is not taken; an id that begins with the prefix of groups is one too many."""
    wanted = f"X_{wanted}" if wanted.startswith(GROUP) else wanted
    number, found = 1, wanted
    while found in taken:
        number += 1
        found = f"{wanted}_{number}"
    return found
