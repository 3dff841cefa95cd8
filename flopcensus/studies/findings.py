"""What a study found: its estimates, the comparison of its clusters, and the views of its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounting.accounts.estimate import Estimate, Request, estimate, with_drivers
from accounting.census.selection import Selection
from accounting.planning.compare import compare
from accounting.planning.comparison import Comparison
from accounting.planning.outlook import planner
from bench.record import Record
from flopcensus.studies.study import Study


@dataclass(frozen=True)
class Findings:
    """What a study found. The record of this machine stands beside the estimates and is no part of them."""

    study: Study
    estimates: tuple[Estimate, ...]
    comparison: Comparison | None
    record: Record | None = None
    views: Mapping[str, Any] = field(default_factory=dict)


def answer(study: Study) -> Findings:
    """Value the study's census and compare its clusters."""
    return Findings(study, _estimates(study), _comparison(study))


def _estimates(study: Study) -> tuple[Estimate, ...]:
    spec = study.spec
    request = Request(
        selection=Selection(as_of=spec.as_of),
        bases=spec.bases_in_order(),
        precision=spec.precision,
        levels=spec.level_tuples(),
        seed=spec.seed,
        draws=spec.draws,
    )
    found = estimate(study.ledger, request, study.facts, study.calibration)
    if not spec.drivers:
        return found
    few = min(spec.view_draws, spec.draws)
    # the last basis has all steps in it, and is the one that the page shows at first
    return tuple(
        with_drivers(one, study.ledger, study.facts, study.calibration, None if one is found[-1] else few)
        for one in found
    )


def _comparison(study: Study) -> Comparison | None:
    if not study.clusters:
        return None
    spec = study.spec
    by = planner(
        study.facts, study.calibration, precisions=(spec.precision,), seed=spec.seed, size=spec.draws
    )
    return compare(study.clusters, by)
