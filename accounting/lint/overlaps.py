"""Rules about counting twice between files: lists of clusters and of data centres name the same sites."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from accounting.lint.material import TOP500, Line, Material, SiteLine
from accounting.lint.rates import H100E_BASIS, capacity
from accounting.lint.rule import Evidence, Figure, rule
from accounting.reference.facts import Facts

_OPERATIONAL = "operational"
_WORD = re.compile(r"[^\W\d_]{4,}")
# words of names and addresses that tell no place
_GENERAL = frozenset(
    _WORD.findall(
        "data center centre centers campus cluster clusters phase expansion stargate supercomputer building "
        "east west north south street road drive parkway avenue boulevard lane circle united states america "
        "texas ohio county school city park project land yard energy infrastructure cloud training"
    )
)


@rule(
    "overlap",
    "The same site in two files",
    "warning",
    "Files that list the same sites by other names cannot be added: one source wins for each site.",
)
def overlap(material: Material) -> Iterator[Evidence]:
    """Find data centres whose territory, owner or user, and place agree with rows of another file."""
    if not material.sites:
        return
    lines = [line for line in material.lines if line.form != TOP500]
    words = _words_of_owners(material.facts)
    keys = {line.place: _line_key(line, material.facts, words) for line in lines}
    for site in material.sites:
        owners, places = _site_key(site, material.facts, words)
        same = [
            line
            for line in lines
            if line.entry.territory == site.site.territory
            and keys[line.place][0] & owners
            and keys[line.place][1] & places
        ]
        if same:
            yield _both(material, site, same, lines)


def _words_of_owners(facts: Facts) -> frozenset[str]:
    spellings = facts.names.organisations.spellings if facts.names.organisations else ()
    return _GENERAL | {word for name in spellings for word in _words(name)}


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}


def _organisations(names: Iterable[str], facts: Facts) -> set[str]:
    table = facts.names.organisations
    return {found for name in names if table and (found := table.find(name.strip()))}


def _line_key(line: Line, facts: Facts, no_places: frozenset[str]) -> tuple[set[str], set[str]]:
    named = _organisations(
        (*line.cells.get("Owner", "").split(","), *line.cells.get("Users", "").split(",")), facts
    )
    owners = named | {owner.organisation for owner in line.entry.owners if owner.organisation}
    return owners, _words(f"{line.entry.facility_name} {line.location}") - no_places


def _site_key(site: SiteLine, facts: Facts, no_places: frozenset[str]) -> tuple[set[str], set[str]]:
    owners = {owner.organisation for owner in site.site.owners if owner.organisation}
    # the town of an address: streets are called after people and other towns
    towns = [part for part in site.site.address.split(",") if not any(map(str.isdigit, part))]
    places = _words(" ".join((site.site.name, *towns))) - no_places
    return owners | _organisations(site.site.users, facts), places


def _both(material: Material, site: SiteLine, same: Sequence[Line], lines: Sequence[Line]) -> Evidence:
    facts = material.facts
    first: Mapping[str, float] = {line.place: capacity(line, facts) for line in same}
    own = site.site.h100e or 0.0
    running = [line for line in lines if line.entry.status == _OPERATIONAL]
    total = math.fsum(capacity(line, facts) for line in running) + math.fsum(
        one.site.h100e or 0.0 for one in material.sites
    )
    names = ", ".join(line.entry.facility_name for line in same[:3]) + (", …" if len(same) > 3 else "")
    return Evidence(
        rows=(site.place, *first),
        found=Figure(own + math.fsum(first.values()), "H100e", H100E_BASIS),
        expected=Figure(own or math.fsum(first.values()), "H100e", H100E_BASIS),
        message=f"{site.site.name} stands in the file of data centres ({own:,.0f} H100e now) and, by owner "
        f"and place, as {names} ({math.fsum(first.values()):,.0f} H100e): count it from one of them",
        factor=_over(total, math.fsum(first[line.place] for line in same if line in running) if own else 0.0),
    )


def _over(total: float, twice: float) -> float | None:
    return total / (total - twice) if total > twice > 0 else None
