"""Clusters side by side, from the options of ``flopcensus compare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounting.planning.comparison import Comparison
    from accounting.planning.outlook import Planner


def run_comparison(
    clusters: Sequence[str],
    precisions: tuple[str, ...],
    bases: tuple[str, ...],
    overlays: tuple[Path, ...],
    calibrations: tuple[Path, ...],
    drawn: tuple[int, int],
) -> Comparison:
    """Compare clusters by file or id; ``drawn`` is the number of draws and their seed.

    Raises InputError and its kin.
    """
    from accounting.planning.clusters import load_cluster
    from accounting.planning.compare import compare

    by = _planner(precisions, bases, overlays, calibrations, drawn)
    return compare([load_cluster(source, by.facts) for source in clusters], by)


def _planner(
    precisions: tuple[str, ...],
    bases: tuple[str, ...],
    overlays: tuple[Path, ...],
    calibrations: tuple[Path, ...],
    drawn: tuple[int, int],
) -> Planner:
    from accounting.capacity.bases import BASES
    from accounting.capacity.calibration import load_calibration
    from accounting.capacity.h100e import load_h100e
    from accounting.planning.outlook import planner
    from accounting.reference.accelerators import PRECISIONS
    from accounting.reference.facts import load_facts
    from accounting.reference.shipped import configs_root

    asked = _words(precisions, "precision", PRECISIONS)
    named = _words(bases, "basis", BASES)
    facts = load_facts(overlays=overlays)
    return planner(
        facts,
        load_calibration(facts, calibrations),
        precisions=asked,
        bases=tuple(basis for basis in BASES if basis in named) or BASES,
        size=drawn[0],
        seed=drawn[1],
        h100e=load_h100e(configs_root() / "h100e.yaml"),
    )


def _words(texts: tuple[str, ...], what: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Split words at commas, each once. Raises UnknownNameError."""
    from accounting.errors import UnknownNameError

    words = tuple(dict.fromkeys(word.strip() for text in texts for word in text.split(",")))
    for word in words:
        if word not in known:
            raise UnknownNameError(what, word, known)
    return words
