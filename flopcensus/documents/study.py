"""The results of a whole study as one document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from accounting.accounts.release.origins import trace
from accounting.capacity.efficiency.measurements import Measurement
from accounting.census.ledger import Entry
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN
from flopcensus import __version__

if TYPE_CHECKING:
    from flopcensus.studies.findings import Findings
from flopcensus.documents.estimate import estimate_entry

STUDY_SCHEMA = "flopcensus/results/1"
# parts of a study's results that are too long to indent
_COMPACT = frozenset({"cube", "countries", "supply_cuts", "world", "sold", "targets", "fleet", "bridge"})


def study_document(findings: Findings) -> dict[str, Any]:
    """Return everything a study found as one document; the page is made from it alone."""
    from flopcensus.documents.compare import comparison_document

    study, comparison, record = findings.study, findings.comparison, findings.record
    request = findings.estimates[0].request if findings.estimates else None
    origins = trace(study.ledger, request, study.facts, study.calibration) if request else None
    return {
        "schema": STUDY_SCHEMA,
        "flopcensus_version": __version__,
        "study": study.spec.model_dump(mode="json"),
        "record": record.model_dump(mode="json", by_alias=True) if record else None,
        "estimates": [estimate_entry(e, origins) for e in findings.estimates],
        "comparison": comparison_document(comparison) if comparison else None,
        "facilities": [facility_entry(entry, study.facts) for entry in study.ledger.entries],
        "measurements": [measurement_entry(m, study.facts) for m in study.calibration.measurements],
        **findings.views,
    }


def study_json(document: Mapping[str, Any]) -> str:
    """Write a study's document as JSON, its many columns on a line each."""
    parts = [f"  {json.dumps(key)}: {_json_part(key, value)}" for key, value in document.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _json_part(key: str, value: Any) -> str:
    if key in _COMPACT:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2).replace("\n", "\n  ")


def facility_entry(entry: Entry, facts: Facts) -> dict[str, Any]:
    """Return one deployment of the census as plain data, with names for people and its source."""
    return {
        "deployment": entry.id,
        "facility": entry.facility_name,
        "territory": entry.territory or UNKNOWN,
        "owners": [facts.label(owner.organisation or UNKNOWN) for owner in entry.owners],
        "provider": [owner.nation or UNKNOWN for owner in entry.owners],
        "accelerator": facts.label(entry.accelerator or UNKNOWN),
        "vendor": facts.label(entry.vendor or UNKNOWN),
        "count": entry.count.to_plain() if entry.count else None,
        "in_service": entry.in_service.isoformat() if entry.in_service else None,
        "status": entry.status,
        "kind": entry.kind,
        "source": entry.source,
    }


def measurement_entry(measurement: Measurement, facts: Facts) -> dict[str, Any]:
    """Return one measurement of the calibration as plain data."""
    return {
        "accelerator": facts.label(measurement.accelerator) if measurement.accelerator else None,
        "basis": measurement.basis,
        "precision": measurement.precision or measurement.regime,
        "metric": measurement.metric,
        "achieved_flop_per_s": measurement.achieved,
        "achieved_bytes_per_s": measurement.achieved_bandwidth,
        "fraction": measurement.fraction.to_plain() if measurement.fraction else None,
        "software": measurement.software,
        "date": measurement.date.isoformat(),
        "kind": measurement.kind,
        "source": measurement.source,
    }
