"""All that a study adds to its estimates so that a page can follow its controls without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.errors import FlopcensusError
from flopcensus.output import Meter, note
from flopcensus.studies.countries import countries_document
from flopcensus.studies.cube.cells import CubeRequest
from flopcensus.studies.cube.document import cube_document
from flopcensus.studies.cube.valuing import cube
from flopcensus.studies.cuts import cuts_document
from flopcensus.studies.parts import bridge_entry, fleet_entry, frontier_entry, sold_entry, world_entry

if TYPE_CHECKING:
    from flopcensus.studies.findings import Findings
    from flopcensus.studies.study import Study


def with_views(findings: Findings) -> Findings:
    """Add every view that a page can show; what cannot be worked out says why under ``not_available``."""
    study, found, lacking = findings.study, dict[str, Any](), dict[str, str]()
    parts: Mapping[str, Callable[[], Any]] = {
        "cube": lambda: _cube(study),
        "countries": lambda: countries_document(study, Meter("countries")),
        "world": lambda: world_entry(study),
        "sold": lambda: sold_entry(study),
        "supply_cuts": lambda: cuts_document(study, Meter("supply cuts")),
        "frontier": lambda: frontier_entry(study, findings.comparison),
        "bridge": lambda: bridge_entry(study),
        "fleet": lambda: fleet_entry(study),
    }
    for name, make in parts.items():
        try:
            part = make()
        except FlopcensusError as error:
            note(f"{name}: left out of the results: {error}")
            lacking[name] = str(error)
            continue
        if part is not None:
            found[name] = part
    found["targets"] = list(_targets(found.get("countries")))
    return replace(findings, views=found | {"not_available": lacking})


def _cube(study: Study) -> dict[str, Any]:
    spec = study.spec
    request = CubeRequest(
        as_of=spec.as_of,
        precision=spec.precision,
        days=spec.years,
        precisions=spec.precisions,
        bases=spec.bases_in_order(),
        seed=spec.seed,
        draws=spec.draws,
        view_draws=min(spec.view_draws, spec.draws),
        whole=frozenset(levels for levels in spec.level_tuples() if len(levels) == 1),
    )
    found = cube(study.ledger, request, study.facts, study.calibration, Meter("views"))
    return cube_document(found, study.facts)


def _targets(countries: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Yield the aims of all countries, the nearest first of each."""
    for country in countries["countries"] if countries else ():
        for one in country["targets"]:
            yield {"country": country["code"], "country_name": country["name"]} | one
