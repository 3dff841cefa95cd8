"""What drives the spread of a total: shares of its variance, and what each input alone does to it."""

from __future__ import annotations

from collections.abc import Sequence

from flopcensus.output import percent
from flopcensus.report.blocks.charts import Measure, bar_chart
from flopcensus.report.blocks.layout import Block, Cell, Chart, Key, Table, columns, row
from flopcensus.report.document.results import Driver, Drivers, Estimate
from flopcensus.report.words import amount, between

_CHARTED = 12


def drivers_block(estimates: Sequence[Estimate]) -> Block | None:
    """Return the drivers of the last basis that has them; None where none has."""
    found = [(e, e.drivers) for e in estimates if e.drivers is not None and e.drivers.inputs]
    if not found:
        return None
    estimate, drivers = found[-1]
    what = f"the total on {estimate.basis}, {estimate.numbers}"
    return Block(
        "drivers-block",
        f"Of {what}",
        (
            "The share of an input is what the variance would lose if it were known (alone), and what it "
            "takes part in (with others).",
            "An input that many deployments share, such as the efficiency of one accelerator, does not "
            "average out over them.",
        ),
        (_chart(drivers, what),),
        (_table(drivers, estimate),),
    )


def _chart(drivers: Drivers, what: str) -> Chart:
    shown = drivers.inputs[:_CHARTED]
    groups = [(one.name, [_measure(one)]) for one in shown]
    described = "; ".join(f"{one.name} {percent(one.total_order.share)}" for one in shown)
    return Chart(
        "drivers-chart",
        f"What drives the spread of {what}",
        f"Shares of the variance, with others, and their 95 % error from the number of draws: {described}.",
        "series",
        (Key(0, "share of the variance, with others"),),
        bars=bar_chart(groups, percent, shares=True),
    )


def _measure(one: Driver) -> Measure:
    share, error = one.total_order.share, 1.96 * one.total_order.error
    value = max(share, 0.0)
    return Measure(value, max(share - error, 0.0), max(share + error, 0.0), percent(value), 0)


def _table(drivers: Drivers, estimate: Estimate) -> Table:
    heads = columns("Input", "Alone", "With others", "Total at its 5 to 95 %", figures=3)
    rows = tuple(
        row(
            Cell(one.name, f"{one.inputs} inputs" if one.inputs > 1 else ""),
            _percent(one.first_order.share, one.first_order.error),
            _percent(one.total_order.share, one.total_order.error),
            between(amount(one.low, estimate.unit), amount(one.high, estimate.unit)),
        )
        for one in drivers.inputs
    )
    caption = (
        "Shares of the variance with their standard errors; the total while one input stands at its 5th and "
        f"95th percentile and all others at their medians ({amount(drivers.centre, estimate.unit)})"
    )
    return Table("drivers-table", caption, heads, rows)


def _percent(share: float, error: float) -> str:
    return f"{100 * share:.1f} ± {100 * error:.1f} %"
