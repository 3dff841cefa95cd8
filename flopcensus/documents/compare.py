"""Clusters side by side, as plain data for scripts and as CSV."""

from __future__ import annotations

from typing import Any

from accounting.accounts.crosstabs import Share
from accounting.accounts.nations.profile import Profile
from accounting.planning.comparison import CapacityValue, ClusterValue, Comparison, Difference
from accounting.planning.export_rules import RuleFinding
from accounting.planning.known import Given
from accounting.planning.outlook import METRICS
from accounting.reference.export_control import NOT_LEGAL_ADVICE
from flopcensus.documents.parts import quantiles, row_entry
from flopcensus.output import to_csv

COMPARISON_SCHEMA = "flopcensus/comparison/1"
COMPARISON_COLUMNS = (
    *("cluster", "quantity", "precision", "basis", "code", "unit", "p5", "p50", "p95", "mean", "share"),
)


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return clusters side by side as one document."""
    return {
        "schema": COMPARISON_SCHEMA,
        "precision": comparison.precision,
        "precisions": list(comparison.precisions),
        "bases": list(comparison.bases),
        "seed": comparison.seed,
        "draws": comparison.draws,
        "clusters": [cluster_entry(value) for value in comparison.clusters],
        "differences": [difference_entry(d) for d in comparison.differences],
        "notice": NOT_LEGAL_ADVICE,
    }


def cluster_entry(value: ClusterValue) -> dict[str, Any]:
    """Return one cluster as plain data; power is in watts, None where a TDP is not published."""
    first = next(iter(value.accounts.values()))
    return {
        "id": value.cluster.id,
        "name": value.cluster.name,
        "hypothetical": value.cluster.hypothetical,
        "territory": value.cluster.territory,
        "accelerators": value.accelerators,
        "capacity": {basis: quantiles(a.total) for basis, a in value.accounts.items()},
        "unit": first.denomination.unit,
        "capacities": [capacity_entry(one) for one in value.capacities],
        "provenance": {basis: dict(a.provenance) for basis, a in value.accounts.items()},
        "origin": {
            basis: {account.key: [row_entry(row) for row in account.rows] for account in a.accounts}
            for basis, a in value.accounts.items()
        },
        "concentration": {
            a.key: {"hhi": a.hhi, "effective_number": a.effective_number} for a in first.accounts
        },
        "sovereignty": sovereignty_entry(value.sovereignty),
        "it_power_w": _optional(value, "it_power_w"),
        "facility_power_w": _optional(value, "facility_power_w"),
        "metrics": {
            name: {"unit": metric.unit, "label": METRICS[name][1]} | quantiles(metric.quantiles)
            for name, metric in value.metrics.items()
        },
        "export_rules": [rule_entry(found) for found in value.exports],
        "limits": [
            {
                "limit": one.name,
                "metric": one.metric,
                "value": one.value,
                "probability_kept": one.probability_kept,
            }
            for one in value.limits
        ],
        "phases": [
            {
                "day": one.day.isoformat() if one.day else None,
                "accelerators": one.accelerators,
                "facility_full_load_w": quantiles(one.facility_full_load_w)
                if one.facility_full_load_w
                else None,
                "delivered_flop_per_s": quantiles(one.delivered_flop_per_s),
            }
            for one in value.phases
        ],
        "assumptions": [assumption_entry(one) for one in value.given],
    }


def capacity_entry(one: CapacityValue) -> dict[str, Any]:
    """Return capacity in one precision on one basis as plain data."""
    entry: dict[str, Any] = {"precision": one.precision, "basis": one.basis}
    if one.flop_per_s is None:
        return entry | {"why_not": one.why_not}
    entry |= {"unit": "FLOP/s"} | quantiles(one.flop_per_s)
    return entry | ({"h100e": quantiles(one.h100e)} if one.h100e else {})


def sovereignty_entry(found: Profile) -> dict[str, Any]:
    """Return what of a cluster is its territory's own as plain data."""
    return {
        "code": found.code,
        "joint": share_entry(found.joint),
        "joint_high": share_entry(found.joint_high),
        "weakest": found.weakest,
        "levels": [
            {
                "level": level.level,
                "domestic": share_entry(level.domestic),
                "unknown": share_entry(level.unknown),
            }
            for level in found.levels
        ],
        "exposures": [
            {
                "nation": one.nation,
                "stop_now": share_entry(one.stop_now),
                "stop_growth": share_entry(one.stop_growth),
            }
            for one in found.exposures
        ],
    }


def share_entry(share: Share) -> dict[str, float]:
    """Return a share as plain data."""
    return {"share": share.share, "p5": share.p5, "p95": share.p95}


def rule_entry(found: RuleFinding) -> dict[str, Any]:
    """Return what one export rule makes of a cluster as plain data."""
    return {
        "rule": found.rule.id,
        "date": found.rule.since.isoformat(),
        "until": found.rule.until.isoformat() if found.rule.until else None,
        "in_force": found.in_force,
        "reached": found.reached,
        "class": found.text,
        "tpp": found.tpp,
        "tpp_stopped": found.tpp_stopped,
        "cap_used": found.cap_used,
        "citation": found.rule.citation,
        "batches": [
            {
                "accelerator": one.accelerator,
                "count": one.count,
                "tpp": one.tpp,
                "class": one.text or None,
                "licence": one.licence,
                "refused": one.refused,
                "why_not": one.why_not or None,
            }
            for one in found.batches
        ],
    }


def assumption_entry(one: Given) -> dict[str, Any]:
    """Return one parameter as plain data."""
    return {
        "name": one.name,
        "value": one.value.to_plain(),
        "unit": one.unit,
        "kind": one.kind,
        "source": one.source,
        "default": one.default,
    }


def difference_entry(difference: Difference) -> dict[str, Any]:
    """Return one difference as plain data."""
    return {
        "a": difference.a,
        "b": difference.b,
        "metric": difference.metric,
        "precision": difference.precision,
        "basis": difference.basis,
        "ratio": quantiles(difference.ratio),
        "probability_a_more": difference.probability_a_more,
    }


def comparison_csv(comparison: Comparison) -> str:
    """Return a comparison as one long CSV."""
    return to_csv(COMPARISON_COLUMNS, [row for v in comparison.clusters for row in _rows(v, comparison)])


def _rows(value: ClusterValue, comparison: Comparison) -> list[dict[str, Any]]:
    base = {"cluster": value.cluster.id}
    rows: list[dict[str, Any]] = []
    for one in value.capacities:
        if one.flop_per_s:
            place = {"quantity": "capacity", "precision": one.precision, "basis": one.basis, "unit": "FLOP/s"}
            rows.append(base | place | quantiles(one.flop_per_s))
            if one.h100e:
                rows.append(base | place | {"unit": "H100e"} | quantiles(one.h100e))
    for basis, result in value.accounts.items():
        place = {"precision": comparison.precision, "basis": basis, "unit": result.denomination.unit}
        rows += [
            base | place | {"quantity": f"capacity by {a.key}"} | row_entry(row)
            for a in result.accounts
            for row in a.rows
        ]
    rows += [
        base | {"quantity": name, "unit": metric.unit} | quantiles(metric.quantiles)
        for name, metric in value.metrics.items()
    ]
    return rows


def _optional(value: ClusterValue, metric: str) -> dict[str, float] | None:
    found = value.quantiles(metric)
    return quantiles(found) if found else None
