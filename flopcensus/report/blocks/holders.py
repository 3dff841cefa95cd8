"""Who holds the capacity: levels, groups of nations, crossings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from accounting.accounts.levels import MEANING, NATIONAL, SEPARATOR
from accounting.reference.names import UNKNOWN, WITHHELD
from flopcensus.report.blocks.charts import Measure, bar_chart
from flopcensus.report.blocks.layout import Block, Cell, Chart, Key, Table, columns, row
from flopcensus.report.document.results import Estimate, Group, Row
from flopcensus.report.words import amount, level_name, share, shares, spread

MOST_BARS = 10
_DWARFED = 0.1  # a second holder below this share is hard to see beside the first
Bars = tuple[str, list[Measure]]
_UNSAID = {UNKNOWN, WITHHELD}


def levels(estimates: Sequence[Estimate]) -> tuple[Block, ...]:
    """Return one block a level, in the order of the accounts."""
    single = [level for level in estimates[-1].accounts if "," not in level]
    return tuple(_level(level, place, estimates) for place, level in enumerate(single))


def _level(level: str, place: int, estimates: Sequence[Estimate]) -> Block:
    name = level_name(level)
    id = f"level-{place}"
    charts = _level_charts(level, id, estimates) if estimates[-1].accounts[level] else ()
    table = _level_table(level, id, estimates[-1])
    return Block(id, f"By {name}", _level_sentences(level, estimates), charts, (table,))


def _level_sentences(level: str, estimates: Sequence[Estimate]) -> tuple[str, ...]:
    last = estimates[-1]
    meaning = MEANING.get(level)
    sentences = [f"{level_name(level).capitalize()}: {meaning}."] if meaning else []
    rows = last.accounts[level]
    if not rows:
        return (*sentences, "Nothing is counted on this level.")
    found = last.concentration.get(level)
    if found:
        sentences.append(
            f"HHI {found.hhi:,.0f} of 10,000 on {last.basis}, "
            f"effective number of holders {found.effective_number:.1f}."
        )
    unsaid = [r for r in rows if r.code in _UNSAID]
    if unsaid:
        part = share(sum(r.share for r in unsaid))
        sentences.append(
            f"{part} of {last.basis} is {' or '.join(r.name for r in unsaid)}; it counts as one "
            "holder, of which there may be more, or some among those named."
        )
    return tuple(sentences)


def _level_charts(level: str, id: str, estimates: Sequence[Estimate]) -> tuple[Chart, ...]:
    """Return the chart of a level; where one holder dwarfs the rest, the rest again at a larger scale."""
    rows = estimates[-1].accounts[level]
    shown = estimates[:: max(len(estimates) - 1, 1)]
    tables = [{r.code: r for r in e.accounts.get(level, ())} for e in shown]
    bases, name = [e.basis for e in shown], level_name(level)
    if len(rows) > 2 and rows[1].share < _DWARFED:
        leader = rows[0]
        pair = [
            (leader.name, [_share_measure(table.get(leader.code), n) for n, table in enumerate(tables)]),
            ("all others", [_others(table.get(leader.code), n) for n, table in enumerate(tables)]),
        ]
        rest = f"Shares by {name}, without {leader.name}: a larger scale"
        return (
            _chart(f"{id}-chart", f"Shares by {name}", pair, bases, leader),
            _chart(f"{id}-rest-chart", rest, _bars(rows[1:], tables), bases, rows[1]),
        )
    return (_chart(f"{id}-chart", f"Shares by {name}", _bars(rows, tables), bases, rows[0]),)


def _bars(rows: Sequence[Row], tables: Sequence[Mapping[str, Row]]) -> list[Bars]:
    """Return the bars of the largest holders, and those of the others together."""
    bars = [
        (r.name, [_share_measure(t.get(r.code), n) for n, t in enumerate(tables)]) for r in rows[:MOST_BARS]
    ]
    rest = [r.code for r in rows[MOST_BARS:]]
    if rest:
        bars.append(
            (f"{len(rest)} more, together (no interval)", [_rest(rest, t, n) for n, t in enumerate(tables)])
        )
    return bars


def _chart(id: str, title: str, bars: Sequence[Bars], bases: Sequence[str], first: Row) -> Chart:
    description = (
        f"Shares of the total on {' and '.join(bases)}. Lines run from the 5th to the 95th percentile. "
        f"{first.name} holds the most of those shown: {share(first.share)} "
        f"({shares(first.share_p5, first.share_p95)}) of {bases[-1]}. All figures are in the table."
    )
    keys = tuple(Key(n, basis) for n, basis in enumerate(bases))
    picture = bar_chart(bars, lambda value: f"{100 * value:g} %", shares=True)
    return Chart(id, title, description, "bases" if len(bases) > 1 else "series", keys, bars=picture)


def _share_measure(found: Row | None, series: int) -> Measure:
    if found is None:
        return Measure(0.0, 0.0, 0.0, share(0.0), series)
    return Measure(found.share, found.share_p5, found.share_p95, share(found.share), series)


def _others(leader: Row | None, series: int) -> Measure:
    """Return what is not the leader's: rows add up to the total in every draw, so its interval mirrors."""
    if leader is None:
        return Measure(1.0, 1.0, 1.0, share(1.0), series)
    rest = max(1 - leader.share, 0.0)
    return Measure(rest, max(1 - leader.share_p95, 0.0), max(1 - leader.share_p5, 0.0), share(rest), series)


