"""The head of the page: what is counted, the totals, and the walk from paper to delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flopcensus.output import percent
from flopcensus.report.blocks.charts import Measure, Part, bar_chart, stack_chart
from flopcensus.report.blocks.layout import Block, Cell, Chart, Key, Table, columns, row
from flopcensus.report.document.results import Estimate
from flopcensus.report.words import amount, share, spread, tick

# strongest evidence first; the place is the series' style
KINDS = ("measured", "published", "reported", "derived", "assumed")
KIND_MEANING = {
    "measured": "a bench record of flopcensus",
    "published": "a measurement that its source documents",
    "reported": "a statement by the owner, the maker or the press",
    "derived": "computed from published or reported figures",
    "assumed": "no figure found; the family's value, wider",
}


@dataclass(frozen=True)
class Headline:
    """One total, as large figures at the top."""

    basis: str
    meaning: str
    median: str
    interval: str
    of_first: str


def headlines(estimates: Sequence[Estimate]) -> tuple[Headline, ...]:
    """Return the totals, one each basis."""
    return tuple(
        Headline(
            estimate.basis,
            estimate.meaning,
            amount(estimate.total.p50, estimate.unit),
            spread(estimate.total, estimate.unit),
            _of_first(estimate, estimates[0]),
        )
        for estimate in estimates
    )


def _of_first(estimate: Estimate, first: Estimate) -> str:
    """Return the ratio of the means in words; an H100e is another unit on each basis, so has none."""
    if not first.total.mean or estimate.unit == "H100e":
        return "–"
    return percent(estimate.total.mean / first.total.mean)


def warnings(estimates: Sequence[Estimate]) -> tuple[str, ...]:
    """Return every warning once, in order."""
    return tuple(dict.fromkeys(warning for estimate in estimates for warning in estimate.warnings))


def walk(estimates: Sequence[Estimate]) -> Block:
    """Set the totals of all bases under each other."""
    first, unit = estimates[0], estimates[0].unit
    groups = []
    for estimate in estimates:
        q = estimate.total
        of = _of_first(estimate, first)
        label = (
            estimate.basis if estimate is first or of == "–" else f"{estimate.basis}: {of} of {first.basis}"
        )
        series = 0 if estimate is first else 1
        groups.append((label, [Measure(q.p50, q.p5, q.p95, amount(q.p50, unit), series)]))
    described = "; ".join(
        f"{e.basis} {amount(e.total.p50, unit)} ({spread(e.total, unit)})" for e in estimates
    )
    chart = Chart(
        "walk-chart",
        f"Total on each basis, {first.numbers}",
        f"Bars to the median, lines from the 5th to the 95th percentile: {described}.",
        "bases",
        (Key(0, f"{first.basis}, on paper"), Key(1, "from measurements")) if len(estimates) > 1 else (),
        bars=bar_chart(groups, lambda value: tick(value, unit)),
    )
    return Block("walk-block", "Totals", (), (chart,), (_walk_table(estimates),))


def _walk_table(estimates: Sequence[Estimate]) -> Table:
    first = estimates[0]
    heads = columns("Basis", "Median", "5 to 95 %", "Mean", f"Of {first.basis}", figures=4)
    rows = tuple(
        row(
            Cell(estimate.basis, estimate.meaning),
            amount(estimate.total.p50, estimate.unit),
            spread(estimate.total, estimate.unit),
            amount(estimate.total.mean, estimate.unit),
            _of_first(estimate, first),
        )
        for estimate in estimates
    )
    caption = f"Total on each basis, {first.numbers}. The fraction is a ratio of means."
    return Table("walk-table", caption, heads, rows)


def provenance(estimates: Sequence[Estimate]) -> Block:
    """Show what each basis rests on."""
    kinds = _kinds(estimates)
    stacks = [(e.basis, _parts(e, kinds)) for e in estimates]
    described = "; ".join(
        f"{basis}: {', '.join(p.words for p in parts if p.size)}" for basis, parts in stacks
    )
    chart = Chart(
        "provenance-chart",
        "What each total rests on",
        f"Shares of each basis' total by the weakest kind of evidence under it. {described}.",
        "kinds",
        tuple(Key(place, kind, str(n)) for n, (place, kind) in enumerate(kinds, 1)),
        stacks=stack_chart(stacks),
    )
    rows = tuple(
        row(
            Cell(kind, KIND_MEANING.get(kind, "")),
            *(share(estimate.provenance.get(kind, 0.0)) for estimate in estimates),
        )
        for _, kind in kinds
    )
    heads = columns("Kind", *(estimate.basis for estimate in estimates), figures=len(estimates))
    caption = "Share of each total by kind of evidence"
    return Block(
        "provenance-block",
        "What each basis rests on",
        ("A figure is counted under the weakest evidence that it needs.",),
        (chart,),
        (Table("provenance-table", caption, heads, rows),),
    )


def _parts(estimate: Estimate, kinds: Sequence[tuple[int, str]]) -> list[Part]:
    found = estimate.provenance
    return [
        Part(found.get(kind, 0.0), place, str(n), f"{kind} {share(found.get(kind, 0.0))}")
        for n, (place, kind) in enumerate(kinds, 1)
    ]


def _kinds(estimates: Sequence[Estimate]) -> list[tuple[int, str]]:
    """Return (place, kind) for every kind that occurs; one that we do not know comes after those we do."""
    found = dict.fromkeys(kind for estimate in estimates for kind in estimate.provenance)
    order = [*KINDS, *(kind for kind in found if kind not in KINDS)]
    return [(place, kind) for place, kind in enumerate(order) if kind in found]
