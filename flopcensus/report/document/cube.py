"""The cube of a results document: every view that the page's controls can ask for."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from flopcensus.report.document.parts import NotNegative, Part, Share


class CubeColumns(Part):
    """The cells, a place in each column. Cells that are nought are left out.

    Capacities are in FLOP/s, and in B/s where the precision is ``memory``.
    """

    as_of: tuple[str, ...]
    status: tuple[Literal["operational", "planned"], ...]
    precision: tuple[str, ...]
    basis: tuple[str, ...]
    level: tuple[str, ...]
    code: tuple[str, ...]
    p5: tuple[NotNegative, ...]
    p50: tuple[NotNegative, ...]
    p95: tuple[NotNegative, ...]
    mean: tuple[NotNegative, ...]
    share: tuple[Share, ...]
    share_p5: tuple[Share, ...]
    share_p95: tuple[Share, ...]

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        lengths = {len(getattr(self, name)) for name in type(self).model_fields}
        if len(lengths) > 1:
            raise PydanticCustomError("columns", "columns of different lengths")
        return self


class OwnView(Part):
    """The view of the study itself, worked out with as many draws as its estimates."""

    as_of: str
    precision: str
    status: str
    draws: int


class Lacking(Part):
    """Why there is no cell of a basis in a precision: not nought, but not known."""

    precision: str
    basis: str
    reason: str


class Folded(Part):
    """How many small codes of a level are one row, and how small they are."""

    code: str
    below: Share
    below_before: Share
    codes: dict[str, int]


class Coverage(Part):
    """How many deployments a view values, and how many not, by reason."""

    as_of: str
    status: str
    precision: str
    deployments: int
    skipped: dict[str, int]


class Cube(Part):
    """All accounts by precision, basis, date and status, rounded to ``digits`` significant digits.

    ``draws`` are those of every view but the ``own`` one. ``h100e`` are the constants by basis and precision
    (FLOP/s) that a capacity in H100e is divided by; where there is none, no H100e is defined.

    Memory bandwidth stands in rows of the precision ``memory``, in B/s, on ``memory_bases``; documents of
    before it was counted have none.
    """

    unit: Literal["FLOP/s"]
    digits: int
    share_decimals: int
    seed: int
    draws: int
    own: OwnView
    years: tuple[str, ...]
    precisions: tuple[str, ...]
    bases: tuple[str, ...]
    levels: tuple[str, ...]
    statuses: tuple[str, ...]
    h100e: dict[str, dict[str, NotNegative]]
    memory_bases: tuple[str, ...] = ()
    lacking: tuple[Lacking, ...]
    folded: Folded
    coverage: tuple[Coverage, ...]
    names: dict[str, dict[str, str]]
    columns: CubeColumns

    @model_validator(mode="after")
    def _named(self) -> Self:
        known = {(level, code) for level, codes in self.names.items() for code in codes}
        unnamed = set(zip(self.columns.level, self.columns.code, strict=True)) - known
        if unnamed:
            level, code = min(unnamed)
            what = "a code without a name: {code} of {level}"
            raise PydanticCustomError("unnamed", what, {"code": code, "level": level})
        return self
