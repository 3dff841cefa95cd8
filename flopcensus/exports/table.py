"""The long table: a row for each figure of each estimate, with all it takes to read it alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from accounting.accounts.levels import MEANING
from accounting.validation import Kind
from flopcensus.exports.dictionary import NAMES, WITHHELD

if TYPE_CHECKING:
    from accounting.accounts.release.suppression import Pattern

Cell = str | float | int | bool | None
Row = dict[str, Cell]
TOTAL = "total"
_STATED = ("name", "nation", "p5", "p50", "p95", "mean", "share", "share_p5", "share_p95")
_BEHIND = ("facilities", "deployments", "entries_digest", "facts_digest")


def long_rows(estimates: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return all rows of all estimates: for each the total, its levels, its groups."""
    return [row for estimate in estimates for row in _rows(estimate)]


def _rows(estimate: Mapping[str, Any]) -> Iterator[Row]:
    base = _base(estimate)
    total = estimate["total"] | {"share": 1.0, "facts_digest": estimate.get("census_digest")}
    behind = {name: estimate.get(name) for name in ("facilities", "deployments", "entries_digest")}
    yield _row(base, TOTAL, TOTAL, {"name": TOTAL} | total | behind, {})
    for level, rows in estimate["accounts"].items():
        for row in rows:
            yield _row(base, level, row["code"], row, row.get("codes") or {level: row["code"]})
    for group in estimate.get("groups", ()):
        members: Row = {"members": ";".join(group["members"])}
        yield _row(base, f"group of {group['level']}", group["code"], group, {}) | members


def _base(estimate: Mapping[str, Any]) -> Row:
    provenance = estimate.get("provenance") or {}
    return {
        **{
            name: estimate.get(name) for name in ("as_of", "census", "recipe", "basis", "precision", "sparse")
        },
        "status": ";".join(estimate.get("status") or ()),
        "unit": estimate["unit"],
        **{f"rests_on_{kind}": float(provenance.get(kind, 0.0)) for kind in get_args(Kind)},
        "warnings": json.dumps(estimate.get("warnings") or [], ensure_ascii=False),
        "skipped": json.dumps(estimate.get("skipped") or {}, ensure_ascii=False),
        **{name: estimate.get(name) for name in ("seed", "draws", "census_digest", "method_digest")},
        "version": estimate.get("flopcensus_version"),
        "conf_status": "F",
    }


def _row(base: Row, level: str, code: str, row: Mapping[str, Any], codes: Mapping[str, str]) -> Row:
    levels = {name: codes.get(name) for name in MEANING}
    figures = {name: row.get(name) for name in (*_STATED, *_BEHIND)}
    made: Row = base | {"level": level, "code": code} | levels | figures
    return {name: made.get(name) for name in NAMES}


def withhold(rows: Iterable[Row], pattern: Pattern, levels: Iterable[str]) -> list[Row]:
    """Blank what a pattern withholds, and leave out the levels that name contributors."""
    kept = {TOTAL, *levels}
    return [_withheld(row, pattern) for row in rows if str(row["level"]).removeprefix("group of ") in kept]


def _withheld(row: Row, pattern: Pattern) -> Row:
    cell = (str(row["level"]), str(row["code"]))
    # a fingerprint of few deployments could be tried out against guesses
    open_row = row | {"facts_digest": None, "entries_digest": None, "census_digest": None}
    if cell not in pattern.withheld:
        return open_row
    status = "C" if cell in pattern.primary else "D"
    return open_row | dict.fromkeys(WITHHELD) | {"conf_status": status}
