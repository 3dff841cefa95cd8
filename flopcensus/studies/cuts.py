"""Supply cuts of a study: the located capacity over time after each, on the study's last basis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from accounting.accounts.estimate import Request
from accounting.capacity.stock.rates import load_stock_rates
from accounting.census.selection import Selection
from accounting.planning.scenarios.cut import Cut
from accounting.planning.scenarios.cut_parameters import load_cut_parameters
from accounting.planning.scenarios.origin import Scope, places
from accounting.planning.scenarios.outcome import Grounds
from accounting.planning.scenarios.supply_cut import supply_cut
from accounting.planning.scenarios.supply_cut_files import SupplyCutSpec
from bench.errors import InputError
from flopcensus.answering.reading import read_territories, today
from flopcensus.documents.supply_cut import supply_cut_document
from flopcensus.studies.rounding import rounded

if TYPE_CHECKING:
    from flopcensus.studies.study import Study

_DROPPED = ("schema", "flopcensus_version", "census")


def cuts_document(study: Study, progress: Callable[[int, int], None] | None = None) -> list[dict[str, Any]]:
    """Return each cut as plain data; one that cannot be worked out says why in ``reason``."""
    found = []
    for done, spec in enumerate(study.cuts, 1):
        head = {
            "id": spec.id,
            "name": spec.name,
            "hypothetical": spec.hypothetical,
            "group": spec.group,
            "note": spec.note,
            "sources": [
                {"url": source.url, "title": source.title, "date": source.date.isoformat()}
                for source in spec.sources
            ],
        }
        found.append(head | _worked_out(study, spec))
        if progress:
            progress(done, len(study.cuts))
    return found


def _worked_out(study: Study, spec: SupplyCutSpec) -> dict[str, Any]:
    try:
        answer = supply_cut(study.ledger, _request(study, spec), cut_of(spec), _grounds(study, spec))
    except InputError as error:
        return {"reason": str(error)}
    whole = supply_cut_document(answer)
    return {name: rounded(value) for name, value in whole.items() if name not in _DROPPED} | {"reason": None}


def cut_of(spec: SupplyCutSpec) -> Cut:
    """Return the cut that a scenario states; at all places where it names none."""
    scope: Scope = "firm" if spec.from_firms else "nation"
    cutting = spec.from_firms or spec.from_nations
    at = tuple(dict.fromkeys(spec.at or places(scope)))
    return Cut(cutting, scope, at, spec.on, frozenset(spec.stop), spec.years)


def _request(study: Study, spec: SupplyCutSpec) -> Request:
    plan, day = study.spec, today()
    return Request(
        Selection(day),
        plan.bases_in_order()[-1:],
        plan.precision,
        "flops",
        countries=read_territories(spec.countries, spec.group, study.facts, day),
        seed=plan.seed,
        draws=min(plan.view_draws, plan.draws),
    )


def _grounds(study: Study, spec: SupplyCutSpec) -> Grounds:
    return Grounds(
        study.facts,
        study.calibration,
        load_stock_rates(),
        load_cut_parameters(None, dict(spec.parameters)),
        today(),
    )
