"""A training run as JSON, as CSV and for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from accounting.accounts.account import Quantiles
from accounting.planning.footprint import J_PER_KWH
from accounting.planning.training.choices import Choices, Runs
from accounting.planning.training.question import Outcome, Way
from accounting.planning.training.utilisation import SizeEffect
from flopcensus import __version__
from flopcensus.output import percent, print_table, say, si, to_csv
from flopcensus.plain import quantiles

SCHEMA = "flopcensus/training-run/1"
_SHOWN_SITES = 5
# quantities as people read them; their units stand in the cells
_LABELS = {
    "flop": "work",
    "days": "time",
    "chip_hours": "chip-hours",
    "energy_j": "energy, at the meter",
    "cost_usd": "cost",
    "utilisation": "utilisation, whole run",
    "checkpoint_interval_s": "between checkpoints",
    "between_interruptions_s": "between interruptions",
    "share_lost_to_interruptions": "lost to interruptions",
}
_MINUTE_S = 60.0
_HOUR_S = 3_600.0


@dataclass(frozen=True)
class Answered:
    """An outcome, what else the sites could do, and the effect of model size that both rest on."""

    outcome: Outcome
    choices: Choices
    effect: SizeEffect


def document(found: Answered) -> dict[str, Any]:
    """Return the answer as plain data; the fields that scripts rely on come first."""
    o, question = found.outcome, found.outcome.question
    return {
        "schema": SCHEMA,
        "flopcensus_version": __version__,
        "on": o.of,
        "flop": quantiles(o.flop),
        "days": quantiles(o.days),
        "chip_hours": quantiles(o.accelerator_hours),
        "energy_j": quantiles(o.energy_j),
        "cost_usd": quantiles(o.cost_usd),
        "cost_parts_usd": {name: quantiles(q) for name, q in o.cost_parts.items()},
        "verdict": {
            "done": o.done,
            "within_days": question.days,
            "probability": o.probability,
            "confidence": question.confidence,
            "fits": o.fits,
        },
        "utilisation": quantiles(o.utilisation),
        "shares": [
            {"name": s.name, **quantiles(s.quantiles), "kind": s.kind, "sources": list(s.sources)}
            for s in o.shares
        ],
        "sites": [_site(one) for one in o.run.sites],
        "candidates": len(o.candidates),
        "left_out": dict(o.left_out),
        "interruptions": {
            "checkpoint_interval_s": quantiles(o.checkpoint_interval_s),
            "between_interruptions_s": quantiles(o.between_interruptions_s),
            "share_lost": quantiles(o.lost_to_interruptions),
            "share_lost_to_checkpoints": quantiles(o.lost_to_checkpoints),
        },
        "model": {
            "parameters": quantiles(o.parameters),
            "tokens": quantiles(o.tokens),
            "largest_parameters": quantiles(o.largest_parameters),
            "compute_optimal": question.parameters is None,
        },
        "ways": [_way(way) for way in o.ways],
        "choices": _choices(found.choices),
        "precision": question.precision,
        "share": question.share,
        "restart": question.recovery,
        "seed": question.seed,
        "draws": question.draws,
        "provenance": _provenance(found),
        "warnings": list(o.warnings),
    }


def csv(found: Answered) -> str:
    """Return the main quantities as CSV, a row each with its unit."""
    return to_csv(["quantity", "unit", "p5", "p50", "p95", "mean"], quantity_rows(found))


def quantity_rows(found: Answered) -> list[dict[str, Any]]:
    """Return the main quantities, each with its unit."""
    return [{"quantity": name, "unit": unit, **quantiles(q)} for name, unit, q in _quantities(found.outcome)]


def verdict(o: Outcome) -> str:
    """Return the verdict in one line."""
    days = f"{o.question.days:g} days"
    if not o.fits:
        return (
            f"cannot be done: no site holds a model of {_billions(o.parameters.p50)} parameters in training "
            f"(the roomiest {_billions(o.largest_parameters.p50)})"
        )
    word = "can be done" if o.done else "cannot be done"
    return (
        f"{word} within {days}: probability {percent(o.probability)}, "
        f"{percent(o.question.confidence)} asked for"
    )


def print_answer(found: Answered) -> None:
    """Print the answer for people."""
    o = found.outcome
    say(f"{o.flop.p50:.3g} FLOP on {_sites(len(o.run.sites))} of: {o.of}")
    say(verdict(o))
    say("")
    rows = [(_LABELS[name], *_cells(q, unit)) for name, unit, q in _quantities(o)]
    print_table("", ("", "5 %", "50 %", "95 %", "mean"), rows)
    print_table(
        "From peak to useful work (the site that does most; product: its utilisation)",
        ("factor", "5 %", "50 %", "95 %", "known as"),
        [
            (s.name, *(f"{v:.3f}" for v in (s.quantiles.p5, s.quantiles.p50, s.quantiles.p95)), s.kind)
            for s in o.shares
        ],
    )
    _print_sites(o)
    _print_ways(o)
    _print_model(o)
    _print_choices(found.choices, o)
    left = "; ".join(f"{reason}: {number:,}" for reason, number in o.left_out.items())
    if left:
        say(f"left out: {left}")
    say("Intervals are 5th to 95th percentiles. Assumptions with their sources: --format json, provenance.")


def _quantities(o: Outcome) -> Iterator[tuple[str, str, Quantiles]]:
    yield "flop", "FLOP", o.flop
    yield "days", "days", o.days
    yield "chip_hours", "chip-hours", o.accelerator_hours
    yield "energy_j", "J", o.energy_j
    yield "cost_usd", "USD", o.cost_usd
    yield "utilisation", "of peak", o.utilisation
    yield "checkpoint_interval_s", "s", o.checkpoint_interval_s
    yield "between_interruptions_s", "s", o.between_interruptions_s
    yield "share_lost_to_interruptions", "of time", o.lost_to_interruptions


def _cells(q: Quantiles, unit: str) -> tuple[str, ...]:
    return tuple(_cell(value, unit) for value in (q.p5, q.p50, q.p95, q.mean))


def _cell(value: float, unit: str) -> str:
    if unit == "J":
        return si(value / J_PER_KWH * 1e3, "Wh")
    if unit == "s":
        return f"{value / _HOUR_S:,.1f} h" if value >= 2 * _HOUR_S else f"{value / _MINUTE_S:,.1f} min"
    if unit in {"of peak", "of time"}:
        return percent(value)
    if unit == "FLOP":
        return f"{value:.3g} FLOP"
    if unit == "USD":
        return f"{value / 1e6:,.4g} M$"
    return f"{value:,.1f} days" if unit == "days" else f"{value:,.0f}"


def _print_sites(o: Outcome) -> None:
    rows = []
    for one in o.run.sites[:_SHOWN_SITES]:
        of = ", ".join(f"{part.accelerators.mean():,.0f} × {part.batch.accelerator}" for part in one.parts)
        rows.append((f"{one.site.name} ({one.site.territory or 'unknown'})", of, si(one.median, "FLOP/s")))
    more = len(o.run.sites) - len(rows)
    title = "Sites" + (f", the {len(rows)} fastest of {len(o.run.sites)}" if more else "")
    print_table(title, ("site", "accelerators (mean)", "useful rate alone (median)"), rows)


def _print_ways(o: Outcome) -> None:
    if len(o.ways) < 2:
        return
    chosen = len(o.run.sites)
    rows = [
        (
            f"{way.sites}{' (chosen)' if way.sites == chosen else ''}",
            f"{way.accelerators:,.0f}",
            *(f"{days:,.1f}" for days in (way.days.p5, way.days.p50, way.days.p95)),
            percent(way.probability),
        )
        for way in o.ways
    ]
    columns = ("sites linked", "accelerators", "days 5 %", "50 %", "95 %", f"within {o.question.days:g} days")
    print_table("On the fastest sites, linked", columns, rows)


def _print_model(o: Outcome) -> None:
    best = " (learns most from these FLOP)" if o.question.parameters is None else ""
    room = o.largest_parameters
    say(f"model: {_billions(o.parameters.p50)} parameters{best}, {_billions(o.tokens.p50)} tokens")
    say(
        f"  memory holds up to {_billions(room.p50)} parameters ({_billions(room.p5)} to "
        f"{_billions(room.p95)}) in training"
    )


def _billions(value: float) -> str:
    return f"{value / 1e12:,.3g} trillion" if value >= 1e12 else f"{value / 1e9:,.3g} billion"


def _print_choices(choices: Choices, o: Outcome) -> None:
    giant, many = choices.giant_flop, choices.many_flop
    one = f"one run of {_span(giant)} FLOP on {_sites(choices.giant_sites)}"
    several = (
        f", or {choices.many_sites:,} apart of {_span(many)} FLOP in all" if choices.many_sites > 1 else ""
    )
    say(f"in {o.question.days:g} days: {one}{several}")
    say(f"such runs a year: {_runs(choices.one_after_another)} one after another")
    beside = choices.side_by_side
    if beside is not None and beside.at_once > 1:
        say(f"  or {_runs(beside)} side by side, {beside.at_once:,} at once")


def _sites(number: int) -> str:
    return "one site" if number == 1 else f"{number:,} linked sites"


def _runs(runs: Runs) -> str:
    return _span(runs.per_year)


def _span(q: Quantiles) -> str:
    return f"{q.p50:.2g} ({q.p5:.2g} to {q.p95:.2g})"


def _site(one: Any) -> dict[str, Any]:
    return {
        "id": one.site.id,
        "name": one.site.name,
        "territory": one.site.territory,
        "accelerators": [
            {
                "accelerator": part.batch.accelerator,
                "count": quantiles(Quantiles.of(part.accelerators)),
                "kind": part.batch.kind,
                "utilisation": quantiles(Quantiles.of(part.utilisation.draws)),
            }
            for part in one.parts
        ],
        "useful_flop_per_s": quantiles(Quantiles.of(one.rate)),
        "idle": one.idle,
    }


def _way(way: Way) -> dict[str, Any]:
    return {
        "sites": way.sites,
        "accelerators": way.accelerators,
        "days": quantiles(way.days),
        "probability": way.probability,
    }


def _choices(choices: Choices) -> dict[str, Any]:
    def of(runs: Runs | None) -> dict[str, Any] | None:
        if runs is None:
            return None
        return {
            "per_year": quantiles(runs.per_year),
            "at_once": runs.at_once,
            "most_sites": runs.most_sites,
        }

    return {
        "largest_site_flop": quantiles(choices.largest_site_flop),
        "giant": {"flop": quantiles(choices.giant_flop), "sites": choices.giant_sites},
        "many": {"flop": quantiles(choices.many_flop), "sites": choices.many_sites},
        "runs_a_year": {
            "one_after_another": of(choices.one_after_another),
            "side_by_side": of(choices.side_by_side),
        },
    }


def _provenance(found: Answered) -> dict[str, Any]:
    rows: dict[str, Any] = {
        name: {"value": known.value.to_plain(), "kind": known.kind, "source": known.source}
        for name, known in found.outcome.provenance.items()
    }
    effect = found.effect
    rows["model_size"] = {
        "value": {
            "offset": effect.offset,
            "offset_sd": effect.offset_sd,
            "log_half_parameters": effect.log_half,
            "log_half_sd": effect.log_half_sd,
            "runs": effect.runs,
        },
        "kind": "derived",
        "source": "configs/planning/training_runs.yaml",
    }
    return rows
