"""A bridge for people: the stages, the shares after each, and each step's effect."""

from __future__ import annotations

from collections.abc import Sequence

from accounting.accounts.bridge import START, STEPS, Bridge, Unit
from accounting.accounts.levels import MEANING
from accounting.accounts.repairs import Repair
from flopcensus.documents.bridge import UNIT_NAMES, denomination_words
from flopcensus.output import percent, print_table, say, si

_ROWS_SHOWN = 12
_REPAIRS_SHOWN = 5


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
        rows.append((what, str(stage.deployments), denomination_words(stage, unit), effect, total))
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
