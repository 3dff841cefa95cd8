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
    *,
    draws: int,
    seed: int,
) -> Comparison:
    """Compare clusters, each a file or the id of a shipped one. Raises InputError and its kin."""
    from accounting.planning.clusters import load_cluster
    from accounting.planning.compare import compare

    by = _planner(precisions, bases, overlays, calibrations, draws, seed)
    return compare([load_cluster(source, by.facts) for source in clusters], by)


def _planner(
    precisions: tuple[str, ...],
    bases: tuple[str, ...],
    overlays: tuple[Path, ...],
    calibrations: tuple[Path, ...],
    draws: int,
    seed: int,
) -> Planner:
    from accounting.capacity.bases import BASES
    from accounting.capacity.calibration import load_calibration
    from accounting.capacity.h100e import load_h100e
    from accounting.planning.outlook import planner
    from accounting.reference.accelerators import PRECISIONS
    from accounting.reference.facts import load_facts
    from accounting.reference.shipped import configs_root
    from flopcensus.answering.reading import listed, require_known

    asked, named = listed(precisions), listed(bases)
    require_known("precision", asked, PRECISIONS)
    require_known("basis", named, BASES)
    facts = load_facts(overlays=overlays)
    return planner(
        facts,
        load_calibration(facts, calibrations),
        precisions=asked,
        bases=tuple(basis for basis in BASES if basis in named) or BASES,
        size=draws,
        seed=seed,
        h100e=load_h100e(configs_root() / "h100e.yaml"),
    )
