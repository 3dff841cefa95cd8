"""Rules about double counting within a file: phases with their successors, duplicates, plans as standing."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from accounting.census.selection import PLANNED
from accounting.lint.material import CLUSTERS, Line, Material
from accounting.lint.rates import H100E_BASIS, capacity, factor
from accounting.lint.rule import Evidence, Figure, rule
from accounting.reference.facts import Facts

# Two reports of one batch round its count, and one says "installed", the other "online".
SAME_COUNT, SAME_DAYS, SAME_KM = 0.05, 31, 10.0
_EARTH_DIAMETER_KM = 12_742
_PHASE = re.compile(r"^(?P<stem>.+?)[ ,]+phase (?P<number>\d+)$", re.IGNORECASE)
_OPERATIONAL = "operational"


@rule(
    "superseded-twice",
    "Superseded phases counted beside their successors",
    "warning",
    "A later phase includes the earlier: while both are in operation only the later may be summed.",
)
def superseded_twice(material: Material) -> Iterator[Evidence]:
    """Find operational rows whose successor is operational; phases of one name that are not linked too."""
    for lines in material.by_file().values():
        by_id = {line.entry.id: line for line in lines}
        linked = [
            (line, by_id[line.entry.superseded_by])
            for line in lines
            if line.entry.superseded_by in by_id and _running(line)
        ]
        pairs = [(old, new) for old, new in linked if _running(new)]
        if pairs:
            yield _phases(material.facts, pairs, lines, "is superseded by", "the file says so")
        loose = list(_unlinked(lines))
        if loose:
            yield _phases(material.facts, loose, lines, "may be part of", "only the names say so")


def _running(line: Line) -> bool:
    return line.entry.status == _OPERATIONAL and not line.entry.duplicate


def _unlinked(lines: Iterable[Line]) -> Iterator[tuple[Line, Line]]:
    """Yield phases of one name in one country, the later not smaller, that no link joins."""
    stems: defaultdict[tuple[str, str | None], list[tuple[int, Line]]] = defaultdict(list)
    for line in lines:
        if _running(line) and (match := _PHASE.match(line.entry.facility_name)):
            stems[match["stem"].casefold(), line.entry.territory].append((int(match["number"]), line))
    for phases in stems.values():
        ordered = [line for _, line in sorted(phases, key=lambda phase: (phase[0], phase[1].line))]
        for old, new in pairwise(ordered):
            counts = old.entry.count, new.entry.count
            if not old.entry.superseded_by and counts[0] and counts[1] and counts[0].best <= counts[1].best:
                yield old, new


def _phases(
    facts: Facts, pairs: Sequence[tuple[Line, Line]], lines: Sequence[Line], verb: str, how: str
) -> Evidence:
    running = [line for line in lines if _running(line)]
    found, expected, moved = _without(facts, running, [old for old, _ in pairs])
    old, new = pairs[0]
    return Evidence(
        rows=tuple(line.place for line, _ in pairs),
        found=found,
        expected=expected,
        message=f"{len(pairs)} operational row{'s' if len(pairs) > 1 else ''} counted beside a later phase "
        f"({how}): {old.entry.facility_name} {verb} {new.entry.facility_name}"
        + (", and so on" if len(pairs) > 1 else ""),
        factor=moved,
    )


def _without(
    facts: Facts, counted: Sequence[Line], twice: Iterable[Line]
) -> tuple[Figure, Figure, float | None]:
    """Return the total as it stands, the total without the rows counted twice, and their ratio."""
    out = {line.place: 0.0 for line in twice}
    total = math.fsum(capacity(line, facts) for line in counted)
    left = math.fsum(capacity(line, facts) for line in counted if line.place not in out)
    moved = factor(counted, lambda line: capacity(line, facts), out)
    return Figure(total, "H100e", H100E_BASIS), Figure(left, "H100e", H100E_BASIS), moved


@rule(
    "duplicate-flagged",
    "Rows flagged as duplicates that a plain sum counts",
    "warning",
    "The file itself says that these rows may repeat others; leave them out of every total.",
)
def duplicate_flagged(material: Material) -> Iterator[Evidence]:
    """Find operational rows with the file's flag."""
    for lines in material.by_file().values():
        running = [line for line in lines if line.entry.status == _OPERATIONAL]
        flagged = [line for line in running if line.entry.duplicate]
        if flagged:
            found, expected, moved = _without(material.facts, running, flagged)
            yield Evidence(
                rows=tuple(line.place for line in flagged),
                found=found,
                expected=expected,
                message=f"{len(flagged)} operational rows are flagged as possible duplicates",
                factor=moved,
            )


