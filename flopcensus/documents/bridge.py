"""A bridge as plain data and as CSV: the stages, the shares after each, and each step's effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from accounting.accounts.bridge import STEPS, Bridge, Stage, Step, Unit
from accounting.accounts.repairs import Repair
from flopcensus.output import to_csv

BRIDGE_SCHEMA = "flopcensus/bridge/1"
BRIDGE_COLUMNS = (
    "step",
    "denomination",
    "unit",
    "level",
    "code",
    "name",
    "amount",
    "effect",
    "share",
    "effect_on_share",
)
UNIT_NAMES: dict[Unit, str] = {"h100e": "H100e", "flops": "FLOP/s"}


def bridge_document(bridge: Bridge, unit: Unit) -> dict[str, Any]:
    """Return a bridge as plain data: totals and shares by stage, effects by step."""
    first, last = bridge.stages[0], bridge.stages[-1]
    return {
        "schema": BRIDGE_SCHEMA,
        "from": bridge.published.name,
        "to": "ours",
        "file": bridge.file,
        "source": bridge.published.source,
        "census": bridge.census,
        "published_as_of": bridge.published.as_of.isoformat(),
        "as_of": bridge.target.selection.as_of.isoformat(),
        "basis": bridge.target.basis,
        "level": ",".join(bridge.target.levels),
        "unit": UNIT_NAMES[unit],
        "seed": bridge.target.seed,
        "draws": bridge.target.draws,
        "stages": [_stage_entry(bridge, stage, unit) for stage in bridge.stages],
        "steps": [_step_entry(bridge, step, unit) for step in bridge.steps],
        "difference": {
            "total": last.total(unit) - first.total(unit),
            "rows": [
                {
                    "code": code,
                    "name": bridge.name_of(code),
                    "difference": last.amount(code, unit) - first.amount(code, unit),
                    "share": last.share(code) - first.share(code),
                }
                for code in bridge.codes
            ],
        },
        "repairs": [_repair_entry(repair) for repair in bridge.repairs],
        "warnings": list(bridge.warnings),
    }


def _stage_entry(bridge: Bridge, stage: Stage, unit: Unit) -> dict[str, Any]:
    q, factor = stage.total_flop_per_s, stage.factor(unit)
    return {
        "id": stage.id,
        "denomination": denomination_words(stage, unit),
        "h100e_flop_per_s": stage.h100e_op_per_s,
        "deployments": stage.deployments,
        "skipped": dict(stage.skipped),
        "total": {
            "p5": q.p5 * factor,
            "p50": q.p50 * factor,
            "p95": q.p95 * factor,
            "mean": stage.total(unit),
        },
        "rows": [
            {
                "code": code,
                "name": bridge.name_of(code),
                "mean": stage.amount(code, unit),
                "share": stage.share(code),
            }
            for code in bridge.codes
        ],
    }


def _step_entry(bridge: Bridge, step: Step, unit: Unit) -> dict[str, Any]:
    return {
        "id": step.id,
        "what": STEPS[step.id],
        "effect_on_total": step.effect_on_total(unit),
        "rows": [
            {
                "code": code,
                "name": bridge.name_of(code),
                "effect": step.effect(code, unit),
                "effect_on_share": step.effect_on_share(code),
            }
            for code in bridge.codes
        ],
    }


def _repair_entry(repair: Repair) -> dict[str, Any]:
    return {
        "id": repair.id,
        "name": repair.name,
        "before_flop_per_s": repair.before,
        "after_flop_per_s": repair.after,
    }


def denomination_words(stage: Stage, unit: Unit) -> str:
    """Say what a stage is stated in, such as ``bf16 dense peak H100e``."""
    d = stage.denomination
    return f"{d.precision} {'sparse' if d.sparse else 'dense'} {d.basis} {UNIT_NAMES[unit]}"


def bridge_csv(bridge: Bridge, unit: Unit) -> str:
    """Return all stages as one long CSV; ``effect`` is that of the step which leads to the stage."""
    return to_csv(BRIDGE_COLUMNS, _flat(bridge, unit))


def _flat(bridge: Bridge, unit: Unit) -> Iterator[dict[str, Any]]:
    level = ",".join(bridge.target.levels)
    steps: Sequence[Step | None] = (None, *bridge.steps)
    for stage, step in zip(bridge.stages, steps, strict=True):
        base: dict[str, Any] = {
            "step": stage.id,
            "denomination": denomination_words(stage, unit),
            "unit": UNIT_NAMES[unit],
        }
        total = {"level": "total", "amount": stage.total(unit), "share": 1.0}
        yield base | total | ({"effect": step.effect_on_total(unit), "effect_on_share": 0.0} if step else {})
        for code in bridge.codes:
            row: dict[str, Any] = {"level": level, "code": code, "name": bridge.name_of(code)}
            row |= {"amount": stage.amount(code, unit), "share": stage.share(code)}
            if step:
                row |= {
                    "effect": step.effect(code, unit),
                    "effect_on_share": step.effect_on_share(code),
                }
            yield base | row
