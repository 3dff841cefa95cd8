"""Rules about power: figures that are models of other figures, and power outside physics."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from accounting.lint.material import CLUSTERS, FACILITIES, TOP500, Line, Material
from accounting.lint.place_and_date import same_system
from accounting.lint.rates import all_counted
from accounting.lint.rule import Evidence, Figure, rule

# Reported figures of 0.2 to 30 MW are written to four decimals: a constant shows to about one part in 2000.
RATIO_TOLERANCE = 5e-4
# Two systems may agree by chance; three to half a part in a thousand do not.
FEWEST_ALIKE = 3
# A facility draws at least half of its chips' TDP (JUPITER, capped and on the TDP of whole superchips, 0.55),
# and hosts, network and cooling have never taken four times what the chips take.
LEAST_OF_TDP, MOST_OF_TDP = 0.5, 5.0
# Without a TDP: no accelerator of a census draws less than a T4's 70 W, nor a whole node's 10 kW.
LEAST_W, MOST_W = 70.0, 10_000.0
# IT power per H100e on 8-bit peaks: from twice as good as the best of 2026 (GB300, 550 W) to a V100's 6.3 kW.
LEAST_W_PER_H100E, MOST_W_PER_H100E = 200.0, 7000.0
_REPORTED, _LISTED = "Reported Power Capacity (MW)", "Power (kW)"
_KILO, _MEGA = 1e3, 1e6


@rule(
    "power-multiple",
    "Reported power that is a constant times another list's",
    "warning",
    "Figures that differ from another list's by one constant were not reported but multiplied: comparing a "
    "model with them compares two models.",
)
def power_multiple(material: Material) -> Iterator[Evidence]:
    """Find groups of rows whose reported power is one multiple of the TOP500's."""
    for lines in material.by_file(CLUSTERS).values():
        ratios = sorted(_ratios(lines, material.of(TOP500)), key=lambda found: found[0])
        for group in _chains(ratios):
            if len({line.place for _, line, _ in group}) >= FEWEST_ALIKE:
                yield _multiple(group)


def _ratios(lines: Iterable[Line], listed: Sequence[Line]) -> Iterator[tuple[float, Line, Line]]:
    named: defaultdict[str, list[Line]] = defaultdict(list)
    for other in listed:
        if words := other.cells.get("Name", "").casefold().split():
            named[words[-1]].append(other)
    for line in lines:
        reported = line.number(_REPORTED)
        if not reported:
            continue
        ends = set(line.entry.facility_name.casefold().split())
        for other in [one for word in sorted(ends) for one in named.get(word, ())]:
            kilowatts = other.number(_LISTED)
            if kilowatts and same_system(line, other):
                yield reported * _MEGA / (kilowatts * _KILO), line, other


def _chains(
    ratios: Sequence[tuple[float, Line, Line]],
) -> Iterator[list[tuple[float, Line, Line]]]:
    """Cut sorted ratios into groups that lie within the tolerance of their first."""
    group: list[tuple[float, Line, Line]] = []
    for item in ratios:
        if group and item[0] > group[0][0] * (1 + RATIO_TOLERANCE):
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def _multiple(group: Sequence[tuple[float, Line, Line]]) -> Evidence:
    constant = sorted(ratio for ratio, _, _ in group)[len(group) // 2]
    reported = math.fsum(line.number(_REPORTED) or 0.0 for _, line, _ in group)
    years = sorted({listed.cells.get("Year", "") for _, _, listed in group})
    names = ", ".join(line.entry.facility_name for _, line, _ in group)
    return Evidence(
        rows=tuple(dict.fromkeys(line.place for _, line, _ in group)),
        found=Figure(reported, "MW", "reported"),
        expected=Figure(reported / constant, "MW", "TOP500, measured while HPL ran"),
        message=f"'{_REPORTED}' of {names} is {constant:.4f} × the TOP500's power (systems of "
        f"{', '.join(years)}): modelled, not reported",
        ratio=constant,
    )


@rule(
    "power-per-chip",
    "Power per chip outside physics",
    "warning",
    "Chips at work draw about their TDP, and what surrounds them never several times as much: power or "
    "count is of something else.",
)
def power_per_chip(material: Material) -> Iterator[Evidence]:
    """Find rows and sites whose power does not fit their chips."""
    for line in _powered(material):
        chips = all_counted(line, material.facts)
        if chips is None or not line.power_w:
            continue
        count = math.fsum(number for _, number in chips)
        tdp = math.fsum(number * (chip.tdp or math.nan) for chip, number in chips)
        known = not math.isnan(tdp)
        least = LEAST_OF_TDP * tdp / count if known else LEAST_W
        most = MOST_OF_TDP * tdp / count if known else MOST_W
        each = line.power_w / count
        if not least <= each <= most:
            basis = f"{LEAST_OF_TDP:g} to {MOST_OF_TDP:g} × TDP" if known else "any accelerator"
            yield _power((line.place,), line.entry.facility_name, each, (least, most), "W per chip", basis)
    for site in material.sites:
        if site.site.h100e and site.site.it_power_w:
            each = site.site.it_power_w / site.site.h100e
            bounds = (LEAST_W_PER_H100E, MOST_W_PER_H100E)
            if not bounds[0] <= each <= bounds[1]:
                yield _power((site.place,), site.site.name, each, bounds, "W per H100e", "IT power")


def _powered(material: Material) -> Iterator[Line]:
    """Yield rows with a power; a facility of several deployments has one power for all, and is not judged."""
    yield from material.of(CLUSTERS)
    facilities: defaultdict[str, list[Line]] = defaultdict(list)
    for line in material.of(FACILITIES):
        facilities[line.entry.facility].append(line)
    yield from (lines[0] for lines in facilities.values() if len(lines) == 1)


def _power(
    rows: tuple[str, ...], name: str, each: float, bounds: tuple[float, float], unit: str, basis: str
) -> Evidence:
    nearest = bounds[0] if each < bounds[0] else bounds[1]
    return Evidence(
        rows=rows,
        found=Figure(each, unit),
        expected=Figure(f"{bounds[0]:,.0f} to {bounds[1]:,.0f} {unit}", unit, basis),
        message=f"{name} has {each:,.0f} {unit}; {basis} is {bounds[0]:,.0f} to {bounds[1]:,.0f}",
        ratio=each / nearest,
    )