@rule(
    "duplicate",
    "The same batch under two names",
    "warning",
    "Chip, place, date and size agree and the names do not: two reports of one batch, counted twice.",
)
def duplicate(material: Material) -> Iterator[Evidence]:
    """Find pairs of rows of one file that agree in everything but the name."""
    for lines in material.by_file().values():
        groups: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in lines:
            entry = line.entry
            if not (entry.accelerator and entry.territory and entry.count and entry.in_service):
                continue
            if not entry.duplicate and _exact(line, material.facts):
                groups[entry.accelerator, entry.territory].append(line)
        for rows in groups.values():
            for one, other in _near_in_time(rows):
                if _same_batch(one, other):
                    yield _pair(material.facts, one, other, lines)


def _near_in_time(rows: Iterable[Line]) -> Iterator[tuple[Line, Line]]:
    """Yield the pairs that began within the days allowed; a large file is not compared all with all."""
    dated = sorted(
        ((line.entry.in_service, line) for line in rows if line.entry.in_service),
        key=lambda item: (item[0], item[1].line),
    )
    for place, (day, one) in enumerate(dated):
        for later, other in dated[place + 1 :]:
            if (later - day).days > SAME_DAYS:
                break
            yield one, other


def _same_batch(one: Line, other: Line) -> bool:
    a, b = one.entry, other.entry
    if a.status != b.status or a.count is None or b.count is None or a.facility == b.facility:
        return False
    if {a.superseded_by, b.superseded_by} & {a.id, b.id}:
        return False
    return math.isclose(a.count.best, b.count.best, rel_tol=SAME_COUNT) and _same_place(one, other)


def _same_place(one: Line, other: Line) -> bool:
    if one.coordinates and other.coordinates:
        return distance_km(one.coordinates, other.coordinates) <= SAME_KM
    return one.location.casefold() == other.location.casefold()


def _exact(line: Line, facts: Facts) -> bool:
    """Whether a row gives a place; a country alone, or its middle, is none."""
    countries = facts.names.countries
    return bool(line.location) and not (countries and countries.find(line.location))


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the great-circle distance of two places in degrees (haversine formula). Unit: km.

    >>> round(distance_km((48.86, 2.35), (51.51, -0.13)))
    343
    """
    north = [math.radians(place[0]) for place in (one, other)]
    half = math.radians(other[1] - one[1]) / 2
    chord = math.sin((north[1] - north[0]) / 2) ** 2 + math.cos(north[0]) * math.cos(north[1]) * (
        math.sin(half) ** 2
    )
    return _EARTH_DIAMETER_KM * math.asin(min(1.0, math.sqrt(chord)))


def _pair(facts: Facts, one: Line, other: Line, lines: Sequence[Line]) -> Evidence:
    alike = [line for line in lines if line.entry.status == one.entry.status]
    found, expected, moved = _without(facts, alike, [other])
    count = other.entry.count.best if other.entry.count else 0
    return Evidence(
        rows=(one.place, other.place),
        found=found,
        expected=expected,
        message=f"{one.entry.facility_name} and {other.entry.facility_name} agree in chip, place, date and "
        f"size ({count:,.0f} {facts.label(other.entry.accelerator or '')}): one batch or two?",
        factor=moved,
    )


@rule(
    "status-mixing",
    "Planned capacity beside operational",
    "note",
    "A file that holds plans gives another total when everything is summed: by nation the plans may be "
    "thousands of times what stands.",
)
def status_mixing(material: Material) -> Iterator[Evidence]:
    """Say by what factor a sum over all rows exceeds what is in operation, for the file and by nation."""
    for lines in material.by_file(CLUSTERS).values():
        planned = [line for line in lines if line.entry.status in PLANNED]
        if not any(capacity(line, material.facts) for line in planned):
            continue
        yield _mixing(material.facts, planned, lines, "the file")
        for code in sorted({line.entry.territory for line in planned if line.entry.territory}):
            there = [line for line in lines if line.entry.territory == code]
            plans = [line for line in planned if line.entry.territory == code]
            if any(capacity(line, material.facts) for line in plans):
                yield _mixing(material.facts, plans, there, material.facts.label(code))


def _mixing(facts: Facts, planned: Sequence[Line], lines: Sequence[Line], where: str) -> Evidence:
    both = [line for line in lines if line.entry.status in {_OPERATIONAL, *PLANNED}]
    found, expected, moved = _without(facts, both, planned)
    return Evidence(
        rows=tuple(line.place for line in planned),
        found=found,
        expected=expected,
        message=f"{where}: {found.value:,.0f} H100e with what is planned, {expected.value:,.0f} in operation"
        + (f" (× {moved:,.3g})" if moved else ""),
        factor=moved,
    )
