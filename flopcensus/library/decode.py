"""What a claim such as "21 AI exaFLOPS" may mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flopcensus.library.answer import Answer, prefixed, table
from flopcensus.library.asking import Evidence, Texts, asked

if TYPE_CHECKING:
    import pandas as pd

    from flopcensus.answering.decode import DecodedClaim


@dataclass(frozen=True, repr=False, eq=False)
class Decoded(Answer):
    """A claim and its readings."""

    _found: DecodedClaim = field(repr=False)

    @property
    def verdict(self) -> str:
        """One of ``decoded``, ``ambiguous``, ``not as stated``, ``none fits`` and ``no count``."""
        return self._found.decoded.verdict

    @cached_property
    def readings(self) -> pd.DataFrame:
        """Every reading, indexed by (accelerator, precision, sparse); rates in exaFLOP/s.

        ``ratio`` is reading ÷ claim, ``fits`` whether it is within 5 %; ``achievable_p50`` what these
        accelerators do in measured 16-bit dense products.
        """
        rows = [
            {**one, **prefixed(one["measured_exaflops"].get("achievable"), "achievable_")}
            for one in self._document["readings"]
        ]
        columns = (
            "exaflops",
            "count",
            "implied_count",
            "ratio",
            "fits",
            "as_stated",
            "dense_16_bit_exaflops",
        )
        achievable = tuple(f"achievable_{key}" for key in ("p5", "p50", "p95"))
        return table(rows, ("accelerator", "precision", "sparse"), (*columns, *achievable))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the claim was not read."""
        unread = self._found.decoded.claim.unread
        return (f"not read: {unread}",) if unread else ()

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``flopcensus decode --format json`` prints."""
        from flopcensus.documents.decode import document

        return document(self._found)

    def to_csv(self) -> str:
        """Return what ``flopcensus decode --format csv`` prints."""
        from flopcensus.documents.decode import csv

        return csv(self._found)

    def _title(self) -> str:
        return f"{self._found.decoded.claim.text}: {self.verdict}"

    def _shown(self) -> dict[str, pd.DataFrame]:
        columns = ["exaflops", "count", "implied_count", "ratio", "fits", "achievable_p50"]
        return {"readings, exaFLOP/s": self.readings[columns].dropna(axis="columns", how="all")}


def decode(
    claim: str,
    *,
    accelerator: Texts = (),
    count: str | float | Iterable[str | float] = (),
    calibration: Evidence = (),
    draws: int = 10_000,
    seed: int = 0,
) -> Decoded:
    """List every reading of a claim by precision, dense or sparse, and variant of the chip.

    Args:
        claim: the text: ``"21 AI exaFLOPS"``.
        accelerator: whose rates to read it with; those of the H100e where left out.
        count: how many; one for each accelerator.
        calibration: as for `estimate`.
        draws: draws of what is uncertain.
        seed: the same seed gives the same figures.

    Raises:
        InputError: and its kin, with the message of the command line.

    >>> import flopcensus as fc
    >>> found = fc.decode("21 AI exaFLOPS", accelerator="nvidia-gh200", count=5448, draws=100)
    >>> found.readings.query("fits").index.to_list()
    [('nvidia-gh200', 'fp8', True), ('nvidia-gh200', 'int8', True)]
    """
    from flopcensus.answering.decode import run_decode

    given = {"accelerator": accelerator, "count": count, "draws": draws, "seed": seed}
    with asked("decode", given, calibration) as o:
        found = run_decode(
            claim, o["accelerators"], o["counts"], o["calibrations"], draws=o["draws"], seed=o["seed"]
        )
    return Decoded(found)
