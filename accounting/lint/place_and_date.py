"""Rules about place and date: owner's seat taken for location, plans counted as standing, order of dates."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from accounting.census.selection import PLANNED
from accounting.lint.material import CLUSTERS, FACILITIES, TOP500, Line, Material
from accounting.lint.rates import capacity, factor
from accounting.lint.rule import Evidence, Figure, Severity, rule

_TAIL = re.compile(r" phase \d+$", re.IGNORECASE)
# Counts of one system in two lists; the one may leave out nodes that did not run.
_SAME_COUNT = 0.10
_SHORTEST_NAME = 4
_NOTE = "First Operational Date Note"


def same_system(line: Line, listed: Line) -> bool:
    """Whether a row of a census and one of the TOP500 are one system: its name ends with the other's."""
    name = " ".join(_TAIL.sub("", line.entry.facility_name).casefold().split())
    other = " ".join(listed.cells.get("Name", "").casefold().split())
    if len(other) < _SHORTEST_NAME:
        return False
    return name == other or name.endswith(f" {other}")


@rule(
    "owner-seat",
    "The owner's seat taken for the location",
    "warning",
    "A system counts where it stands; a list that asks the owner for an address gives the seat instead, "
    "and moves capacity to another nation.",
)
def owner_seat(material: Material) -> Iterator[Evidence]:
    """Find systems that two lists, or two columns, put in two countries, one of them the owner's."""
    lines = [line for line in material.lines if line.form in {CLUSTERS, FACILITIES}]
    for line in lines:
        seats = {owner.nation for owner in line.entry.owners if owner.nation}
        told = _told(line, material)
        if told and line.entry.territory and told != line.entry.territory:
            yield _seat(material, line, told, (line.place,), "its location says", seats)
        for listed in material.of(TOP500):
            there = listed.entry.territory
            if there and line.entry.territory not in {None, there} and there in seats and _one(line, listed):
                yield _seat(material, line, there, (listed.place, line.place), "the TOP500 says", seats)


def _one(line: Line, listed: Line) -> bool:
    if not same_system(line, listed) or line.entry.accelerator != listed.entry.accelerator:
        return False
    counts = line.entry.count, listed.entry.count
    return not (counts[0] and counts[1]) or math.isclose(counts[0].best, counts[1].best, rel_tol=_SAME_COUNT)


def _told(line: Line, material: Material) -> str | None:
    """Return the country that a location ends with."""
    countries = material.facts.names.countries
    last = re.split(r"[,\n]", line.location)[-1].strip(" .")
    # two letters are a state of the United States as often as a country
    return countries.find(last) if countries and len(last) > 2 else None


def _seat(
    material: Material, line: Line, other: str, rows: tuple[str, ...], who: str, seats: set[str]
) -> Evidence:
    facts, code = material.facts, line.entry.territory or ""
    owner = f", the seat of its owner ({', '.join(facts.label(seat) for seat in sorted(seats))})"
    return Evidence(
        rows=rows,
        found=Figure(other, "country", "seat of the owner" if other in seats else "location"),
        expected=Figure(code, "country", "territory"),
        message=f"{line.entry.facility_name}: {who} {facts.label(other)}{owner if other in seats else ''}, "
        f"the row's country is {facts.label(code)}",
    )


@rule(
    "planned-as-operational",
    "Planned counted as operational",
    "error",
    "What begins operation after the file was made does not operate; a plan counts as a plan.",
)
def planned_as_operational(material: Material) -> Iterator[Evidence]:
    """Find operational rows that begin after their file was made, or are noted as planned."""
    for file, lines in material.by_file().items():
        made = material.made[file]
        running = [line for line in lines if line.entry.status == "operational"]
        for line in running:
            day = line.entry.in_service
            noted = line.cells.get(_NOTE, "").casefold().startswith("planned")
            if (day and day > made) or (noted and day is None):
                value = capacity(line, material.facts)
                why = f"begins on {day}, after {made}" if day else f"its '{_NOTE}' says that it is planned"
                yield Evidence(
                    rows=(line.place,),
                    found=Figure("operational", "status"),
                    expected=Figure("announced", "status", f"on {made}"),
                    message=f"{line.entry.facility_name} ({value:,.0f} H100e) is called operational, but "
                    f"{why}",
                    factor=factor(running, lambda one: capacity(one, material.facts), {line.place: 0.0}),
                    # a note may be older than the status
                    severity=None if day else "warning",
                )


@rule(
    "dates-out-of-order",
    "Dates out of order",
    "warning",
    "A system retires after it began, a later phase begins after the earlier, and a plan lies ahead.",
)
def dates_out_of_order(material: Material) -> Iterator[Evidence]:
    """Find rows retired before they began, phases before what they supersede, and plans of the past."""
    for file, lines in material.by_file().items():
        by_id = {line.entry.id: line for line in lines}
        for line in lines:
            entry = line.entry
            if entry.retired and entry.in_service and entry.retired < entry.in_service:
                why = f"retires on {entry.retired}, before it began"
                yield _dates(line, str(entry.retired), f"after {entry.in_service}", why, "error")
            later = by_id.get(entry.superseded_by or "")
            began = later.entry.in_service if later else None
            if later and began and entry.in_service and began < entry.in_service:
                why = f"began on {entry.in_service}, after {later.entry.facility_name}, which supersedes it"
                yield _dates(line, str(entry.in_service), f"before {began}", why, "warning")
            if entry.status in PLANNED and entry.in_service and entry.in_service <= material.made[file]:
                why = f"is planned for {entry.in_service}, which had passed when the file was made"
                yield _dates(line, str(entry.in_service), f"after {material.made[file]}", why, "warning")


def _dates(line: Line, found: str, expected: str, why: str, severity: Severity) -> Evidence:
    return Evidence(
        rows=(line.place,),
        found=Figure(found, "date"),
        expected=Figure(expected, "date"),
        message=f"{line.entry.facility_name} {why}",
        severity=severity,
    )
