"""Checks for the tests of those who build on flopcensus: each says which rows are at fault, and by how much.

from flopcensus import testing

testing.assert_sums_to_total(fc.estimate("mine.yaml"))
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from flopcensus.library.bench import BenchRecord
    from flopcensus.library.estimate import Estimates

__all__ = ["assert_accounts_close", "assert_record_valid", "assert_sums_to_total"]

_FIGURES = ("p5", "p50", "p95", "mean")
_MOST_NAMED = 5


def assert_accounts_close(
    actual: Estimates | pd.DataFrame,
    expected: Estimates | pd.DataFrame,
    *,
    rtol: float = 1e-9,
    columns: tuple[str, ...] = (*_FIGURES, "share"),
) -> None:
    """Assert that two accounts have the same rows, in the same units, with figures that are close.

    Args:
        actual: estimates, or a frame such as their ``accounts`` or ``total``.
        expected: likewise.
        rtol: relative tolerance; with other draws or another seed, 0.05 is apt for the percentiles.
        columns: the figures compared; those that neither has are passed over.

    Raises:
        AssertionError: names the rows that only one of them has, or that differ most.
    """
    import numpy as np

    ours, theirs = _accounts(actual), _accounts(expected)
    only = ours.index.symmetric_difference(theirs.index)
    if len(only):
        sides = [
            f"{_row(key)} only in {'actual' if key in ours.index else 'expected'}"
            for key in only[:_MOST_NAMED]
        ]
        raise AssertionError(f"{len(only)} rows in one of them only: {'; '.join(sides)}")
    theirs = theirs.loc[ours.index]
    if "unit" in ours and (other := ours["unit"] != theirs["unit"]).any():
        key = ours.index[other][0]
        raise AssertionError(f"{_row(key)}: {ours.loc[key, 'unit']} against {theirs.loc[key, 'unit']}")
    compared = [name for name in columns if name in ours and name in theirs]
    if not compared:
        raise AssertionError(f"nothing to compare: neither has {', '.join(columns)}")
    a, b = ours[compared].to_numpy(float), theirs[compared].to_numpy(float)
    far = ~np.isclose(a, b, rtol=rtol, atol=0.0, equal_nan=True)
    if far.any():
        said = [
            f"{_row(ours.index[row])} {compared[column]}: {a[row, column]:.6g} against {b[row, column]:.6g}"
            for row, column in np.argwhere(far)[:_MOST_NAMED]
        ]
        raise AssertionError(f"{far.sum()} figures differ by more than {rtol:g}: {'; '.join(said)}")


def assert_sums_to_total(estimates: Estimates, *, rtol: float = 1e-9) -> None:
    """Assert that the means of every level add up to the total, and its shares to 1, on every basis.

    Raises:
        AssertionError: names the basis and level, and both sums.
    """
    totals = estimates.total["mean"]
    for (basis, precision, level), rows in estimates.accounts.groupby(["basis", "precision", "level"]):
        whole = float(totals.to_dict()[basis, precision])
        if not whole:
            continue
        for what, found, due in (
            ("means", float(rows["mean"].sum()), whole),
            ("shares", float(rows["share"].sum()), 1.0),
        ):
            if abs(found - due) > rtol * due:
                raise AssertionError(
                    f"{basis} {precision}: {what} by {level} add up to {found:.9g}, not to {due:.9g}"
                )


def assert_record_valid(record: BenchRecord | Mapping[str, Any] | str | Path) -> None:
    """Assert that something is a record as this version writes it: a file, its content, or one in memory.

    Raises:
        AssertionError: says what is wrong, and where.
    """
    import json

    from bench.errors import RecordError
    from bench.record import load_record, parse_record

    try:
        if isinstance(record, (str, Path)):
            load_record(Path(record))
            return
        text = json.dumps(dict(record)) if isinstance(record, Mapping) else record.to_json()
        parse_record(text, source="record")
    except RecordError as error:
        raise AssertionError(str(error)) from None


def _accounts(value: Estimates | pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return value if isinstance(value, pd.DataFrame) else value.accounts


def _row(key: Any) -> str:
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)