def _rest(codes: Sequence[str], table: Mapping[str, Row], series: int) -> Measure:
    """Sum shares of means, which add up; their percentiles do not, so there is no whisker."""
    total = sum(table[code].share for code in codes if code in table)
    return Measure(total, total, total, share(total), series)


def _level_table(level: str, id: str, estimate: Estimate) -> Table:
    rows = estimate.accounts[level]
    coded = any(r.code != r.name for r in rows)
    nations = any(r.nation for r in rows)
    heads = [level_name(level).capitalize(), *(["Code"] if coded else []), *(["Nation"] if nations else [])]
    body = tuple(
        row(
            r.name,
            *([r.code] if coded else []),
            *([r.nation or "–"] if nations else []),
            *_figures(r, estimate.unit),
        )
        for r in rows
    )
    caption = f"{estimate.basis.capitalize()} capacity by {level_name(level)}, {estimate.numbers}"
    return Table(f"{id}-table", caption, columns(*heads, *_FIGURES, figures=len(_FIGURES)), body)


_FIGURES = ("Median", "5 to 95 %", "Share", "Share, 5 to 95 %")


def _figures(found: Row, unit: str) -> tuple[str, ...]:
    return (
        amount(found.p50, unit),
        spread(found, unit),
        share(found.share),
        shares(found.share_p5, found.share_p95),
    )


def groups(estimate: Estimate) -> Table | None:
    """Return the groups of nations as a table of their own, or None where there are none."""
    if not estimate.groups:
        return None
    heads = columns("Group", "Code", "Level", "Members", *_FIGURES, figures=1 + len(_FIGURES))
    body = tuple(
        row(g.name, g.code, level_name(g.level), str(len(g.members)), *_figures(g, estimate.unit))
        for g in _by_level(estimate.groups)
    )
    caption = f"Groups of nations on {estimate.basis}, membership at {estimate.as_of}. They overlap."
    return Table("groups-table", caption, heads, body)


def _by_level(found: Sequence[Group]) -> list[Group]:
    order = list(dict.fromkeys(g.level for g in found))
    return sorted(found, key=lambda g: order.index(g.level))


def crossings(estimate: Estimate) -> tuple[Block, ...]:
    """Return one block a crossing of levels."""
    keys = [key for key in estimate.accounts if "," in key]
    return tuple(_crossing(key, place, estimate) for place, key in enumerate(keys))


def _crossing(key: str, place: int, estimate: Estimate) -> Block:
    parts = key.split(",")
    rows = estimate.accounts[key]
    body = tuple(row(*_combination(r, parts), *_figures(r, estimate.unit)) for r in rows)
    names = [level_name(part) for part in parts]
    heads = columns(*(name.capitalize() for name in names), *_FIGURES, figures=len(_FIGURES))
    caption = f"{estimate.basis.capitalize()} capacity by {level_name(key)}, {estimate.numbers}"
    table = Table(f"crossing-{place}-table", caption, heads, body, heads=len(parts))
    return Block(f"crossing-{place}", level_name(key).capitalize(), _same_nation(rows, parts), (), (table,))


def _combination(found: Row, parts: Sequence[str]) -> list[Cell]:
    """Return the names of a combination, or its codes where the names do not split cleanly."""
    names = found.name.split(SEPARATOR)
    codes = [(found.codes or {}).get(part, "") for part in parts]
    if len(names) != len(parts):
        names = codes if all(codes) else [found.name, *[""] * (len(parts) - 1)]
    return [Cell(name) for name in names]


def _same_nation(rows: Sequence[Row], parts: Sequence[str]) -> tuple[str, ...]:
    """Say how much has one nation on all levels, where all of them are nations."""
    if not set(parts) <= NATIONAL or not rows or not all(r.codes for r in rows):
        return ()
    alike = [
        r for r in rows if r.codes and len(set(r.codes.values())) == 1 and not _UNSAID & {*r.codes.values()}
    ]
    part = share(sum(r.share for r in alike))
    return (f"One and the same nation on all of these levels: {part} of the total (by the mean).",)
