"""What a history of nightly runs says, as plain data and as flat rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from flopcensus.answering.fleet_history import HistoryAnswer

if TYPE_CHECKING:
    from bench.fleets.history.findings import Found, Trend

SCHEMA = "flopcensus/fleet-history/1"
COLUMNS = (
    "node",
    "device",
    "model",
    "metric",
    "unit",
    "regressed",
    "since",
    "lost",
    "lost_low",
    "lost_high",
    "before",
    "now",
    "chance",
    "relative",
    "along",
)


def document(answer: HistoryAnswer) -> dict[str, Any]:
    """Return what ``--format json`` prints."""
    found, question = answer.findings, answer.question
    return {
        "schema": SCHEMA,
        "history": str(answer.path),
        "since": _iso(question.since),
        "node": question.node,
        "metric": question.metric,
        "first": _iso(found.first),
        "last": _iso(found.last),
        "nights": found.nights,
        "nodes": found.nodes,
        "series": found.series,
        "judged": found.judged,
        "false_alarm_rate": found.rate,
        "night_correlation": found.correlation,
        "regressed": [_found(one) for one in found.regressed],
        "other_changes": [_found(one) for one in found.found if not one.regressed],
        "trends": [_trend(one) for one in found.trends],
        "not_ok": [
            {"node": node, "device": device, "status": status, "results": count}
            for (node, device, status), count in sorted(answer.not_ok.items())
        ],
        "notes": list(found.notes),
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _found(one: Found) -> dict[str, Any]:
    plain = asdict(one) | {"metric": one.name, "since": _iso(one.since), "along": list(one.along)}
    del plain["name"]
    plain["steps"] = [
        {"date": step.date.isoformat(), "ratio": step.ratio, "ci95": list(step.ci95)} for step in one.steps
    ]
    return plain


def _trend(one: Trend) -> dict[str, Any]:
    plain = asdict(one) | {"metric": one.name}
    del plain["name"]
    return plain


def rows(answer: HistoryAnswer) -> Iterator[dict[str, Any]]:
    """Yield a flat row for each series that changed."""
    for one in answer.findings.found:
        low, high = one.lost_ci95 or (None, None)
        plain = _found(one) | {"lost_low": low, "lost_high": high, "along": "; ".join(one.along)}
        yield {name: plain[name] for name in COLUMNS}
