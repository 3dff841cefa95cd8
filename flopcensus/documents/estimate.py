"""Estimates as plain data: totals, accounts, groups, and what they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from accounting.accounts.drivers import Drivers, VarianceShare
from accounting.accounts.estimate import Estimate
from accounting.accounts.release.origins import Origins, digest
from accounting.accounts.sized import SizedEntries
from accounting.reference.names import EU
from flopcensus import __version__
from flopcensus.documents.parts import group_entry, quantiles, row_entry

ESTIMATE_SCHEMA = "flopcensus/estimate/1"


def estimate_document(estimates: Sequence[Estimate], origins: Origins | None = None) -> dict[str, Any]:
    """Return estimates as one document, a list entry each basis."""
    entries = [estimate_entry(estimate, origins) for estimate in estimates]
    return {"schema": ESTIMATE_SCHEMA, "flopcensus_version": __version__, "estimates": entries}


def estimate_entry(estimate: Estimate, origins: Origins | None = None) -> dict[str, Any]:
    """Return one estimate as plain data; with ``origins``, each row says what stands behind it."""
    entry = _estimate_entry(estimate)
    if origins is None:
        return entry
    method = {"version": __version__, "basis": estimate.basis, **origins.method}
    for account in estimate.accounts.accounts:
        for plain, row in zip(entry["accounts"][account.key], account.rows, strict=True):
            plain.update(origins.of(account.levels, row.codes).to_plain())
    for plain, group in zip(entry["groups"], estimate.accounts.groups, strict=True):
        inside = (*group.members, EU) if group.row.code == EU else group.members
        plain.update(origins.of((group.level,), *((code,) for code in inside)).to_plain())
    total = origins.total
    return entry | {
        "facilities": total.facilities,
        "entries_digest": total.entries_digest,
        "census_digest": total.facts_digest,
        "method_digest": digest(method),
        "method": method,
    }


def _estimate_entry(estimate: Estimate) -> dict[str, Any]:
    request, result = estimate.request, estimate.accounts
    return {
        "census": estimate.census,
        "rows": estimate.rows,
        "as_of": request.selection.as_of.isoformat(),
        "basis": estimate.basis,
        "precision": result.denomination.precision,
        "sparse": result.denomination.sparse,
        "unit": result.denomination.unit,
        "denomination": str(result.denomination),
        "status": sorted(request.selection.statuses),
        "recipe": request.recipe,
        "joint": request.joint,
        "seed": request.seed,
        "draws": request.draws,
        "deployments": result.deployments,
        "skipped": dict(result.skipped),
        "total": quantiles(result.total),
        "accounts": {a.key: [row_entry(row, a) for row in a.rows] for a in result.accounts},
        "groups": [group_entry(group) for group in result.groups],
        "concentration": {
            a.key: {"hhi": a.hhi, "effective_number": a.effective_number} for a in result.accounts
        },
        "provenance": dict(result.provenance),
        "sized": sized_entry(estimate.sized) if estimate.sized else None,
        "warnings": list(estimate.warnings),
        **({"drivers": drivers_entry(estimate.drivers)} if estimate.drivers else {}),
        **_series_entry(estimate),
    }


def _series_entry(estimate: Estimate) -> dict[str, Any]:
    if not estimate.series:
        return {}
    from flopcensus.documents.series import series_entry

    return series_entry(estimate.series)


def drivers_entry(found: Drivers) -> dict[str, Any]:
    """Return what drives a total as plain data, in its unit; shares of variance with standard errors."""
    return {
        "centre": found.centre,
        "sd": found.sd,
        "together": share_entry(found.together),
        "inputs": [
            {
                "input": one.key,
                "name": one.name,
                "inputs": one.inputs,
                "first_order": share_entry(one.first),
                "total_order": share_entry(one.total),
                "low": one.low,
                "high": one.high,
            }
            for one in found.drivers
        ],
    }


def share_entry(share: VarianceShare) -> dict[str, float]:
    """Return a share of variance and its standard error."""
    return {"share": share.value, "error": share.error}


def sized_entry(sized: SizedEntries) -> dict[str, Any]:
    """Return what rests on power, cost or a typical accelerator as plain data."""
    return {
        "deployments": sized.entries,
        "by": dict(sized.clues),
        "typical_accelerator": sized.typical,
        "share_of_peak": sized.share,
        "disagreements": [
            {
                "deployment": one.deployment,
                "widening": one.widening,
                "clues": [
                    {
                        "clue": clue.what,
                        "accelerators": math.exp(clue.estimate.mean),
                        "log_sd": clue.estimate.sd,
                        "z": clue.z,
                        "used": clue.used,
                    }
                    for clue in one.clues
                ],
            }
            for one in sized.apart
        ],
    }
