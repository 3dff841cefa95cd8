"""A claim such as "21 AI exaFLOPS", read by every accelerator and precision it may mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flopcensus.documents.decode import Answer


def run_decode(
    claim: str,
    accelerators: Sequence[str],
    counts: Sequence[str],
    calibrations: Sequence[Path],
    drawn: tuple[int, int],
) -> Answer:
    """Decode a claim; ``drawn`` is the number of draws and their seed. Raises InputError and its kin."""
    from accounting.capacity.calibration import load_calibration
    from accounting.claims.readings import decode
    from accounting.reference.facts import load_facts
    from flopcensus.documents.decode import answer

    facts = load_facts()
    decoded = decode(claim, facts, accelerators, [_count(text) for text in counts])
    return answer(decoded, facts, load_calibration(facts, calibrations), drawn[1], drawn[0])


def _count(text: str) -> float:
    """Read a count as counts are written everywhere: ``5448``, ``5,448``, ``16k``."""
    from pydantic_core import PydanticCustomError

    from accounting.errors import quote
    from accounting.quantities import read_quantity
    from bench.errors import InputError

    try:
        return read_quantity(text, "count")
    except PydanticCustomError as error:
        raise InputError(f"--count: {error.message()} (found {quote(text)})") from None
