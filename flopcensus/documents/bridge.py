"""A bridge for people and for programs: the stages, the shares after each, and each step's effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from accounting.accounts.bridge import START, STEPS, Bridge, Stage, Step, Unit
from accounting.accounts.levels import MEANING
from accounting.accounts.repairs import Repair
from flopcensus.output import percent, print_table, say, si, to_csv

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
_ROWS_SHOWN = 12
_REPAIRS_SHOWN = 5


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
        "denomination": _denomination(stage, unit),
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


def _denomination(stage: Stage, unit: Unit) -> str:
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
            "denomination": _denomination(stage, unit),
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


def print_bridge(bridge: Bridge, unit: Unit) -> None:
    """Print the stages, the shares after each, the effects of each, and the largest repairs."""
    target = bridge.target
    say(
        f"from {bridge.published.name} ({bridge.file}, {bridge.published.as_of}) to ours "
        f"({bridge.census}, {target.selection.as_of}, {target.basis})\n"
    )
    _print_stages(bridge, unit)
    meaning = " × ".join(MEANING[level] for level in target.levels)
    columns = (",".join(target.levels), *(stage.id for stage in bridge.stages))
    shares = ((stage.share(code) for stage in bridge.stages) for code in bridge.codes[:_ROWS_SHOWN])
    rows = [
        (_label(bridge, code), *map(percent, row)) for code, row in zip(bridge.codes, shares, strict=False)
    ]
    rest = bridge.codes[_ROWS_SHOWN:]
    if rest:
        together = (sum(stage.share(code) for code in rest) for stage in bridge.stages)
        rows.append((f"{len(rest)} more", *map(percent, together)))
    print_table(f"shares after each step ({meaning})", columns, rows)
    _print_effects(bridge, unit)
    _print_repairs(bridge.repairs)
    say(_words(bridge, unit))


def _print_stages(bridge: Bridge, unit: Unit) -> None:
    rows = []
    for stage, step in zip(bridge.stages, (None, *bridge.steps), strict=True):
        what = f"{stage.id}: {STEPS[stage.id]}" if step else "the published figure"
        effect = _moved(step.effect_on_total(unit), unit) if step else ""
        total = si(stage.total(unit), UNIT_NAMES[unit])
        rows.append((what, str(stage.deployments), _denomination(stage, unit), effect, total))
    print_table("the walk", ("step", "rows", "stated in", "effect", "total"), rows)


def _moved(value: float, unit: Unit) -> str:
    text = si(abs(value), UNIT_NAMES[unit])
    return f"{'-' if value < 0 else '+'}{text}" if value else "none"


def _print_effects(bridge: Bridge, unit: Unit) -> None:
    steps = bridge.steps

    def line(codes: Sequence[str], label: str) -> tuple[str, ...]:
        start = sum(bridge.stages[0].amount(code, unit) for code in codes)
        end = sum(bridge.stages[-1].amount(code, unit) for code in codes)
        effects = (sum(step.effect(code, unit) for code in codes) for step in steps)
        moved = (_signed(effect, unit) for effect in effects)
        return (label, _plain(start, unit), *moved, _plain(end, unit))

    rows = [line([code], _label(bridge, code)) for code in bridge.codes[:_ROWS_SHOWN]]
    if rest := bridge.codes[_ROWS_SHOWN:]:
        rows.append(line(rest, f"{len(rest)} more"))
    rows.append(line(bridge.codes, "all"))
    columns = (",".join(bridge.target.levels), START, *(step.id for step in steps), "ours")
    print_table(f"effect of each step, in {_scale(unit)}", columns, rows)


def _print_repairs(repairs: Sequence[Repair]) -> None:
    rows = [
        (
            f"{repair.name} ({repair.id})",
            si(repair.before, "FLOP/s"),
            si(repair.after, "FLOP/s"),
            f"× {repair.after / repair.before:.3g}" if repair.before else "",
        )
        for repair in repairs[:_REPAIRS_SHOWN]
    ]
    if rows:
        title = f"the largest of {len(repairs)} repairs of the published rows"
        print_table(title, ("row", "in the file", "chips × peak", "change"), rows)


def _words(bridge: Bridge, unit: Unit) -> str:
    if unit == "h100e":
        first, last = bridge.stages[0], bridge.stages[-1]
        return (
            f"H100e change their basis twice: {first.h100e_op_per_s / 1e12:,.4g} TOP/s of 8-bit peak in the "
            f"published figure, {bridge.stages[1].h100e_op_per_s / 1e12:,.4g} TFLOP/s of 16-bit peak from "
            f"'precision' on, {last.h100e_op_per_s / 1e12:,.4g} TFLOP/s {last.denomination.basis} at the "
            "end. Shares do not depend on it; --unit flops shows the same walk in operations per second."
        )
    return (
        "Operations are of 8 bits in the published figure, of 16 bits from 'precision' on. "
        "--unit h100e shows each stage in H100e of its own basis."
    )


def _label(bridge: Bridge, code: str) -> str:
    name = bridge.name_of(code)
    return f"{name} [{code}]" if name != code else code


def _scale(unit: Unit) -> str:
    return "thousands of H100e, each stage in its own" if unit == "h100e" else "EFLOP/s"


def _scaled(value: float, unit: Unit) -> float:
    return value / (1e3 if unit == "h100e" else 1e18)


def _plain(value: float, unit: Unit) -> str:
    return f"{_scaled(value, unit):,.1f}"


def _signed(value: float, unit: Unit) -> str:
    text = f"{_scaled(value, unit):+,.1f}"
    return "0" if not text.strip("+-0.") else text
