"""A training run for people: the verdict, and what the run takes."""

from __future__ import annotations

from accounting.accounts.account import Quantiles
from accounting.planning.footprint import J_PER_KWH
from accounting.planning.training.choices import Choices, Runs
from accounting.planning.training.question import Outcome
from flopcensus.answering.training_run import TrainingAnswer
from flopcensus.documents.training_run import quantities
from flopcensus.output import percent, print_table, say, si

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


def print_answer(found: TrainingAnswer) -> None:
    """Print the answer for people."""
    o = found.outcome
    say(f"{o.flop.p50:.3g} FLOP on {_sites(len(o.run.sites))} of: {o.of}")
    say(verdict(o))
    say("")
    rows = [(_LABELS[name], *_cells(q, unit)) for name, unit, q in quantities(o)]
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
