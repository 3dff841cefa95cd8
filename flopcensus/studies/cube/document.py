"""The cube as plain data: columns of equal length, so that the many cells take little room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounting.accounts.levels import Levels
from accounting.capacity.bases import MEMORY, MEMORY_BASES
from accounting.capacity.h100e import load_h100e
from accounting.reference.facts import Facts
from accounting.reference.shipped import configs_root
from flopcensus.studies.cube.cells import FOLD_BELOW, FOLD_BELOW_BEFORE, OTHER, STATUSES, Cube, CubeRow

# the level and the code of the whole of a view
TOTAL = "total"
JOIN = "|"
DIGITS = 4
# of shares, which are at most 1: a thousandth of a percent
SHARE_DECIMALS = 5
COLUMNS = (
    "as_of", "status", "precision", "basis", "level", "code", "p5", "p50", "p95", "mean", "share", "share_p5",
    "share_p95",
)  # fmt: skip


def cube_document(cube: Cube, facts: Facts) -> dict[str, Any]:
    """Return a cube as plain data, rounded to four significant digits.

    Capacities are in FLOP/s, and in B/s where the precision is ``memory``.
    """
    request = cube.request
    rows = [_line(row) for row in cube.rows]
    valued = {(row.precision, row.basis) for row in cube.rows}
    days = sorted({slot.day.isoformat() for slot in request.slots()})
    return {
        "unit": "FLOP/s",
        "digits": DIGITS,
        "share_decimals": SHARE_DECIMALS,
        "seed": request.seed,
        "draws": request.view_draws,
        "own": {
            "as_of": request.as_of.isoformat(),
            "precision": request.precision,
            "status": STATUSES[0],
            "draws": request.draws,
        },
        "years": days,
        "precisions": list(dict.fromkeys((*request.precisions, request.precision))),
        "bases": list(request.bases),
        "memory_bases": [basis for basis in MEMORY_BASES if (MEMORY, basis) in valued],
        "levels": [level_name(levels) for levels in cube.levels],
        "statuses": list(STATUSES),
        "h100e": _h100e(cube),
        "lacking": [
            {"precision": precision, "basis": basis, "reason": reason}
            for (precision, basis), reason in cube.lacking.items()
        ],
        "folded": {
            "code": OTHER,
            "below": FOLD_BELOW,
            "below_before": FOLD_BELOW_BEFORE,
            "codes": {level_name(levels): number for levels, number in cube.folded.items()},
        },
        "coverage": [
            {
                "as_of": one.slot.day.isoformat(),
                "status": one.slot.status,
                "precision": one.precision,
                "deployments": one.deployments,
                "skipped": dict(one.skipped),
            }
            for one in cube.coverage
        ],
        "names": _names(cube, facts),
        "columns": {name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)},
    }


def level_name(levels: Levels) -> str:
    """Return how a level stands in the column.

    >>> level_name(()), level_name(("territory", "provider"))
    ('total', 'territory,provider')
    """
    return ",".join(levels) or TOTAL


def rounded(value: float) -> float:
    """Round to four significant digits.

    >>> rounded(123456.0), rounded(0.0)
    (123500.0, 0.0)
    """
    return float(f"{value:.{DIGITS}g}")


def _line(row: CubeRow) -> tuple[Any, ...]:
    q = row.quantiles
    figures = map(rounded, (q.p5, q.p50, q.p95, q.mean))
    shares = (round(share, SHARE_DECIMALS) for share in (row.share, row.share_p5, row.share_p95))
    code = _code(row.levels, row.codes)
    view = (row.slot.day.isoformat(), row.slot.status, row.precision, row.basis)
    return (*view, level_name(row.levels), code, *figures, *shares)


def _code(levels: Levels, codes: tuple[str, ...]) -> str:
    return JOIN.join(codes) if levels else TOTAL


def _names(cube: Cube, facts: Facts) -> dict[str, dict[str, str]]:
    """Return the name of each code by level; a crossing's codes have theirs at their own levels too."""
    found: dict[str, dict[str, str]] = {level_name(levels): {} for levels in cube.levels}
    for row in cube.rows:
        known = found[level_name(row.levels)]
        code = _code(row.levels, row.codes)
        if code not in known:
            known[code] = " / ".join(_name(one, facts) for one in row.codes) or "all together"
    return found


def _name(code: str, facts: Facts) -> str:
    return "others, each small" if code == OTHER else facts.label(code)


def _h100e(cube: Cube) -> Mapping[str, Mapping[str, float]]:
    table = load_h100e(configs_root() / "h100e.yaml")
    wanted = {cube.request.precision, *cube.request.precisions}
    return {
        basis: {p: value for (b, p), value in table.items() if b == basis and p in wanted}
        for basis in cube.request.bases
    }
