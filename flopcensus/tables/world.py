"""Inequality, concentration and who holds what of whom in the world, for people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from accounting.accounts.levels import MEANING
from accounting.accounts.nations.concentration import Concentration
from accounting.accounts.nations.inequality import Inequality
from accounting.accounts.nations.national import Bilateral
from accounting.accounts.nations.world import World
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN
from flopcensus.documents.brief import sources_of
from flopcensus.intervals import span
from flopcensus.output import percent, print_table, printable, say, si

_ROWS, _COLUMNS, _TOP = 8, 6, (1, 3, 5)
_OF = {"population": "people", "gdp_usd": "dollars of product"}
_SIDE = {"territory": "what stands there", "provider": "what is controlled from there"}
_WORDS = {
    "host_by_controller": "host × controller: where it stands, by nation of the controlling unit",
    "host_by_vendor": "host × vendor: where it stands, by nation of the designer",
    "user_by_vendor": "user × vendor: nation of who uses it (where known), by nation of the designer",
}


def print_world(world: World, facts: Facts) -> None:
    """Print the page."""
    request, unit = world.request, world.unit
    known = ", ".join(f"{percent(share)} {kind}" for kind, share in world.kinds.items())
    say(f"World: {span(world.total, unit)}, {request.precision} dense {request.basis} {unit}")
    say(f"  {request.selection.as_of}, {world.census}; rests on {known}\n")
    rows = [_inequality_row(key, one) for key, one in world.inequality.items()]
    columns = ("inequality between nations", "Gini", "5 to 95 %", "nations", "hold nothing", "no figure")
    print_table("inequality (each nation a group of equal persons, or dollars)", columns, rows)
    print_table(
        "concentration (HHI from 0 to 10,000; what is unknown as infinitely many, as one, as the largest's)",
        ("level", "HHI", "if unknown spreads", "if the largest's", *(f"top {n}" for n in _TOP), "unknown"),
        [_concentration_row(level, one) for level, one in world.concentration.items()],
    )
    _print_largest(world, facts)
    for name, matrix in world.matrices.items():
        _print_matrix(_WORDS[name], matrix, unit, facts)
    say(
        f"What is foreign somewhere is abroad of somebody: both sums differ by {world.imbalance:.1e} at most."
    )
    say("Means add up, medians do not. What nobody has located is in no figure: docs/accounts.md.")


def _print_largest(world: World, facts: Facts) -> None:
    rows = []
    for line in world.largest:
        chips = dict.fromkeys(facts.label(e.accelerator or UNKNOWN) for e in line.entries)
        kinds = dict.fromkeys(e.kind for e in line.entries)
        owners = dict.fromkeys(facts.label(o.organisation or UNKNOWN) for e in line.entries for o in e.owners)
        known = (percent(line.share.share), ", ".join(owners), ", ".join(chips), ", ".join(kinds))
        rows.append((f"{line.name} [{line.territory}]", span(line.capacity, world.unit), *known))
    columns = ("site", "median (5 to 95 %)", "share", "owner", "accelerators", "counts known")
    print_table(f"the {len(rows)} largest sites", columns, rows)
    for line in world.largest:
        say(f"  {printable(line.name)}: {printable(' '.join(sources_of(line)))}")
    say("")


def _inequality_row(key: tuple[str, str], one: Inequality) -> tuple[str, ...]:
    level, figure = key
    g = one.gini
    return (
        f"{_SIDE[level]}, by {_OF[figure]}",
        f"{g.p50:.3f}",
        f"{g.p5:.3f} to {g.p95:.3f}",
        str(one.nations),
        str(one.without),
        percent(one.left_out.share),
    )


def _concentration_row(level: str, one: Concentration) -> tuple[str, ...]:
    return (
        MEANING[level],
        f"{one.hhi.p50:,.0f}",
        f"{one.hhi_low.p50:,.0f}",
        f"{one.hhi_high.p50:,.0f}",
        *(percent(one.top[n].p50) if n in one.top else "" for n in _TOP),
        percent(one.unknown.p50),
    )


def _print_matrix(title: str, matrix: Bilateral, unit: str, facts: Facts) -> None:
    means = {key: float(np.mean(draws)) for key, draws in matrix.cells.items()}
    rows, columns = (_ranked(means, place) for place in (0, 1))
    shown = rows[:_ROWS], columns[:_COLUMNS]

    def held(row: str | None, column: str | None) -> str:
        inside = (
            value
            for (r, c), value in means.items()
            if (r == row or (row == "others" and r not in shown[0]) or row == "total")
            and (c == column or (column == "others" and c not in shown[1]) or column == "total")
        )
        total = sum(inside)
        if not total:
            return "0"
        return f"{total:,.0f}" if unit == "H100e" else si(total, unit)

    names = [*shown[0], *(["others"] if rows[_ROWS:] else []), "total"]
    heads = [*shown[1], *(["others"] if columns[_COLUMNS:] else []), "total"]
    table = [(_name(row, facts), *(held(row, column) for column in heads)) for row in names]
    print_table(f"{title}; means, {unit}", ("", *heads), table)


def _ranked(means: Mapping[tuple[str, ...], float], place: int) -> list[str]:
    held: dict[str, float] = {}
    for key, value in means.items():
        held[key[place]] = held.get(key[place], 0.0) + value
    return sorted(held, key=lambda code: (-held[code], code))


def _name(code: str, facts: Facts) -> str:
    return code if code in {"others", "total"} else f"{facts.label(code)} [{code}]"
