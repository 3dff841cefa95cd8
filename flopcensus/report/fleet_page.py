"""The page of a fleet: one HTML file with nothing to fetch, every string escaped, and a bound to its size.

At most 1,000 rows of 30 metrics in the map, 1,000 lines of what is wrong, 500 files set aside; names and
reasons are cut. So a page stays below 5 MB, however large the fleet; ``--format json`` has everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flopcensus import __version__
from flopcensus.output import percent, si
from flopcensus.report.blocks.layout import Cell, Table, columns, row
from flopcensus.report.fleet.heatmap import MOST_ROWS, SHADES, HeatMap, heat_map
from flopcensus.report.fleet.spreads import SpreadChart, spread_chart
from flopcensus.report.page import environment

if TYPE_CHECKING:
    from flopcensus.answering.fleet import Fleet

MOST_REASONS = 1_000
MOST_SET_ASIDE = 500
MOST_DISTRIBUTIONS = 60
_NAME_CHARACTERS = 80
_REASON_CHARACTERS = 300


@dataclass(frozen=True)
class FleetView:
    """The page as plain data, in its order."""

    version: str
    summary: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    sick_nodes: int
    nodes: int
    false_alarms: str
    sick: Table | None
    map: HeatMap
    shades: tuple[str, ...]
    chart: SpreadChart | None
    distributions: Table
    shifts: Table | None
    set_aside: Table | None
    anonymised: bool
    first: str
    last: str


def render(fleet: Fleet) -> str:
    """Return the page of a judged fleet as HTML."""
    return environment().get_template("fleet.html").render(view=view(fleet))


def view(fleet: Fleet) -> FleetView:
    """Turn a judged fleet into what the page shows."""
    from flopcensus.documents.fleet import document

    found = document(fleet)
    kinds = {one["node"]: [*one["kinds"]] for one in found["nodes"] if one["sick"]}
    shown = fleet.judgement.distributions[:MOST_DISTRIBUTIONS]
    several = len(fleet.judgement.groups) > 1
    labels = [cut(one.metric) + (f" (group {one.group + 1})" if several else "") for one in shown]
    return FleetView(
        version=__version__,
        summary=tuple(_summary(found)),
        notes=tuple(cut(note, _REASON_CHARACTERS) for note in found["notes"]),
        sick_nodes=len(kinds),
        nodes=len(found["nodes"]),
        false_alarms=_false_alarms(found),
        sick=_sick(found) if kinds else None,
        map=_cut_map(heat_map(fleet, kinds)),
        shades=SHADES,
        chart=spread_chart(labels, shown) if shown else None,
        distributions=_distributions(fleet, labels),
        shifts=_shifts(found) if found["shifts"] else None,
        set_aside=_set_aside(found) if found["set_aside"] else None,
        anonymised=found["anonymised"],
        first=found["first"][:10],
        last=found["last"][:10],
    )


def cut(text: str, characters: int = _NAME_CHARACTERS) -> str:
    """Cut a text that a file gave, so that no file decides how large the page is.

    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _summary(found: dict[str, Any]) -> list[tuple[str, str]]:
    devices = ", ".join(f"{one['count']:,} {cut(one['model'])}" for one in found["accelerators"][:6])
    more = len(found["accelerators"]) - 6
    return [
        ("Nodes", f"{len(found['nodes']):,}"),
        ("Devices", devices + (f" and {more} models more" if more > 0 else "")),
        ("Records", f"{found['records']:,} of {found['files']:,} files"),
        ("Measured", _span(found["first"][:16], found["last"][:16])),
    ]


def _span(first: str, last: str) -> str:
    first, last = first.replace("T", " "), last.replace("T", " ")
    return f"{first} UTC" if first == last else f"{first} to {last} UTC"


def _false_alarms(found: dict[str, Any]) -> str:
    if not found["tests"]:
        return "No device was compared with others."
    return (
        f"A fleet without a fault shows any outlier with chance {percent(found['false_alarm_rate'])} at most "
        f"({found['tests']:,} tests)."
    )


def _sick(found: dict[str, Any]) -> Table:
    lines = [
        (one["node"], device, why)
        for one in found["nodes"]
        for device, _, why in (text.partition(": ") for text in one["why"])
    ]
    rows = [
        row(cut(node), cut(device), cut(why, _REASON_CHARACTERS))
        for node, device, why in lines[:MOST_REASONS]
    ]
    caption = "What is wrong, by node and device"
    if len(lines) > MOST_REASONS:
        caption += f"; the first {MOST_REASONS:,} of {len(lines):,}"
    return Table("sick-table", caption, columns("Node", "Device", "Why"), tuple(rows))


def _distributions(fleet: Fleet, labels: list[str]) -> Table:
    found = fleet.judgement.distributions
    rows = tuple(
        row(
            label,
            f"{one.devices:,}",
            si(one.median, one.unit),
            Cell(si(one.quantiles["p5"], one.unit), percent(one.quantiles["p5"] / one.median)),
            Cell(si(one.quantiles["p95"], one.unit), percent(one.quantiles["p95"] / one.median)),
            Cell(si(one.least, one.unit), percent(one.least / one.median)),
            percent(one.spread),
        )
        for label, one in zip(labels, found, strict=False)
    )
    caption = "By metric, with the share of the median; spread is a robust standard deviation"
    if len(found) > len(rows):
        caption += f"; the first {len(rows)} of {len(found)}"
    heads = (
        *columns("Metric"),
        *columns("Devices", "Median", "5th percentile", "95th percentile", "Lowest", "Spread", figures=6),
    )
    return Table("distributions-table", caption, heads, rows)


def _shifts(found: dict[str, Any]) -> Table:
    rows = tuple(
        row(
            cut(one["metric"]),
            f"{one['devices']:,}",
            f"{one['ratio']:.3f}",
            "–" if one["ci95"] is None else f"{one['ci95'][0]:.3f} to {one['ci95'][1]:.3f}",
            "slower" if one["slower"] else "",
        )
        for one in found["shifts"][:MOST_DISTRIBUTIONS]
    )
    heads = (
        *columns("Metric"),
        *columns("Devices", "Now ÷ then", "95 % interval", figures=3),
        *columns("Verdict"),
    )
    return Table("shifts-table", "Median ratio of each device to itself at the baseline", heads, rows)


def _set_aside(found: dict[str, Any]) -> Table:
    files = found["set_aside"]
    rows = tuple(
        row(cut(one["file"], _REASON_CHARACTERS), cut(one["reason"], _REASON_CHARACTERS))
        for one in files[:MOST_SET_ASIDE]
    )
    caption = "Files that were not taken"
    if len(files) > MOST_SET_ASIDE:
        caption += f"; the first {MOST_SET_ASIDE:,} of {len(files):,}"
    return Table("set-aside-table", caption, columns("File", "Reason"), rows)


def _cut_map(found: HeatMap) -> HeatMap:
    from dataclasses import replace

    rows = tuple(replace(one, name=cut(one.name), remark=cut(one.remark)) for one in found.rows[:MOST_ROWS])
    return replace(found, metrics=tuple(cut(one) for one in found.metrics), rows=rows)
